"""Whether trays take longer than they did: heat shows in it, also where no sensor does.

A Coral that gets too hot lowers its own clock and tells nobody, as a processor does. What remains is to
compare the time of a tray of late with the best that lasted since the start.
"""

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from statistics import median

LATE_TRAYS = 40
LATE_S = 600.0
"""Of late: so many trays at most, of the last ten minutes. A kitchen's pause is forgotten, not compared."""

FEWEST_TRAYS = 15
"""With fewer of late no drift is told: a few slow trays are chance."""

SLOW = 1.5
"""Drift from which on trays are slow: that of a processor whose clock went from 1.5 to 1.0 GHz."""

WELL = 1.25
"""Drift below which a complaint ends; lower than where it begins, so that it does not come and go."""

HELD_S = 120.0
"""So long trays have to be slow before it is said."""

COMPLAINT = f"trays take more than {SLOW:g} times as long as they did: the box may be too hot; give it air"


@dataclass(frozen=True)
class LatencyFigures:
    """Of the trays of late: how many, median and 95th percentile in ms; `drift` is None where unknown."""

    trays: int
    p50_ms: float | None
    p95_ms: float | None
    drift: float | None


@dataclass
class _Way:
    """Trays that were measured in the same way; only they can be compared."""

    late: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=LATE_TRAYS))
    best_ms: float = math.inf
    slow_since_s: float | None = None
    complains: bool = False

    def add(self, now_s: float, ms: float) -> None:
        self.late.append((now_s, ms))
        if len(self.late) == LATE_TRAYS:
            self.best_ms = min(self.best_ms, median(ms for _, ms in self.late))
        drift = self.drift(now_s)
        if drift is None or drift < WELL:
            self.slow_since_s, self.complains = None, False
        elif drift < SLOW:
            self.slow_since_s = None
        else:
            self.slow_since_s = now_s if self.slow_since_s is None else self.slow_since_s
            self.complains = self.complains or now_s - self.slow_since_s >= HELD_S

    def drift(self, now_s: float) -> float | None:
        times = self.times_ms(now_s)
        if len(times) < FEWEST_TRAYS or not 0 < self.best_ms < math.inf:
            return None
        return median(times) / self.best_ms

    def times_ms(self, now_s: float) -> list[float]:
        return sorted(ms for when_s, ms in self.late if now_s - when_s <= LATE_S)


class LatencyWatch:
    """Hears of every tray; may be asked from any thread. Times are monotonic seconds.

    The best lasting figure is the lowest median of `LATE_TRAYS` trays on end: a few quick ones make no best.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ways: dict[str, _Way] = {}
        self._last = _Way()

    def add(self, now_s: float, ms: float, way: str) -> None:
        """Hear that a tray took `ms` milliseconds, waiting not counted; `way` says how it was measured."""
        with self._lock:
            self._last = self._ways.setdefault(way, _Way())
            self._last.add(now_s, ms)

    def figures(self, now_s: float) -> LatencyFigures:
        """Return the figures of the trays that were measured as the last one was."""
        with self._lock:
            times = self._last.times_ms(now_s)
            return LatencyFigures(
                len(times), _percentile(times, 0.5), _percentile(times, 0.95), self._last.drift(now_s)
            )

    def complaint(self, now_s: float) -> str | None:
        """Return that trays have been slow for a while; None where they are not, or none came of late."""
        with self._lock:
            slow = any(way.complains and way.drift(now_s) is not None for way in self._ways.values())
        return COMPLAINT if slow else None


def _percentile(ordered: list[float], share: float) -> float | None:
    """Return the nearest rank (Hyndman and Fan 1996, definition 1) of times in order."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
