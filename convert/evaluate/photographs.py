"""Photographs of one real tray, whose leftovers are known nominally."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from appliance.picture import load_picture
from appliance.tray.calibration import Calibration, calibrate
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from convert.errors import ConvertError
from convert.evaluate.trays import Source, Tray, WellTruth

TRAY_MM: Final = (375.0, 290.0)
LEFTOVERS: Final = {"full": 1.0, "half": 0.5, "empty": 0.0}
"""Picture → nominal leftover of every well; `empty` and `full` are the calibration's references, too."""


def photographs(folder: Path) -> Source:
    """Return the source; raises `ConvertError` where a picture is absent."""
    absent = [f"{name}.jpg" for name in LEFTOVERS if not (folder / f"{name}.jpg").is_file()]
    if absent:
        raise ConvertError(f"{folder}: has no {', '.join(absent)}; give the folder steel_tray")
    return Source(
        "photographs",
        "one real tray, all wells nominally at 100, 50 and 0 %; full and empty are its calibration as well;"
        " calibrated and located by the appliance itself",
        (PhotographedSetUp(folder, tuple(LEFTOVERS)),),
    )


@dataclass(frozen=True)
class PhotographedSetUp:
    """The folder with `empty.jpg`, `full.jpg` and `half.jpg`."""

    folder: Path
    pictures: Sequence[str]

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self.folder.resolve().name

    @cached_property
    def calibration(self) -> Calibration:
        """Return the calibration. Raises `JanbanError`."""
        empty, full = (load_picture(self.folder / f"{name}.jpg") for name in ("empty", "full"))
        return calibrate(empty, full, TRAY_MM)

    def tray(self, picture: str) -> Tray:
        """Return one tray. Raises `TrayNotFoundError`, and `PictureError` for a damaged file."""
        calibration = self.calibration
        seen = load_picture(self.folder / f"{picture}.jpg")
        located = locate(seen, calibration)
        size = calibration.layout.tray_mm
        view, valid = rectify(seen, located.picture_from_tray, size, calibration.px_per_mm)
        return Tray(
            name=f"{self.name}/{picture}",
            complications=(picture,),
            view=view,
            valid=valid,
            picture_from_tray=located.picture_from_tray,
            wells=tuple(
                WellTruth(well.id, "unknown", LEFTOVERS[picture], "nominal", 1.0)
                for well in calibration.layout.compartments
            ),
        )
