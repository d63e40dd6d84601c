"""What the comparison knows of a way from a picture to leftovers, and the steps that all ways share."""

from collections.abc import Mapping
from typing import Final, Protocol

import cv2

from appliance.estimate.profile import Mask
from appliance.picture import Picture
from appliance.service.stages import Stages
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from appliance.tray.references import Calibration

THREADS: Final = 2
"""Of every network and of OpenCV, in every way."""


class Way(Protocol):
    """A way from a picture to leftovers, ready for the calibrations that it was opened with."""

    @property
    def weights_mb(self) -> float:
        """Size of the networks' weights in megabytes."""

    def measure(self, calibration: int, picture: Picture) -> Mapping[str, float]:
        """Measure a tray (H, W, 3, BGR) of the calibration of that number.

        Returns milliseconds per stage and their `total`, from the decoded picture to the leftover of every
        compartment. Raises `JanbanError` where the tray cannot be found.
        """

    def close(self) -> None:
        """Let go of what the way holds."""


def rectified(picture: Picture, calibration: Calibration, stages: Stages) -> tuple[Picture, Mask]:
    """Return a tray's rectified view and the pixels that the picture really shows, as the appliance does."""
    with stages.time("locate"):
        located = locate(picture, calibration)
    with stages.time("rectify"):
        return rectify(picture, located.picture_from_tray, calibration.layout.tray_mm, calibration.px_per_mm)


def limit_threads() -> None:
    """Have OpenCV use as many threads as the networks."""
    cv2.setNumThreads(THREADS)
