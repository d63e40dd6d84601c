"""Outputs as pictures: one colour scale for depth, one colour for each class, one for differences."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from convert.parity.metrics import Floats, align

Rgb8 = npt.NDArray[np.uint8]
"""A picture (H, W, 3): red, green, blue."""

DIFFERENCE_SHOWN: Final = 0.2
"""The difference of depth that has full colour, in shares of the reference's range."""

_BROKEN = (255, 0, 255)
"""Colour of NaN and infinity."""

CHANGED: Final = (220, 20, 20)
"""Colour of pixels whose class is another one."""

_CLASS_COLOURS = (
    *((40, 44, 52), (150, 158, 168), (204, 121, 167), (240, 228, 66), (86, 180, 233)),
    *((213, 94, 0), (0, 158, 115), (0, 114, 178), (230, 159, 0)),
)
"""Dark and grey for the tray, then the colours of Okabe and Ito 2008, as the colour-blind tell them."""


def class_colours(count: int) -> npt.NDArray[np.uint8]:
    """Return one colour (count, 3) for each class; more than the palette has go round the colour wheel."""
    if count <= len(_CLASS_COLOURS):
        return np.array(_CLASS_COLOURS[:count], np.uint8)
    hues = (np.arange(count) * 180 // count).astype(np.uint8)
    wheel = np.stack([hues, np.full(count, 200, np.uint8), np.full(count, 230, np.uint8)], axis=-1)
    return np.asarray(cv2.cvtColor(wheel[None], cv2.COLOR_HSV2RGB)[0], np.uint8)


def depth_range(reference: Floats) -> tuple[float, float]:
    """Return the range (1st to 99th percentile) of the reference's map that the colours span."""
    finite = reference[np.isfinite(reference)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, (1, 99)))
    return low, high if high > low else low + 1.0


def aligned_depth(estimate: Floats, reference: Floats) -> npt.NDArray[np.float64]:
    """Return `estimate` (H, W) on the scale of `reference`; unaligned where either has NaN or infinity."""
    if not (np.isfinite(estimate).all() and np.isfinite(reference).all()):
        return estimate.astype(np.float64)
    scale, shift = align(estimate, reference)
    return scale * estimate.astype(np.float64) + shift


def depth_picture(depth: Floats, limits: tuple[float, float]) -> Rgb8:
    """Return a map (H, W) in colours: near is bright, far is dark, NaN and infinity are magenta."""
    low, high = limits
    shares = np.clip((depth - low) / (high - low), 0, 1)
    return _painted(cv2.applyColorMap(_bytes(shares), cv2.COLORMAP_INFERNO)[..., ::-1], depth)


def depth_difference(depth: Floats, reference: Floats, limits: tuple[float, float]) -> Rgb8:
    """Return `depth - reference` in colours: red is nearer, blue is farther, white is the same."""
    low, high = limits
    shares = np.clip((depth - reference) / (high - low) / DIFFERENCE_SHOWN, -1, 1)
    return _painted(difference_colours(shares), depth - reference)


def difference_colours(shares: Floats) -> Rgb8:
    """Return -1..1 as blue over white to red."""
    shares = np.nan_to_num(shares)
    fade = 1 - np.abs(shares)
    red, blue = np.where(shares < 0, fade, 1.0), np.where(shares > 0, fade, 1.0)
    return _bytes(np.stack([red, fade, blue], axis=-1))


def class_picture(scores: Floats) -> Rgb8:
    """Return the classes of scores (H, W, C) in their colours; pixels with NaN or infinity are magenta."""
    colours = class_colours(scores.shape[-1])
    return _painted(colours[np.argmax(scores, axis=-1)], scores.sum(axis=-1))


def class_difference(scores: Floats, reference: Floats, picture: Rgb8) -> Rgb8:
    """Return the picture (H, W, 3), dim and grey, with the pixels red whose class is another one."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] // 2 + 100
    shown = np.repeat(grey, 3, axis=-1)
    shown[np.argmax(scores, axis=-1) != np.argmax(reference, axis=-1)] = CHANGED
    return np.asarray(shown, np.uint8)


def visible_picture(image: Floats, mean: Sequence[float], std: Sequence[float]) -> Rgb8:
    """Return a normalised network input (H, W, 3) as the picture it was made of."""
    return _bytes(np.clip(np.asarray(image) * np.array(std) + np.array(mean), 0, 1))


def _painted(picture: npt.NDArray[Any], values: Floats) -> Rgb8:
    shown = np.array(picture, np.uint8)
    shown[~np.isfinite(values)] = _BROKEN
    return shown


def _bytes(shares: npt.NDArray[Any]) -> Rgb8:
    return np.asarray(np.round(np.nan_to_num(shares) * 255), np.uint8)
