"""The figures of the comparison: medians, quartiles, ratios to this pipeline, as a table in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.contestant import Turn
from convert.markdown import table


@dataclass(frozen=True)
class Spread:
    """The median of some values, and their quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        low, median, high = np.percentile(values, (25, 50, 75))
        return cls(float(median), float(low), float(high))


@dataclass(frozen=True)
class Figures:
    """What is told of one way.

    `ratio` is its time over the first way's on the same tray, one right after the other, so that what slows
    the machine down for a while slows down both; `processor_ratio` is the same of processor time. Both are
    None for the first way. `stages_ms` are medians.
    """

    total_ms: Spread
    ratio: Spread | None
    processor_ms: Spread
    processor_ratio: Spread | None
    stages_ms: dict[str, float]
    peak_memory_mb: float
    weights_mb: float


def figures(turns: Mapping[str, Sequence[Turn]], weights_mb: Mapping[str, float]) -> dict[str, Figures]:
    """Return the figures by way; the first is what the others are compared with.

    Turns of the same place, of which there is at least one, are of the same tray.
    """
    first = next(iter(turns.values()))
    return {
        name: Figures(
            Spread.of(_totals(mine)),
            None if mine is first else _ratios(_totals(mine), _totals(first)),
            Spread.of(_processor(mine)),
            None if mine is first else _ratios(_processor(mine), _processor(first)),
            {
                stage: float(np.median([turn.stages_ms[stage] for turn in mine]))
                for stage in mine[0].stages_ms
                if stage != "total"
            },
            max(turn.peak_memory_mb for turn in mine),
            weights_mb[name],
        )
        for name, mine in turns.items()
    }


def as_json(by_way: Mapping[str, Figures]) -> dict[str, Any]:
    """Return the figures as what JSON has, rounded."""
    return {
        name: {
            "total_ms": _quartiles(one.total_ms),
            "ratio": _quartiles(one.ratio),
            "processor_ms": _quartiles(one.processor_ms),
            "processor_ratio": _quartiles(one.processor_ratio),
            "stages_ms": {stage: round(ms, 2) for stage, ms in one.stages_ms.items()},
            "peak_memory_mb": round(one.peak_memory_mb, 1),
            "weights_mb": round(one.weights_mb, 1),
        }
        for name, one in by_way.items()
    }


def markdown(by_way: Mapping[str, Figures]) -> str:
    """Return a table with a column for each way."""
    columns = by_way.values()
    stages = dict.fromkeys(stage for one in columns for stage in one.stages_ms)
    rows = [
        ["one tray: median", *(f"**{_ms(one.total_ms.median)}**" for one in columns)],
        ["quartiles", *(f"{_ms(one.total_ms.low)} to {_ms(one.total_ms.high)}" for one in columns)],
        ["times as long, tray by tray: median", *(_ratio(one.ratio) for one in columns)],
        *([f"of it {stage.replace('_', ' ')}", *(_share(one, stage) for one in columns)] for stage in stages),
        ["processor time: median", *(_ms(one.processor_ms.median) for one in columns)],
        ["times as much, tray by tray: median", *(_ratio(one.processor_ratio) for one in columns)],
        ["peak memory", *(f"{one.peak_memory_mb:.0f} MB" for one in columns)],
        ["of it weights", *(f"{one.weights_mb:.1f} MB" for one in columns)],
    ]
    return "\n".join(table(["", *by_way], rows))


_NOTHING: Final = "-"


def _totals(turns: Sequence[Turn]) -> list[float]:
    return [turn.total_ms for turn in turns]


def _processor(turns: Sequence[Turn]) -> list[float]:
    return [turn.processor_ms for turn in turns]


def _ratios(mine: Sequence[float], first: Sequence[float]) -> Spread:
    return Spread.of([one / other for one, other in zip(mine, first, strict=True)])


def _quartiles(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    return {"median": round(spread.median, 2), "p25": round(spread.low, 2), "p75": round(spread.high, 2)}


def _ms(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"


def _ratio(ratio: Spread | None) -> str:
    if ratio is None:
        return "1"
    return f"**{ratio.median:.1f}** ({ratio.low:.1f} to {ratio.high:.1f})"


def _share(one: Figures, stage: str) -> str:
    if stage not in one.stages_ms:
        return _NOTHING
    ms = one.stages_ms[stage]
    return f"{_ms(ms)}, {ms / one.total_ms.median:.0%}"
