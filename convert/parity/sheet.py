"""Contact sheets: what every stage makes of the pictures on which they agree least."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from appliance.inference.interpret import softmax
from appliance.picture import Picture
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array
from convert.parity.colours import (
    Rgb8,
    aligned_depth,
    class_difference,
    class_picture,
    depth_difference,
    depth_picture,
    depth_range,
    visible_picture,
)
from convert.parity.legend import draw_legend
from convert.parity.metrics import is_finite

_TILE_PX: Final = 200
_GAP_PX: Final = 10
_LINE_PX: Final = 26
_INK: Final = (30, 30, 30)
_FAINT: Final = (100, 100, 100)
_FRAME: Final = (200, 200, 200)
_FONT = ImageFont.load_default(15)
_SMALL = ImageFont.load_default(13)


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One picture and what the stages make of it.

    `image` is the network's input (H, W, 3). `outputs` are of the stages, the reference first, in the shapes
    of `Stage.run` without the first axis; `remarks` has a line on each, as `aligned error 0.03`.
    """

    caption: str
    image: Array
    outputs: Sequence[Array]
    remarks: Sequence[str]


def draw_sheet(spec: NetworkSpec, output: Output, stages: Sequence[str], rows: Sequence[SheetRow]) -> Picture:
    """Return the sheet (H, W, 3, BGR) of one output: a row for each picture, a column for each stage.

    Below the maps lie their differences to the first stage.
    """
    tile = (_TILE_PX, round(_TILE_PX * spec.height / spec.width))
    width = (len(stages) + 1) * (tile[0] + _GAP_PX) + _GAP_PX
    legend = draw_legend(output, width - 2 * _GAP_PX)
    top = _GAP_PX + _LINE_PX + legend.height + _LINE_PX
    row_px = (1 if output.meaning == "quantity" else 2) * (tile[1] + _GAP_PX) + 2 * _LINE_PX
    image = Image.new("RGB", (width, top + len(rows) * row_px + _GAP_PX), "white")
    draw = ImageDraw.Draw(image)
    title = f"{spec.name}, {output.meaning.replace('_', ' ')}, worst pictures first"
    draw.text((_GAP_PX, _GAP_PX), _fitting(title, legend.width, _FONT), _INK, font=_FONT)
    image.paste(legend, (_GAP_PX, _GAP_PX + _LINE_PX))
    for column, name in enumerate(("picture", *stages)):
        x = _GAP_PX + column * (tile[0] + _GAP_PX)
        draw.text((x, top - _LINE_PX), _fitting(name, tile[0], _FONT), _INK, font=_FONT)
    for place, row in enumerate(rows):
        y = top + place * row_px
        draw.line((_GAP_PX, y, width - _GAP_PX, y), _FRAME)
        caption = _fitting(f"{place + 1}. {row.caption}", width - 2 * _GAP_PX, _FONT)
        draw.text((_GAP_PX, y + _LINE_PX // 2), caption, _INK, font=_FONT, anchor="lm")
        for column, (tiles, remark) in enumerate(_columns(spec, output, row, tile)):
            x = _GAP_PX + column * (tile[0] + _GAP_PX)
            for line, shown in enumerate(tiles):
                top_left = (x, y + _LINE_PX + line * (tile[1] + _GAP_PX))
                image.paste(_tile(shown, tile), top_left)
                draw.rectangle((*top_left, x + tile[0] - 1, top_left[1] + tile[1] - 1), outline=_FRAME)
            below = _fitting(remark, tile[0], _SMALL)
            draw.text((x, y + row_px - _LINE_PX // 2 - 4), below, _FAINT, font=_SMALL, anchor="lm")
    return np.asarray(image)[:, :, ::-1].copy()


def _columns(
    spec: NetworkSpec, output: Output, row: SheetRow, tile: tuple[int, int]
) -> Iterator[tuple[list[Rgb8], str]]:
    """Give the tiles of each column from the top, and the line below them."""
    picture = visible_picture(row.image, spec.mean, spec.std)
    yield [picture], "" if output.meaning == "quantity" else "lower: difference to first stage"
    reference = row.outputs[0]
    for place, (given, remark) in enumerate(zip(row.outputs, row.remarks, strict=True)):
        tiles = _tiles(output, given, reference, picture, tile)
        yield tiles if place else tiles[:1], remark


def _tiles(
    output: Output, given: Array, reference: Array, picture: Rgb8, tile: tuple[int, int]
) -> list[Rgb8]:
    """Return what one stage gave, and for maps the difference to the reference."""
    match output.meaning:
        case "inverse_depth":
            truth = reference[..., 0]
            limits = depth_range(truth)
            depth = aligned_depth(given[..., 0], truth)
            return [depth_picture(depth, limits), depth_difference(depth, truth, limits)]
        case "segmentation":
            return [class_picture(given), class_difference(given, reference, picture)]
        case "quantity":
            return [_bars(output.classes, given, tile)]


def _bars(classes: Sequence[str], scores: Array, tile: tuple[int, int]) -> Rgb8:
    """Return a bar for each class, as long as its softmax probability."""
    image = Image.new("RGB", tile, (242, 242, 242))
    draw = ImageDraw.Draw(image)
    if not is_finite(scores):
        draw.text((8, 8), "NaN or infinity", (255, 0, 255), font=_FONT)
        return np.asarray(image)
    step = tile[1] / len(classes)
    for place, (name, share) in enumerate(zip(classes, softmax(scores).tolist(), strict=True)):
        y = place * step
        colour = (230, 140, 60) if place == int(np.argmax(scores)) else (130, 195, 235)
        draw.rectangle((0, y + 2, max(1.0, share * tile[0]), y + step - 3), fill=colour)
        text = _fitting(f"{name}  {share:.0%}", tile[0] - 12, _SMALL)
        draw.text((6, y + step / 2), text, _INK, font=_SMALL, anchor="lm")
    return np.asarray(image)


def _tile(picture: Rgb8, size: tuple[int, int]) -> Image.Image:
    how = cv2.INTER_AREA if picture.shape[1] > size[0] else cv2.INTER_NEAREST
    return Image.fromarray(np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8))


def _fitting(text: str, width_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the text, its end cut to fit; letters that the font lacks become question marks."""
    # Its spaces are so narrow that words run together.
    text = text.encode("latin-1", "replace").decode("latin-1").replace(" ", "  ")
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(text + "...") > width_px:
        text = text[:-1]
    return text + "..."
