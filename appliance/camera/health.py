"""Whether frames still show the line: pure checks that need no tray."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.frame import Frame
from appliance.errors import CameraError
from appliance.picture import Picture

BLACK_LEVEL = 10.0
"""Mean grey level of 255 below which, with no contrast either, a picture is black."""

WHITE_SHARE = 0.85
"""Share of saturated pixels from which a picture is over-exposed; a steel tray mirrors lamps on far less."""

SATURATED = 250

FROZEN_FRAMES = 15
"""Identical frames in a row that make a camera frozen: a live sensor's noise makes every frame differ."""

_STEP = 4
"""One pixel in so many, each way, is looked at: these checks are part of every frame's cost."""


def fault_of(picture: Picture) -> str | None:
    """Return why a picture cannot show trays, "black" or "over-exposed" with its figures, or None."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // _STEP, height // _STEP), interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    mean, spread = cv2.meanStdDev(grey)
    level, contrast = float(mean[0, 0]), float(spread[0, 0])
    if level < BLACK_LEVEL and contrast < BLACK_LEVEL:
        return f"pictures are black (mean level {level:.0f} of 255); look for a lens cap or a dark room"
    white = cv2.countNonZero(cv2.inRange(grey, SATURATED, 255)) / grey.size
    if white > WHITE_SHARE:
        return f"pictures are over-exposed ({white:.0%} white); look for a lamp shining into the lens"
    return None


class FrameHealth:
    """Watches a stream of frames; `check` is called with each of them."""

    def __init__(self, frozen_frames: int = FROZEN_FRAMES) -> None:
        self._frozen_frames = frozen_frames
        self._last: npt.NDArray[np.uint8] | None = None
        self._repeats = 0

    def check(self, frame: Frame) -> str | None:
        """Return why this frame is unusable, in words for people, or None if it is good.

        Raises `CameraError` for a picture that is frozen: unlike the dark, that is the camera's fault.
        """
        # Some whole rows are enough: a live sensor's noise shows in any of them.
        sample = frame.image[:: 8 * _STEP].copy()
        same = self._last is not None and np.array_equal(sample, self._last)
        self._repeats = self._repeats + 1 if same else 0
        self._last = sample
        fault = fault_of(frame.image)
        # In a room without any light no frame differs from the last one.
        if fault is None and self._repeats >= self._frozen_frames:
            raise CameraError(
                f"the picture is frozen ({self._repeats} frames without a change); the camera hangs"
            )
        return fault
