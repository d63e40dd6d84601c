"""A training's curves, drawn from its log."""

import io
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from convert.networks.spec import TRAY_CLASSES
from convert.train.log import Line, last_training

_NOT_LOSSES: Final = {"event", "step", "rate", "samples_per_s"}
_JUDGED: Final = {"height_mae_mm_": "height error, mm", "iou_": "intersection over union"}
"""Beginning of a figure's name, which the class ends → what it is."""

_COLOURS: Final = ("#999999", "#0072B2", "#D55E00", "#E69F00", "#56B4E9", "#009E73", "#CC79A7")
"""Per class; Okabe and Ito 2008, as the colour-blind tell them apart."""


def curve(lines: Sequence[Line]) -> bytes:
    """Return a PNG: the losses on the left, what validation says of each class on the right."""
    lines = last_training(lines)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _losses(left, [line for line in lines if line.get("event") == "step"])
    _judged(right, [line for line in lines if line.get("event") == "validation"])
    for panel in (left, right):
        panel.set_xlabel("step")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3)
        if panel.has_data():
            panel.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    written = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(written, format="png", dpi=100, metadata={"Software": None})
    return written.getvalue()


def _losses(panel: Axes, lines: Sequence[Line]) -> None:
    panel.set_title("loss and its parts", fontsize="medium")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:.2g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    for name in dict.fromkeys(key for line in lines for key in line if key not in _NOT_LOSSES):
        at = [line for line in lines if name in line]
        panel.plot([line["step"] for line in at], [line[name] for line in at], lw=1, label=name)


def _judged(panel: Axes, lines: Sequence[Line]) -> None:
    for prefix, title in _JUDGED.items():
        for name, colour in zip(TRAY_CLASSES, _COLOURS, strict=True):
            at = [line for line in lines if prefix + name in line]
            if at:
                values = [line[prefix + name] for line in at]
                panel.plot([line["step"] for line in at], values, "o-", ms=2, lw=1, c=colour, label=name)
                panel.set_title(f"{title}, on set-ups not trained on", fontsize="medium")
