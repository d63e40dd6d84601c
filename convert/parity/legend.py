"""What the colours of a contact sheet mean."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convert.networks.spec import Output
from convert.parity.colours import (
    CHANGED,
    DIFFERENCE_SHOWN,
    Rgb8,
    class_colours,
    depth_picture,
    difference_colours,
)

_LINE_PX: Final = 24
_PATCH_PX: Final = 14
_GAP_PX: Final = 6
_BETWEEN_PX: Final = 22
_INK: Final = (30, 30, 30)
_FONT = ImageFont.load_default(13)


def draw_legend(output: Output, width_px: int) -> Image.Image:
    """Return the legend of an output's sheet, at most `width_px` wide where an entry's length allows it."""
    entries = list(_entries(output))
    lines: list[list[Image.Image]] = [[]]
    for entry in entries:
        used = sum(other.width + _BETWEEN_PX for other in lines[-1])
        if lines[-1] and used + entry.width > width_px:
            lines.append([])
        lines[-1].append(entry)
    legend = Image.new("RGB", (width_px, _LINE_PX * len(lines)), "white")
    for place, line in enumerate(lines):
        x = 0
        for entry in line:
            legend.paste(entry, (x, place * _LINE_PX))
            x += entry.width + _BETWEEN_PX
    return legend


def _entries(output: Output) -> Iterator[Image.Image]:
    ramp = np.tile(np.linspace(0, 1, 90), (_PATCH_PX, 1))
    match output.meaning:
        case "inverse_depth":
            yield _entry("far", depth_picture(ramp, (0.0, 1.0)), "near, in the scale of the first stage")
            share = f"{DIFFERENCE_SHOWN:.0%}"
            yield _entry(f"difference  -{share}", difference_colours(ramp * 2 - 1), f"+{share} of the range")
        case "segmentation":
            for name, colour in zip(output.classes, class_colours(len(output.classes)), strict=True):
                yield _entry("", _patch(colour.tolist()), name)
            yield _entry("", _patch(CHANGED), "another class than in the first stage")
        case "quantity":
            yield _entry("softmax of the classes, the highest one in orange", None, "")


def _patch(colour: tuple[int, int, int]) -> Rgb8:
    return np.full((_PATCH_PX, _PATCH_PX, 3), colour, np.uint8)


def _entry(before: str, patch: Rgb8 | None, after: str) -> Image.Image:
    left, right = (round(_FONT.getlength(text)) + _GAP_PX if text else 0 for text in (before, after))
    patch_px = 0 if patch is None else patch.shape[1] + _GAP_PX
    entry = Image.new("RGB", (left + patch_px + right, _LINE_PX), "white")
    draw = ImageDraw.Draw(entry)
    draw.text((0, _LINE_PX // 2), before, _INK, font=_FONT, anchor="lm")
    if patch is not None:
        entry.paste(Image.fromarray(patch), (left, (_LINE_PX - patch.shape[0]) // 2))
    draw.text((left + patch_px, _LINE_PX // 2), after, _INK, font=_FONT, anchor="lm")
    return entry
