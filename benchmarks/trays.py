"""The trays that ways are compared on: calibration folders, and pictures of returned trays."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from appliance.picture import load_picture
from appliance.tray.calibration import calibrate, save_calibration
from benchmarks.measure import paint_trays
from convert.evaluate.rendered_trays import reference, returns, set_ups, true_layout

_EVERY = 3
"""Of a canteen's rendered returns."""

_PAINTED_MM = (375.0, 290.0)


@dataclass(frozen=True)
class Trays:
    """Pictures, each with the number of its calibration among `calibrations`; `origin` for people."""

    origin: str
    calibrations: tuple[Path, ...]
    pictures: tuple[tuple[int, Path], ...]


def trays(data: Path, folder: Path) -> Trays:
    """Return the rendered trays of `data`, else simulated ones; `folder` takes calibrations and pictures.

    Pictures take turns between the calibrations, so that those at the beginning are of all of them.
    """
    rendered = data / "rendered_trays"
    return rendered_trays(rendered, folder) if rendered.is_dir() else simulated_trays(folder)


def rendered_trays(rendered: Path, folder: Path) -> Trays:
    """Return some returned trays of every canteen of the folder `rendered_trays`."""
    calibrations, by_canteen = [], []
    for number, name in enumerate(set_ups(rendered)):
        empty, full = (reference(rendered, name, which) for which in ("empty", "full"))
        calibrations.append(_calibrated(empty.path, full.path, true_layout(empty).tray_mm, folder / name))
        by_canteen.append([(number, shot.path) for shot in returns(rendered, name)[::_EVERY]])
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*by_canteen))
    return Trays("rendered trays", tuple(calibrations), tuple(one for one in in_turn if one is not None))


def simulated_trays(folder: Path) -> Trays:
    """Return painted trays, which lie every way round, of one calibration."""
    empty, full, returned = paint_trays(folder)
    calibration = _calibrated(empty, full, _PAINTED_MM, folder / "calibration")
    return Trays("simulated trays", (calibration,), tuple((0, picture) for picture in returned))


def _calibrated(empty: Path, full: Path, tray_mm: tuple[float, float], folder: Path) -> Path:
    save_calibration(calibrate(load_picture(empty), load_picture(full), tray_mm), folder)
    return folder
