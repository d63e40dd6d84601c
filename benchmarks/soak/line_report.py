"""Which reading is of which tray: what the line showed against what arrived."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.readings.reading import Reading
from benchmarks.soak.passages import Passage

_PROMISED_MS: Final = 5000.0
_SLACK_S: Final = 0.6
"""On either side: a tray that lies a little outside the picture is measured, too, where no better came."""


@dataclass(frozen=True)
class Steps:
    """How far the appliance's UTC was off, and when: (from, to, seconds), monotonic; outside of them not.

    `utc_s` is what true UTC is ahead of monotonic time.
    """

    utc_s: float
    spans: tuple[tuple[float, float, float], ...]

    def monotonic_s(self, captured_at: datetime) -> float:
        """Return when a stamp was made."""
        right_s = captured_at.timestamp() - self.utc_s
        for from_s, to_s, off_s in self.spans:
            if from_s <= right_s - off_s <= to_s:
                return right_s - off_s
        return right_s


@dataclass(frozen=True)
class LineReport:
    """Trays and readings. `blind` are trays that passed unread while there was no true picture.

    `late` came after 5 s, `twice` are second readings of a tray, `strays` readings without a tray.
    """

    trays: int
    read: int
    rejected: int
    blind: int
    missed: int
    late: int
    twice: int
    strays: int
    paths: dict[str, int]
    reasons: dict[str, int]

    @property
    def availability(self) -> float:
        """Share (0..1) of the trays that were read in time."""
        return self.read / self.trays if self.trays else 1.0


def line_report(
    passages: Sequence[Passage],
    readings: Iterable[Reading],
    steps: Steps,
    started_s: float,
    down: Sequence[tuple[float, float]],
) -> LineReport:
    """Compare. `passages` count from `started_s`; `down` are the spans (monotonic) without good frames."""
    waiting = list(passages)
    taken: list[Passage] = []
    counts: Counter[str] = Counter()
    paths: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    timed = sorted(((steps.monotonic_s(one.captured_at), one) for one in readings), key=lambda pair: pair[0])
    for at_s, reading in timed:
        line_s = at_s - started_s
        if passages and not passages[0].first_s - _SLACK_S <= line_s <= passages[-1].last_s + _SLACK_S:
            continue  # of a tray before the first that counts, or after the last
        if reading.reason is not None:
            reasons[f"{reading.status}: {reading.reason}"] += 1
        fitting = [one for one in waiting if _covers(one, line_s)]
        if not fitting:
            counts["twice" if any(_covers(one, line_s) for one in taken) else "strays"] += 1
            continue
        passage = min(fitting, key=lambda one: one.last_s)
        waiting.remove(passage)
        taken.append(passage)
        if reading.status == "rejected":
            counts["rejected"] += 1
            continue
        late = reading.latency_ms.get("total", 0.0) > _PROMISED_MS
        counts["late" if late else "read"] += 1
        paths[reading.path] += 1
    blind = sum(_overlaps(one, started_s, down) for one in waiting)
    return LineReport(
        trays=len(passages),
        read=counts["read"],
        rejected=counts["rejected"],
        blind=blind,
        missed=len(waiting) - blind,
        late=counts["late"],
        twice=counts["twice"],
        strays=counts["strays"],
        paths=dict(paths),
        reasons=dict(reasons),
    )


def _covers(passage: Passage, line_s: float) -> bool:
    return passage.first_s - _SLACK_S <= line_s <= passage.last_s + _SLACK_S


def _overlaps(passage: Passage, started_s: float, spans: Sequence[tuple[float, float]]) -> bool:
    first_s, last_s = started_s + passage.first_s, started_s + passage.last_s
    return any(from_s <= last_s + _SLACK_S and first_s - _SLACK_S <= to_s for from_s, to_s in spans)
