"""A measured tray as a picture: what the overlay draws of it."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.contents import CLASSES
from appliance.picture import Picture
from appliance.service.outcome import COVERED, CUT
from appliance.service.overlay import Ink, Layer, WellMark, draw_overlay
from appliance.service.pipeline import MeasuredTray, Seen
from appliance.tray.rectify import Homography

_VIOLET: Final[Ink] = (255, 64, 200)
"""No common dish has it, so that the tint is never taken for food."""

_INKS: Final[dict[str, Ink]] = {
    "rice": (150, 40, 255),
    "liquid": (255, 150, 30),
    "solid": _VIOLET,
    "foreign": (255, 255, 0),
}
"""Of the segmentation's classes that are shown."""

_UNSURE: Final = frozenset({CUT, COVERED})


def overlay(picture: Picture, tray: MeasuredTray) -> Picture:
    """Return the picture with the outcome drawn on it: outlines, percent per well, what lies where.

    Kinds of food are tinted, and foreign objects hatched, where the segmentation ran; else what back
    projection took for food is.
    """
    outcome = tray.outcome
    if tray.seen is None:
        return draw_overlay(picture, [], [], f"rejected: {outcome.reason}")
    wells = [
        WellMark(np.array(c.outline), c.leftover, c.uncertainty, not _UNSURE.isdisjoint(c.flags))
        for c in outcome.compartments
    ]
    caption = f"tray {outcome.leftover:.0%} left · {outcome.status} · {outcome.path}"
    if outcome.reason:
        caption += f": {outcome.reason}"
    return draw_overlay(picture, _layers(tray.seen, picture.shape), wells, caption)


def _layers(seen: Seen, shape: tuple[int, ...]) -> list[Layer]:
    if seen.classes is None:
        tray_from_view = np.diag([1 / seen.px_per_mm, 1 / seen.px_per_mm, 1.0])
        return [Layer("food", _laid(seen.food, seen.picture_from_tray @ tray_from_view, shape), _VIOLET)]
    rows, columns = seen.classes.shape
    x_mm, y_mm = seen.tray_mm[0] / columns, seen.tray_mm[1] / rows
    # The network's first pixel has its centre half a pixel from the tray's edge.
    tray_from_grid = np.array([[x_mm, 0, x_mm / 2], [0, y_mm, y_mm / 2], [0, 0, 1]])
    picture_from_grid = seen.picture_from_tray @ tray_from_grid
    return [
        Layer(
            name,
            _laid(seen.classes == CLASSES.index(name), picture_from_grid, shape),
            ink,
            hatched=name == "foreign",
        )
        for name, ink in _INKS.items()
    ]


def _laid(
    mask: npt.NDArray[np.bool_], picture_from_mask: Homography, shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Return a mask as it lies in a picture of `shape`, its edges smoothed."""
    laid = cv2.warpPerspective(mask.astype(np.float32), picture_from_mask, (shape[1], shape[0]))
    return np.asarray(laid > 0.5, np.bool_)
