"""The original study's back projection, as published: kept for comparison and as a documented choice.

A histogram of the served well in two of hue, saturation and value is projected back onto the returned one
(`cv2.calcBackProject`), thresholded and cleaned by morphology; what is left over is the area that matches,
relative to the served well's own.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.parameters import BackProjectionParameters, Channels
from appliance.estimate.profile import Mask
from appliance.picture import Picture

_INDEX = {"H": 0, "S": 1, "V": 2}
_RANGE = {"H": 180.0, "S": 256.0, "V": 256.0}
_MORPHOLOGY = {"close": cv2.MORPH_CLOSE, "open": cv2.MORPH_OPEN}
_KERNEL_PX = 5


@dataclass(frozen=True, eq=False)
class StudyReference:
    """A served well's histogram (0..255), the match from which on a pixel is food, and its own area."""

    histogram: npt.NDArray[np.float32]
    threshold: float
    area_px: int


def study_reference(full: Picture, opening: Mask, parameters: BackProjectionParameters) -> StudyReference:
    """Return the reference of a served well's crop; `opening` marks the well in it."""
    channels, ranges = _axes(parameters.use_channels)
    hsv = cv2.cvtColor(full, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], channels, opening.astype(np.uint8), list(parameters.hist_bins), ranges)
    histogram = cv2.normalize(counts, counts, 0, 255, cv2.NORM_MINMAX).astype(np.float32)
    threshold = float(parameters.thresh)
    if parameters.use_percentile and opening.any():
        own = _back_project(full, histogram, parameters.use_channels)[opening]
        # A match of 0 means a colour that the served well does not show at all.
        threshold = max(float(np.percentile(own, 100.0 - parameters.food_percent)), 1.0)
    reference = StudyReference(histogram, threshold, 0)
    return replace(reference, area_px=int(np.count_nonzero(study_mask(full, opening, reference, parameters))))


def study_mask(
    picture: Picture, opening: Mask, reference: StudyReference, parameters: BackProjectionParameters
) -> Mask:
    """Return the pixels of a well's crop that match the served well's histogram."""
    match = _back_project(picture, reference.histogram, parameters.use_channels)
    food = ((match >= reference.threshold) & opening).astype(np.uint8)
    if parameters.morph_op != "none":
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_KERNEL_PX, _KERNEL_PX))
        food = cv2.morphologyEx(food, _MORPHOLOGY[parameters.morph_op], kernel).astype(np.uint8)
    return np.asarray((food > 0) & opening, np.bool_)


def _axes(use_channels: Channels) -> tuple[list[int], list[float]]:
    first, second = use_channels.split("+")
    return [_INDEX[first], _INDEX[second]], [0.0, _RANGE[first], 0.0, _RANGE[second]]


def _back_project(
    picture: Picture, histogram: npt.NDArray[np.float32], use_channels: Channels
) -> npt.NDArray[np.uint8]:
    channels, ranges = _axes(use_channels)
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    return cv2.calcBackProject([hsv], channels, histogram, ranges, 1).astype(np.uint8, copy=False)
