"""Sheets of the worst trays: picture, classes, heights, and the figures of every well."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from convert.evaluate.estimators import ALONE, DEPTH, READING, SEGMENTATION, TOLD, Column
from convert.evaluate.plots import FAINT, INK, png
from convert.evaluate.shown import Shown
from convert.evaluate.trays import Bytes, Heights
from convert.networks.spec import TRAY_CLASSES
from convert.parity.colours import class_colours

TRAYS_A_SHEET: Final = 5

HIGHEST_MM: Final = 35.0
"""The brightest colour of a height."""

_HEIGHTS: Final = colormaps["inferno"]
_TILE_INCHES, _TEXT_INCHES, _HEAD_INCHES, _GAP_INCHES = 1.75, 3.2, 0.75, 0.36
_MARGIN: Final = 0.006
_LEGEND_INCHES: Final = 8.0
_NAME: Final = 19
"""Characters of a well's description."""

Rgb = npt.NDArray[np.uint8]


def sheets(shown: Sequence[Shown], run: str) -> list[bytes]:
    """Return sheets of `TRAYS_A_SHEET` trays each, as PNG, in the order given.

    `run` is the one whose maps they show, empty for back projection alone.
    """
    columns = _columns(run, known=any(one.truth is not None for one in shown))
    return [
        _sheet(shown[first : first + TRAYS_A_SHEET], first, run, columns)
        for first in range(0, len(shown), TRAYS_A_SHEET)
    ]


def _columns(run: str, *, known: bool) -> dict[str, Callable[[Shown], Rgb | None]]:
    """Return what is shown of a tray, by title; true maps only where they are known of any."""
    columns: dict[str, Callable[[Shown], Rgb | None]] = {"picture": _picture}
    if known:
        columns["true classes"] = _true_classes
    if run:
        columns[f"classes, {run}"] = _given_classes
    if known:
        columns["true height of food"] = _true_heights
    if run:
        columns[f"height, {run}"] = _given_heights
    else:
        columns["food by back projection"] = _projected
    return columns


def _sheet(
    shown: Sequence[Shown], before: int, run: str, columns: Mapping[str, Callable[[Shown], Rgb | None]]
) -> bytes:
    width = len(columns) * _TILE_INCHES + _TEXT_INCHES
    height = _HEAD_INCHES + len(shown) * (_TILE_INCHES + _GAP_INCHES)
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        len(shown),
        len(columns) + 1,
        width_ratios=[*[_TILE_INCHES] * len(columns), _TEXT_INCHES],
        left=_MARGIN,
        right=1 - _MARGIN,
        bottom=_MARGIN,
        top=1 - (_HEAD_INCHES + _GAP_INCHES * 0.8) / height,
        wspace=0.04,
        hspace=_GAP_INCHES / _TILE_INCHES,
    )
    for place, one in enumerate(shown):
        panels = [figure.add_subplot(grid[place, column]) for column in range(len(columns) + 1)]
        for panel in panels:
            panel.set_axis_off()
        words = f"{before + place + 1}. {one.tray}: {', '.join(one.complications)}"
        words += f"; wells off by {100 * one.error:.0f} points"
        panels[0].set_title(words, fontsize=9, color=INK, loc="left")
        for panel, (title, tile) in zip(panels, columns.items(), strict=False):
            _draw(panel, tile(one))
            if place == 0:
                left = panel.get_position()
                middle = (left.x0 + left.x1) / 2
                figure.text(middle, 1 - 0.62 / height, title, ha="center", fontsize=9, color=FAINT)
        _outline(panels[0], one)
        _figures(panels[-1], one, run)
    _legend(figure, width, height)
    return png(figure, dpi=110)


def _picture(one: Shown) -> Rgb:
    return np.ascontiguousarray(one.picture[:, :, ::-1])


def _true_classes(one: Shown) -> Rgb | None:
    return None if one.truth is None else class_tile(one.truth.classes)


def _given_classes(one: Shown) -> Rgb | None:
    return None if one.classes is None else class_tile(one.classes)


def _true_heights(one: Shown) -> Rgb | None:
    return None if one.truth is None else height_tile(one.truth.food_mm)


def _given_heights(one: Shown) -> Rgb | None:
    return None if one.food_mm is None else height_tile(one.food_mm)


def _projected(one: Shown) -> Rgb:
    return class_tile(np.where(one.food, TRAY_CLASSES.index("solid"), TRAY_CLASSES.index("clean")))


def class_tile(classes: Bytes | npt.NDArray[np.intp]) -> Rgb:
    """Return classes (H, W) in their colours, (H, W, 3); white is what no picture shows."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[: len(TRAY_CLASSES)] = class_colours(len(TRAY_CLASSES))
    return palette[classes]


def height_tile(food_mm: Heights) -> Rgb:
    """Return heights (H, W) of food in mm in colours, (H, W, 3)."""
    return np.asarray(_HEIGHTS(np.clip(food_mm / HIGHEST_MM, 0, 1), bytes=True)[:, :, :3], np.uint8)


def _draw(panel: Axes, tile: Rgb | None) -> None:
    if tile is None:
        panel.text(
            0.5,
            0.5,
            "not known",
            ha="center",
            va="center",
            fontsize=9,
            color=FAINT,
            transform=panel.transAxes,
        )
        return
    panel.imshow(tile, interpolation="antialiased")


def _outline(panel: Axes, one: Shown) -> None:
    limits = panel.get_xlim(), panel.get_ylim()
    for id_, outline in one.outlines.items():
        panel.fill(*outline.T, fill=False, edgecolor="white", lw=0.7)
        x, y = outline.mean(axis=0)
        panel.text(
            x, y, str(id_), color="white", fontsize=8, ha="center", va="center",
            bbox={"boxstyle": "circle,pad=0.15", "fc": INK, "ec": "none", "alpha": 0.7},
        )  # fmt: skip
    panel.set(xlim=limits[0], ylim=limits[1])


def _figures(panel: Axes, one: Shown, run: str) -> None:
    columns = {"bp": ALONE}
    if run:
        columns = {
            "bp": Column(run, TOLD),
            "depth": Column(run, DEPTH),
            "segm": Column(run, SEGMENTATION),
            "read": Column(run, READING),
        }
    lines = [f"{'well':<{_NAME}} true" + "".join(f"{name:>6}" for name in columns)]
    for row in sorted(one.rows, key=lambda row: row.well.id):
        read = "".join(f"{100 * row.read[column].leftover:6.0f}" for column in columns.values())
        kind = "" if row.kind == "unknown" else row.kind
        name = f"{row.well.id} {kind} {row.well.state}"[:_NAME]
        lines.append(f"{name:<{_NAME}} {100 * row.well.leftover:4.0f}{read}")
    panel.text(
        0.02, 0.98, "\n".join(lines), family="monospace", fontsize=7.2, va="top", color=INK,
        transform=panel.transAxes, linespacing=1.35,
    )  # fmt: skip


def _legend(figure: Figure, width: float, height: float) -> None:
    palette = class_colours(len(TRAY_CLASSES)) / 255
    patches = [
        Patch(color=tuple(colour), label=name)
        for name, colour in zip(TRAY_CLASSES, palette.tolist(), strict=True)
    ]
    figure.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0.0, 1 - 0.06 / height), ncols=len(patches),
        fontsize=8, frameon=False, handlelength=1, handletextpad=0.4, columnspacing=1.2, borderaxespad=0.3,
    )  # fmt: skip
    if width < _LEGEND_INCHES:
        return
    right = 1 - 1.9 / width
    scale = figure.add_axes((right, 1 - 0.26 / height, 1.1 / width, 0.11 / height))
    colours = ScalarMappable(Normalize(0, HIGHEST_MM), _HEIGHTS)
    bar = figure.colorbar(colours, cax=scale, orientation="horizontal")
    bar.set_ticks([0, 10, 20, 30])
    scale.tick_params(labelsize=7, length=2, pad=1)
    figure.text(
        right - 0.08 / width, 1 - 0.25 / height, "height of food, mm", ha="right", fontsize=8, color=INK
    )
