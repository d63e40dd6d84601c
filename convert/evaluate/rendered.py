"""The trays of `rendered_trays`, in their exact geometry or found by the appliance itself."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from appliance.tray.layout import Layout
from appliance.tray.rectify import project
from appliance.tray.references import Calibration
from convert.errors import ConvertError
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
from convert.evaluate.trays import Kind, MapTruth, Source, Tray, WellTruth, evenly

HEIGHT_STEPS_PER_MM: Final = 100
DEPTH_STEPS_PER_MM: Final = 50

_KINDS: Final[dict[str, Kind]] = {"soup": "liquid", "rice": "rice", "solid": "solid"}

How = Literal["exact", "located"]


def rendered(folder: Path, how: How, limit: int | None = None) -> Source:
    """Return the returned trays of all canteens of the folder `rendered_trays`.

    At most `limit`, evenly taken. Raises `ConvertError` where there are none.
    """
    trays = [(name, shot.path.stem) for name in set_ups(folder) for shot in returns(folder, name)]
    if not trays:
        raise ConvertError(f"{folder}: has no returned trays, setup*/return_*.jpg; copy the data again")
    chosen = evenly(trays, limit)
    about = (
        "path-traced trays with exact volumes, "
        + {
            "exact": "in their exact geometry",
            "located": "calibrated and located by the appliance itself",
        }[how]
    )
    return Source(
        "rendered" if how == "exact" else "rendered, located",
        about,
        tuple(
            RenderedSetUp(folder, name, how, tuple(stem for of, stem in chosen if of == name))
            for name in dict.fromkeys(of for of, _ in chosen)
        ),
    )


@dataclass(frozen=True)
class RenderedSetUp:
    """One canteen of the folder, and those of its returned trays that are measured."""

    folder: Path
    name: str
    how: How
    pictures: tuple[str, ...]

    @property
    def calibration(self) -> Calibration:
        """Return the calibration. Raises `JanbanError`."""
        return self._geometry.calibration

    @cached_property
    def _geometry(self) -> Geometry:
        empty, full = (reference(self.folder, self.name, name) for name in ("empty", "full"))
        if self.how == "exact":
            return TrueGeometry(empty, full)
        return RealGeometry(empty, full, self._layout.tray_mm)

    @cached_property
    def _layout(self) -> Layout:
        return true_layout(reference(self.folder, self.name, "empty"))

    def tray(self, picture: str) -> Tray:
        """Return one tray. Raises `TrayNotFoundError`, and `JanbanError` for damaged files."""
        shot = Shot(self.folder / self.name / f"{picture}.jpg")
        seen = self._geometry.rectified(shot)
        ids = match_wells(self.calibration.layout, self._layout)
        wells: list[WellTruth] = []
        missed: list[WellTruth] = []
        for well, described in zip(shot.wells(), shot.truth["compartments"], strict=True):
            id_ = ids.get(well.index)
            hit = id_ is not None and self._overlap(id_, well, seen) >= FOUND_OVERLAP
            truth = WellTruth(
                id=id_ if id_ is not None and hit else well.index,
                kind=_KINDS[well.kind],
                leftover=well.leftover,
                state=well.state,
                full_cm3=float(described["full_volume_cm3"]),
            )
            (wells if hit else missed).append(truth)
        return Tray(
            name=f"{self.name}/{picture}",
            complications=shot.complications,
            view=seen.picture,
            valid=seen.valid,
            picture_from_tray=seen.picture_from_tray,
            wells=tuple(wells),
            missed=tuple(missed),
            maps=self._maps(shot),
        )

    def _overlap(self, id_: int, well: Well, seen: View) -> float:
        outline = next(c.outline_mm for c in self.calibration.layout.compartments if c.id == id_)
        return overlap(project(outline, seen.picture_from_tray), well.opening_px)

    def _maps(self, shot: Shot) -> MapTruth:
        def stored(name: str) -> npt.NDArray[Any]:
            path = self.folder / str(shot.truth["gt"][name])
            read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            if read is None:
                raise ConvertError(f"{path}: cannot be read; copy the data again")
            return np.asarray(read)

        # Their classes have the order of ours: soup is liquid, utensils and other things are foreign.
        return MapTruth(
            stored("class").astype(np.uint8),
            surface_mm((stored("depth") / np.float32(DEPTH_STEPS_PER_MM)).astype(np.float32), shot.truth),
            (stored("height") / np.float32(HEIGHT_STEPS_PER_MM)).astype(np.float32),
        )


def surface_mm(depth_mm: npt.NDArray[np.float32], truth: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return the height above the deck of what each pixel shows, (H, W), from its depth along the axis."""
    camera = truth["camera"]
    world_from_tray = np.array(truth["tray"]["T_tray_to_world"], np.float64)
    up = np.linalg.inv(world_from_tray)[2]
    camera_from_world = np.array(camera["R_world_to_cam"], np.float64)
    # Height in the tray's frame is affine in camera coordinates, and those are depth times the pixel's ray.
    along = up[:3] @ camera_from_world.T
    rays = along @ np.linalg.inv(np.array(camera["K"], np.float64))
    rows, columns = depth_mm.shape
    slope = (
        rays[0] * (np.arange(columns) + 0.5)[None, :] + rays[1] * (np.arange(rows) + 0.5)[:, None] + rays[2]
    )
    return np.asarray(depth_mm * slope - along @ np.array(camera["t_mm"]) + up[3], np.float32)
