"""The picture a person can judge at a glance: outlines, percent per well, what lies where."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from appliance.picture import Picture

Ink = tuple[int, int, int]
"""A colour: blue, green, red."""

_OPACITY = 0.4
_HATCH_SHARE = 80
"""Hatching repeats this often along the picture's shorter side."""
_LABEL_INK = (255, 255, 255)
_BANNER_SHADE = (0, 0, 0, 170)


@dataclass(frozen=True, eq=False)
class Layer:
    """Something that was seen: `mask` (H, W) of where, in picture pixels, and how it is shown.

    Tinted, or `hatched`; `name` stands in the legend.
    """

    name: str
    mask: npt.NDArray[np.bool_]
    ink: Ink
    hatched: bool = False


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
    picture: Picture, layers: Sequence[Layer], wells: Sequence[WellMark], caption: str
) -> Picture:
    """Return a copy of `picture` (H, W, 3, BGR) with the measurement drawn on it.

    Wells are outlined from green (empty) over yellow to red (as served). With no wells only the caption is
    drawn, which then says why. Layers that are nowhere are left out of the legend, too.
    """
    canvas = picture.copy()
    shown = [layer for layer in layers if layer.mask.any()]
    line_px = max(2, round(min(picture.shape[:2]) / 240))
    for layer in shown:
        _paint(canvas, layer, line_px)
    for well in wells:
        points = np.round(well.outline_px * 8).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], True, _ink(well.leftover), line_px, cv2.LINE_AA, 3)  # noqa: FBT003
    return _draw_texts(canvas, wells, caption, shown)


def _paint(canvas: Picture, layer: Layer, line_px: int) -> None:
    where = layer.mask
    if layer.hatched:
        rows, columns = np.arange(where.shape[0])[:, None], np.arange(where.shape[1])
        period = max(6, min(where.shape) // _HATCH_SHARE)
        where = where & ((rows + columns) % period < max(2, period // 4))
    opacity = 1.0 if layer.hatched else _OPACITY
    tint = np.array(layer.ink, np.float32) * opacity
    canvas[where] = (canvas[where].astype(np.float32) * (1 - opacity) + tint).astype(np.uint8)
    edges, _ = cv2.findContours(layer.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, edges, -1, layer.ink, line_px if layer.hatched else 1, cv2.LINE_AA)


def _ink(leftover: float) -> Ink:
    """Green at 0, yellow at a half, red at 1."""
    share = min(max(leftover, 0.0), 1.0)
    return 40, round(220 * min(1.0, 2 - 2 * share)), round(235 * min(1.0, 2 * share))


def _draw_texts(canvas: Picture, wells: Sequence[WellMark], caption: str, layers: Sequence[Layer]) -> Picture:
    image = Image.fromarray(cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB))
    draw = ImageDraw.Draw(image, "RGBA")
    size_px = max(12, round(min(image.size) / 26))
    font = ImageFont.load_default(size_px)
    small = ImageFont.load_default(max(10, round(size_px * 0.62)))
    for well in wells:
        x, y = (float(v) for v in well.outline_px.mean(axis=0))
        text = f"{well.leftover:.0%}{'?' if well.flagged else ''}"
        pad = size_px * 0.3
        wide = draw.textlength(text, font=font) / 2 + pad
        plate = (x - wide, y - size_px * 0.9, x + wide, y + size_px)
        outline = (*_ink(well.leftover)[::-1], 255)
        draw.rounded_rectangle(plate, pad, fill=(0, 0, 0, 190), outline=outline, width=2)
        draw.text((x, y - size_px * 0.25), text, _LABEL_INK, font=font, anchor="mm")
        spread = f"±{well.uncertainty:.0%}"
        draw.text((x, y + size_px * 0.55), spread, (200, 200, 200), font=small, anchor="mm")
    height = round(size_px * 1.5)
    draw.rectangle((0, image.height - height, image.width, image.height), fill=_BANNER_SHADE)
    draw.text((height // 3, image.height - height / 2), caption, _LABEL_INK, font=font, anchor="lm")
    _draw_legend(draw, image.size, layers, size_px)
    return np.ascontiguousarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _draw_legend(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], layers: Sequence[Layer], size_px: int
) -> None:
    """Name the layers' colours in the upper right corner, from right to left."""
    if not layers:
        return
    font = ImageFont.load_default(round(size_px * 0.8))
    gap = size_px * 0.4
    wide = sum(draw.textlength(layer.name, font=font) + size_px * 0.7 + 3 * gap for layer in layers) + gap
    draw.rectangle((size[0] - wide, 0, size[0], size_px * 1.5), fill=_BANNER_SHADE)
    x = size[0] - wide + gap
    for layer in layers:
        top = size_px * 0.4
        draw.rectangle((x + gap, top, x + gap + size_px * 0.7, top + size_px * 0.7), fill=layer.ink[::-1])
        x += 2 * gap + size_px * 0.7
        draw.text((x, size_px * 0.75), layer.name, _LABEL_INK, font=font, anchor="lm")
        x += draw.textlength(layer.name, font=font) + gap
