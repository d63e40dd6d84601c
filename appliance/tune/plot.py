"""The picture of a search: how its trials went, and what each compartment gains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from appliance.picture import Picture
from appliance.tune.report import Report

_WIDTH_PX, _HEIGHT_PX = 1200, 520
_TOP_PX, _FOOT_PX, _LEFT_PX, _GAP_PX = 90, 80, 70, 90
_INK, _FAINT, _PAPER = "#222222", "#d8d8d8", "white"
_PRESENT, _BEST, _TRIAL = "#c05020", "#1868a8", "#9ab4c8"
_ABOVE = 1.25
"""The axis of errors goes this much above the present settings' error; worse trials lie on its upper end."""

_TICKS = (1, 2, 5)


@dataclass(frozen=True)
class _Panel:
    """A rectangle of the picture with its axis of errors, in points, from 0 at the bottom to `top`."""

    draw: ImageDraw.ImageDraw
    left: int
    right: int
    top: float

    @property
    def bottom_px(self) -> int:
        return _HEIGHT_PX - _FOOT_PX

    def y(self, points: float) -> float:
        """Return the height in the picture of an error in points; what is above the axis lies at its end."""
        share = min(points / self.top, 1.0) if np.isfinite(points) else 1.0
        return self.bottom_px - share * (self.bottom_px - _TOP_PX)

    def text(self, x: float, y: float, words: str, *, anchor: str, size: int = 15, ink: str = _INK) -> None:
        """Write words."""
        self.draw.text((x, y), words, ink, font=ImageFont.load_default(size), anchor=anchor)

    def frame(self, title: str) -> None:
        """Draw the title, the axis, and lines to read it by."""
        self.text(self.left, _TOP_PX - 22, title, anchor="ls", size=17)
        for points in _ticks(self.top):
            y = self.y(points)
            self.draw.line((self.left, y, self.right, y), _FAINT)
            self.text(self.left - 8, y, f"{points:g}", anchor="rm")


def plot(report: Report, errors: Sequence[float]) -> Picture:
    """Draw a search (520, 1200, 3), BGR; `errors` are its trials' mean absolute errors, 0..1, in order."""
    image = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX), _PAPER)
    draw = ImageDraw.Draw(image)
    middle = _WIDTH_PX // 2
    points = 100 * np.array(errors)
    _draw_trials(_Panel(draw, _LEFT_PX, middle - 20, _ABOVE * max(float(points[0]), 1.0)), points)
    highest = max(max(100 * well.before, 100 * well.after) for well in report.wells)
    wells = _Panel(draw, middle + _GAP_PX - 20, _WIDTH_PX - 20, _ABOVE * max(highest, 1.0))
    _draw_wells(wells, report)
    wells.text(_LEFT_PX, 14, report.verdict(), anchor="lt", size=19)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _draw_trials(panel: _Panel, points: npt.NDArray[np.float64]) -> None:
    panel.frame("mean absolute error of each trial, points of a full serving")
    best = np.minimum.accumulate(points)

    def x(trial: int) -> float:
        return panel.left + 8 + (panel.right - panel.left - 16) * trial / max(len(points) - 1, 1)

    for trial, error in enumerate(points):
        _dot(panel.draw, x(trial), panel.y(float(error)), 3, _TRIAL)
    y = panel.y(float(points[0]))
    panel.draw.line((panel.left, y, panel.right, y), _PRESENT, 2)
    for trial in range(1, len(points)):
        stair = [(x(trial - 1), panel.y(float(best[trial - 1]))), (x(trial), panel.y(float(best[trial - 1])))]
        panel.draw.line([*stair, (x(trial), panel.y(float(best[trial])))], _BEST, 3)
    panel.text(panel.left, panel.bottom_px + 10, "1", anchor="lt")
    panel.text(panel.right, panel.bottom_px + 10, f"trial {len(points)}", anchor="rt")
    names = (("present settings", _PRESENT), ("best so far", _BEST), ("a trial", _TRIAL))
    _legend(panel, names)


def _draw_wells(panel: _Panel, report: Report) -> None:
    panel.frame("the same per compartment")
    wide = (panel.right - panel.left) / len(report.wells)
    for place, well in enumerate(report.wells):
        middle = panel.left + (place + 0.5) * wide
        bars: tuple[tuple[float, float, str], ...] = (
            (middle - 0.36 * wide, 100 * well.before, _PRESENT),
            (middle + 0.02 * wide, 100 * well.after, _BEST),
        )
        for left, error, ink in bars:
            panel.draw.rectangle((left, panel.y(error), left + 0.34 * wide, panel.bottom_px), ink)
            panel.text(left + 0.17 * wide, panel.y(error) - 3, f"{error:.1f}", anchor="ms", size=13)
        panel.text(middle, panel.bottom_px + 10, f"{well.id}", anchor="mt")
    panel.draw.line((panel.left, panel.bottom_px, panel.right, panel.bottom_px), _INK)
    panel.text(panel.left - 8, panel.bottom_px + 10, "well", anchor="rt")
    _legend(panel, (("present settings", _PRESENT), ("settings found without the picture", _BEST)))


def _legend(panel: _Panel, names: Sequence[tuple[str, str]]) -> None:
    font = ImageFont.load_default(14)
    x = float(panel.left)
    for words, ink in names:
        y = _HEIGHT_PX - 26
        panel.draw.rectangle((x, y - 6, x + 12, y + 6), ink)
        panel.text(x + 18, y, words, anchor="lm", size=14)
        x += 18 + panel.draw.textlength(words, font=font) + 22


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, ink: str) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), ink)


def _ticks(top: float) -> list[float]:
    """Return four to ten round numbers from 0 to `top`."""
    decade = 10.0 ** np.floor(np.log10(top / 4))
    step = max(factor * decade for factor in _TICKS if factor * decade <= top / 4)
    return [float(number) for number in np.arange(0, top + step / 1000, step)]
