"""Whether a picture is good enough to calibrate with."""

import cv2
import numpy as np

from appliance.errors import CalibrationError
from appliance.picture import Picture

_SHORTEST_SIDE_PX = 320
_DARKEST_MEDIAN = 25
_BRIGHTEST_SHARE = 0.6
_LEAST_SPREAD = 6.0
_LEAST_SHARPNESS = 0.15


def check_reference(picture: Picture, name: str) -> None:
    """Raise `CalibrationError`, one line beginning with `name`, for a picture no outline can be found in."""
    height, width = picture.shape[:2]
    if min(height, width) < _SHORTEST_SIDE_PX:
        raise CalibrationError(
            f"{name} is too small ({width}x{height} pixels); give {_SHORTEST_SIDE_PX} or more a side"
        )
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, 960 / max(height, width))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bright = float(np.mean(grey >= 250))
    if bright > _BRIGHTEST_SHARE:
        raise CalibrationError(
            f"{name} is over-exposed ({bright:.0%} of it is white); take it with less light"
        )
    if float(np.percentile(grey, 95)) < 2 * _DARKEST_MEDIAN:
        raise CalibrationError(f"{name} is too dark; take it with more light")
    if float(grey.std()) < _LEAST_SPREAD:
        raise CalibrationError(f"{name} shows nothing but one shade; is the lens covered?")
    sharp = sharpness(grey)
    if sharp < _LEAST_SHARPNESS:
        raise CalibrationError(f"{name} is blurred; hold the camera still, clean and focus its lens")


def sharpness(grey: cv2.typing.MatLike) -> float:
    """Return how much of the strongest gradients a blur of 1.5 pixels takes away, 0 (blurred) to 1 (crisp).

    The re-blur measure of Crete et al., "The blur effect", SPIE 2007, in the direction where it is lower, as
    motion blurs one only. On the strongest edges, which keeps noise and large plain surfaces out of it.
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    again = cv2.GaussianBlur(smooth, (0, 0), 1.5)
    return min(_lost(smooth, again, across, 1 - across) for across in (0, 1))


def _lost(before: cv2.typing.MatLike, after: cv2.typing.MatLike, right: int, down: int) -> float:
    steep, flat = (np.abs(cv2.Sobel(grey, cv2.CV_32F, right, down)) for grey in (before, after))
    strongest = steep >= np.percentile(steep, 99)
    return float(1 - np.mean(flat[strongest]) / max(float(np.mean(steep[strongest])), 1e-6))
