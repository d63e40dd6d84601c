"""How far the readings are off: the real way of a tray on pictures whose truth is known.

    python -m benchmarks.accuracy --data DIR [--geometry real|truth] [--json] [--pictures OUT]

`DIR` holds `rendered_trays` (three canteens, exact volumes) and `steel_tray` (photographs, nominal
fractions). Errors are in points (hundredths of a full serving). Truth is a well's own dish's volume over its
full serving, at most 1: a dumped tray's emptied wells are 0, and its soup well counts the soup that is still
in it, not what was scraped onto it. `--geometry truth` takes layout and pose from the bench instead of
finding them, which tells the estimator's errors from the locator's.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from appliance.errors import JanbanError
from appliance.estimate.back_projection import (
    BackProjectionParameters,
    CompartmentEstimate,
    References,
    estimate,
    prepare,
)
from appliance.picture import Picture
from appliance.tray.layout import Points
from appliance.tray.rectify import project
from benchmarks.accuracy_report import Row, report, text
from convert.evaluate.rendered_trays import Shot, Well, reference, returns, set_ups, true_layout
from convert.evaluate.tray_views import (
    FOUND_OVERLAP,
    Geometry,
    RealGeometry,
    TrueGeometry,
    View,
    match_wells,
    overlap,
)

STEEL_TRAY_MM = (375.0, 290.0)
STEEL_TRUTH = {"full": 1.0, "half": 0.5, "empty": 0.0}


@dataclass(frozen=True, eq=False)
class Canteen:
    """One calibrated set-up with both methods."""

    view: Geometry
    ratio: References
    study: References

    @classmethod
    def of(cls, view: Geometry) -> "Canteen":
        """Prepare both methods."""
        ratio, study = BackProjectionParameters(), BackProjectionParameters(method="study")
        return cls(view, prepare(view.calibration, ratio), prepare(view.calibration, study))

    def outline_px(self, id_: int, seen: View) -> Points:
        """Return a compartment's outline in the source picture."""
        outline = {c.id: c.outline_mm for c in self.view.calibration.layout.compartments}[id_]
        return project(outline, seen.picture_from_tray)


def measure_rendered(
    data: Path, geometry: str, pictures: Path | None, every: int = 1
) -> tuple[list[Row], list[str]]:
    """Return all wells of the rendered bench, and the pictures that were rejected with the reason.

    `every` takes only each such returned tray.
    """
    rows: list[Row] = []
    rejected: list[str] = []
    folder = data / "rendered_trays"
    for setup in set_ups(folder):
        empty, full = reference(folder, setup, "empty"), reference(folder, setup, "full")
        layout = true_layout(empty)
        view: Geometry = (
            TrueGeometry(empty, full) if geometry == "truth" else RealGeometry(empty, full, layout.tray_mm)
        )
        canteen = Canteen.of(view)
        numbers = match_wells(view.calibration.layout, layout)
        for shot in returns(folder, setup)[::every]:
            name = f"{setup}/{shot.path.stem}"
            try:
                seen = view.rectified(shot)
            except JanbanError as error:
                rejected.append(f"{name}: {error}")
                rows += [_row(name, shot, well, None, None) for well in shot.wells()]
                continue
            found = estimate(seen.picture, seen.valid, canteen.ratio)
            plain = estimate(seen.picture, seen.valid, canteen.study)
            for well in shot.wells():
                id_ = numbers.get(well.index)
                hit = (
                    id_ is not None
                    and overlap(canteen.outline_px(id_, seen), well.opening_px) >= FOUND_OVERLAP
                )
                ours, study = (found[id_], plain[id_]) if hit and id_ is not None else (None, None)
                rows.append(_row(name, shot, well, ours, study))
            if pictures is not None:
                truths = {numbers[w.index]: w.leftover for w in shot.wells() if w.index in numbers}
                save(pictures / f"{name.replace('/', '_')}.png", canteen, seen, found, truths)
    return rows, rejected


def _row(
    name: str, shot: Shot, well: Well, ours: CompartmentEstimate | None, study: CompartmentEstimate | None
) -> Row:
    return Row(
        picture=name,
        well=well.index,
        kind=well.kind,
        complications=shot.complications,
        state=well.state,
        occluded=well.occluded,
        truth=well.leftover,
        read=ours.estimate.leftover if ours else None,
        study=study.estimate.leftover if study else None,
        uncertainty=ours.estimate.uncertainty if ours else 0.0,
        flags=ours.estimate.flags if ours else (),
    )


def measure_steel(data: Path, pictures: Path | None) -> list[Row]:
    """Return the wells of the photographed tray, whose truth is nominal."""
    folder = data / "steel_tray"
    canteen = Canteen.of(RealGeometry(Shot(folder / "empty.jpg"), Shot(folder / "full.jpg"), STEEL_TRAY_MM))
    rows = []
    for name, truth in STEEL_TRUTH.items():
        seen = canteen.view.rectified(Shot(folder / f"{name}.jpg"))
        found = estimate(seen.picture, seen.valid, canteen.ratio)
        study = estimate(seen.picture, seen.valid, canteen.study)
        if pictures is not None:
            save(pictures / f"steel_{name}.png", canteen, seen, found, dict.fromkeys(found, truth))
        rows += [
            Row(
                picture=f"steel_tray/{name}",
                well=id_,
                kind=ours.kind,
                complications=("photograph",),
                state=name,
                occluded=False,
                truth=truth,
                read=ours.estimate.leftover,
                study=study[id_].estimate.leftover,
                uncertainty=ours.estimate.uncertainty,
                flags=ours.estimate.flags,
            )
            for id_, ours in found.items()
        ]
    return rows


def save(
    path: Path, canteen: Canteen, seen: View, found: dict[int, CompartmentEstimate], truths: dict[int, float]
) -> None:
    """Write the rectified tray with wells and food outlined, and read/true percent per well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture: Picture = seen.picture.copy()
    scale = canteen.view.calibration.px_per_mm
    for well in canteen.view.calibration.layout.compartments:
        for polygon in (well.outline_mm, well.floor_mm):
            cv2.polylines(
                picture, [np.round(polygon * scale).astype(np.int32)], isClosed=True, color=(255, 128, 0)
            )
        one = found[well.id]
        outline, _ = cv2.findContours(one.food_mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outline, -1, (0, 255, 0), 1)
        words = [f"{100 * one.estimate.leftover:.0f}/{100 * truths.get(well.id, float('nan')):.0f}"]
        words += one.estimate.flags
        at = np.round(well.outline_mm.min(axis=0) * scale).astype(int) + np.array([4, 14])
        cv2.putText(picture, " ".join(words), at.tolist(), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 0, 255), 1)
    cv2.imwrite(str(path), picture)


def main(arguments: list[str] | None = None) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description="accuracy of the readings on data with known truth")
    parser.add_argument("--data", type=Path, required=True, help="folder with rendered_trays and steel_tray")
    parser.add_argument("--geometry", choices=("real", "truth"), default="real")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pictures", type=Path, help="write a picture of every tray into this folder")
    options = parser.parse_args(arguments)
    rows, rejected = measure_rendered(options.data, options.geometry, options.pictures)
    steel = measure_steel(options.data, options.pictures) if options.geometry == "real" else []
    figures = report(rows, rejected, steel)
    sys.stdout.write((json.dumps(figures) if options.json else text(figures)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
