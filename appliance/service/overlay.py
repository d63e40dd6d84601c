"""The picture a person can judge at a glance: outlines, percent per well, food tinted."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from appliance.picture import Picture

_TINT_BGR = (255, 64, 200)
"""A violet that no common dish has, so that the tint is never taken for food."""
_TINT_OPACITY = 0.35
_LABEL_INK = (255, 255, 255)
_BANNER_SHADE = (0, 0, 0, 170)


@dataclass(frozen=True, eq=False)
class WellMark:
    """What is drawn of one well.

    `outline_px` (N, 2) in picture pixels; `leftover` and `uncertainty` 0..1; `flagged` draws the label with a
    question mark, for a well that could not be seen as a whole.
    """

    outline_px: npt.NDArray[np.float64]
    leftover: float
    uncertainty: float
    flagged: bool


def draw_overlay(
    picture: Picture, food: npt.NDArray[np.bool_], wells: Sequence[WellMark], caption: str
) -> Picture:
    """Return a copy of `picture` (H, W, 3, BGR) with the measurement drawn on it.

    `food` is a mask (H, W) of what was taken for food. Wells are outlined from green (empty) over yellow to
    red (as served). With no wells only the caption is drawn, which then says why.
    """
    canvas = picture.copy()
    if food.any():
        tint = np.array(_TINT_BGR, np.float32) * _TINT_OPACITY
        canvas[food] = (canvas[food].astype(np.float32) * (1 - _TINT_OPACITY) + tint).astype(np.uint8)
        edges, _ = cv2.findContours(food.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, edges, -1, _TINT_BGR, 1, cv2.LINE_AA)
    line_px = max(2, round(min(picture.shape[:2]) / 240))
    for well in wells:
        points = np.round(well.outline_px * 8).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], True, _ink(well.leftover), line_px, cv2.LINE_AA, 3)  # noqa: FBT003
    return _draw_texts(canvas, wells, caption)


def _ink(leftover: float) -> tuple[int, int, int]:
    """Green at 0, yellow at a half, red at 1, as BGR."""
    share = min(max(leftover, 0.0), 1.0)
    return 40, round(220 * min(1.0, 2 - 2 * share)), round(235 * min(1.0, 2 * share))


def _draw_texts(canvas: Picture, wells: Sequence[WellMark], caption: str) -> Picture:
    image = Image.fromarray(cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB))
    draw = ImageDraw.Draw(image, "RGBA")
    size_px = max(12, round(min(image.size) / 26))
    font = ImageFont.load_default(size_px)
    small = ImageFont.load_default(max(10, round(size_px * 0.62)))
    for well in wells:
        x, y = (float(v) for v in well.outline_px.mean(axis=0))
        blue, green, red = _ink(well.leftover)
        text = f"{well.leftover:.0%}{'?' if well.flagged else ''}"
        pad = size_px * 0.3
        wide = draw.textlength(text, font=font) / 2 + pad
        plate = (x - wide, y - size_px * 0.9, x + wide, y + size_px)
        draw.rounded_rectangle(plate, pad, fill=(0, 0, 0, 190), outline=(red, green, blue, 255), width=2)
        draw.text((x, y - size_px * 0.25), text, _LABEL_INK, font=font, anchor="mm")
        spread = f"±{well.uncertainty:.0%}"
        draw.text((x, y + size_px * 0.55), spread, (200, 200, 200), font=small, anchor="mm")
    height = round(size_px * 1.5)
    draw.rectangle((0, image.height - height, image.width, image.height), fill=_BANNER_SHADE)
    draw.text((height // 3, image.height - height / 2), caption, _LABEL_INK, font=font, anchor="lm")
    return np.ascontiguousarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), dtype=np.uint8)
