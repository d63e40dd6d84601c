"""Plots of the figures, as PNG files; the same figures give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convert.evaluate.estimators import (
    BACK_PROJECTION,
    DEPTH,
    MEAN,
    READING,
    SEGMENTATION,
    STUDY,
    TOLD,
    Column,
)
from convert.evaluate.result import Errors, OnSource, Pixels, Volumes
from convert.evaluate.volumes import Row
from convert.networks.spec import TRAY_CLASSES

INK: Final = "#222222"
FAINT: Final = "#8a8a8a"

KIND_COLOURS: Final = {"rice": "#E69F00", "liquid": "#0072B2", "solid": "#009E73", "unknown": "#7f7f7f"}
ESTIMATOR_COLOURS: Final = {
    BACK_PROJECTION: "#999999",
    TOLD: "#CC79A7",
    DEPTH: "#0072B2",
    SEGMENTATION: "#E69F00",
    MEAN: "#56B4E9",
    STUDY: "#D55E00",
    READING: INK,
}
_RUN_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""From Okabe and Ito 2008, as the colour-blind tell them."""

_BAND: Final = 10

_LEAST_SHARE: Final = 0.001
"""Bins of fewer pixels are chance, and not drawn."""


def scatter(rows: Sequence[Row], columns: Sequence[Column]) -> bytes:
    """Return read against true leftovers of every well, a panel per column, coloured by the kind of dish."""
    figure = Figure(figsize=(2.4 * len(columns) + 0.5, 3.4), layout="constrained")
    panels = figure.subplots(1, len(columns), sharex=True, sharey=True, squeeze=False)[0]
    true = 100 * np.array([row.well.leftover for row in rows])
    kinds = np.array([row.kind for row in rows])
    size = float(np.clip(2500 / len(rows), 5, 24))
    for panel, column in zip(panels, columns, strict=True):
        read = 100 * np.array([row.read[column].leftover for row in rows])
        panel.fill_between(
            [-5, 105], [-5 - _BAND, 105 - _BAND], [-5 + _BAND, 105 + _BAND], color="#eeeeee", lw=0
        )
        panel.plot([-5, 105], [-5, 105], color=FAINT, lw=0.8)
        for kind, colour in KIND_COLOURS.items():
            mine = kinds == kind
            if mine.any():
                panel.scatter(true[mine], read[mine], s=size, c=colour, alpha=0.6, lw=0)
        off = read - true
        panel.set_title(
            f"{column}\nMAE {np.abs(off).mean():.1f}, bias {off.mean():+.1f}", fontsize=9, color=INK
        )
        panel.set(xlim=(-4, 104), ylim=(-4, 104), aspect="equal", xlabel="true, % of full serving")
        _plain(panel)
    panels[0].set_ylabel("read, %")
    figure.legend(
        *_kinds_shown(kinds),
        loc="outside lower center",
        ncols=4,
        fontsize=8,
        frameon=False,
        handletextpad=0.2,
    )
    return png(figure)


def _kinds_shown(kinds: npt.NDArray[np.str_]) -> tuple[list[Line2D], list[str]]:
    names = [kind for kind in KIND_COLOURS if (kinds == kind).any() and kind != "unknown"]
    return [Line2D([], [], marker="o", ls="", ms=5, color=KIND_COLOURS[name]) for name in names], names


def error_bars(volumes: Sequence[Volumes]) -> bytes:
    """Return the mean absolute errors by kind of dish and by complication, a bar for each estimator."""
    groups = [
        {"all": one.wells, **one.by_kind} if len(one.by_kind) > 1 else {"all": one.wells} for one in volumes
    ]
    complications = [one.by_complication for one in volumes]
    wide = [len(groups[0]), len(complications[0])]
    figure = Figure(figsize=(max(7.0, 1.0 * sum(wide) + 1), 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, width_ratios=wide)
    for panel, parts, title in zip(
        panels, (groups, complications), ("by kind of dish", "by complication"), strict=True
    ):
        _bars(panel, parts, [one.estimator for one in volumes])
        panel.set_title(title, fontsize=9, color=INK)
        _plain(panel)
    panels[0].set_ylabel("mean absolute error, points")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8, frameon=False
    )
    return png(figure)


def _bars(panel: Axes, parts: Sequence[Mapping[str, Errors]], names: Sequence[str]) -> None:
    groups = list(parts[0])
    width = 0.8 / len(parts)
    for place, (part, name) in enumerate(zip(parts, names, strict=True)):
        x = np.arange(len(groups)) + (place - (len(parts) - 1) / 2) * width
        panel.bar(
            x, [part[group].mae for group in groups], 0.92 * width, color=ESTIMATOR_COLOURS[name], label=name
        )
    labels = [f"{group}\n{parts[0][group].count}" for group in groups]
    panel.set_xticks(np.arange(len(groups)), labels, fontsize=8)
    panel.tick_params(axis="x", length=0)
    panel.set_xlim(-0.6, len(groups) - 0.4)


def segmentation(found: Sequence[OnSource]) -> bytes | None:
    """Return the confusion of classes of the first run and the reliability diagram of all; None without."""
    known = [(one.run, one.segmentation) for one in found if one.segmentation is not None]
    if not known:
        return None
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    run, first = known[0]
    _confusion(left, first)
    left.set_title(f"{run}: pixels of a true class (row), % given each class", fontsize=9, color=INK)
    _reliability(right, known)
    return png(figure)


def _confusion(panel: Axes, pixels: Pixels) -> None:
    counts = np.array(pixels.confusion, np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shares = 100 * counts / np.maximum(total, 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(*shares.shape):
        if total[row, 0]:
            text = f"{shares[row, column]:.1f}" if shares[row, column] >= 0.05 else "·"
            colour = "white" if shares[row, column] > 55 else INK
            panel.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    given = [pixels.iou.get(name) for name in TRAY_CLASSES]
    labels = [
        name if iou is None else f"{name}  (IoU {iou:.2f})"
        for name, iou in zip(TRAY_CLASSES, given, strict=True)
    ]
    panel.set_xticks(range(len(TRAY_CLASSES)), TRAY_CLASSES, fontsize=8)
    panel.set_yticks(range(len(TRAY_CLASSES)), labels, fontsize=8)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _reliability(panel: Axes, known: Sequence[tuple[str, Pixels]]) -> None:
    panel.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
    for place, (run, pixels) in enumerate(known):
        points = np.array(pixels.reliability)
        confidence, accuracy, share = points[points[:, 2] >= _LEAST_SHARE].T
        colour = _RUN_COLOURS[place % len(_RUN_COLOURS)]
        label = f"{run}: calibration error {100 * pixels.calibration_error:.1f} points"
        panel.plot(confidence, accuracy, "-", color=colour, lw=1.2, label=label)
        panel.scatter(confidence, accuracy, s=6 + 150 * share, color=colour, lw=0, alpha=0.8)
    panel.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    panel.set(xlabel="confidence (dots: share of pixels)", ylabel="share of pixels that are right")
    panel.set_title("reliability of the confidence", fontsize=9, color=INK)
    panel.legend(fontsize=8, frameon=False, loc="upper left")
    _plain(panel)


def _plain(panel: Axes) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
    panel.xaxis.label.set_fontsize(8)
    panel.yaxis.label.set_fontsize(8)


def png(figure: Figure, dpi: int = 130) -> bytes:
    """Return a figure as a PNG file."""
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    # The version of the library would make the same figures other bytes.
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    return content.getvalue()
