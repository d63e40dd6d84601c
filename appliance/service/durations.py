"""How long stages took of late, and whether one more would fit."""

import math
from collections import deque

_WINDOW = 40
_P95 = 0.95

PATIENCE = 20
"""So often is a stage left out for lack of time before it is tried all the same."""


class Durations:
    """Recent durations of stages, kept between trays, in seconds.

    A stage that was slow for a while must not be left out for ever, as nothing would tell that it is fast
    again. So every `PATIENCE` times that it is left out although there was ample time, it is tried: whoever
    runs it cuts it off at its deadline, and what comes of it takes the place of all that was remembered.
    """

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {}
        self._left_out: dict[str, int] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Remember that a stage took so long, also one that was cut off."""
        if self._left_out.pop(stage, 0) >= PATIENCE:
            self._recent.pop(stage, None)
        self._recent.setdefault(stage, deque(maxlen=_WINDOW)).append(seconds)

    def p95_s(self, *stages: str) -> float:
        """Return the sum over stages of what 95 of 100 recent runs stayed within, 0 for one that never ran.

        The nearest rank (R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American
        Statistician 50, 1996, definition 1): of few runs, the slowest.
        """
        return sum(self._one_p95_s(stage) for stage in stages)

    def fits(self, stage: str, remaining_s: float, ample_s: float) -> bool:
        """Tell whether to start a stage that has `remaining_s`, and count where the answer is no.

        `ample_s` is what is enough time for any stage in good health: with less it is the tray that is late,
        not the stage that is slow, and trying would tell nothing.
        """
        if self._one_p95_s(stage) <= remaining_s:
            return remaining_s > 0
        if remaining_s < ample_s:
            return False
        left_out = self._left_out.get(stage, 0)
        self._left_out[stage] = min(left_out + 1, PATIENCE)
        return left_out >= PATIENCE

    def _one_p95_s(self, stage: str) -> float:
        recent = sorted(self._recent.get(stage, ()))
        return recent[math.ceil(_P95 * len(recent)) - 1] if recent else 0.0
