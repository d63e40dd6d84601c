"""How long to wait before trying again."""

import random
from collections.abc import Callable


class Backoff:
    """Doubling delays with jitter, so that a canteen's boxes do not all return in the same moment.

    Each delay is drawn between half of the current bound and the bound ("equal jitter", M. Brooker,
    Exponential Backoff And Jitter, AWS Architecture Blog, 2015); the bound starts at `first_s` and stops at
    `most_s`.
    """

    def __init__(
        self, first_s: float, most_s: float, draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._draw = draw
        self._bound_s = first_s

    def next_s(self) -> float:
        """Return the seconds to wait now, and double the bound."""
        delay_s = self._draw(self._bound_s / 2, self._bound_s)
        self._bound_s = min(self._most_s, self._bound_s * 2)
        return delay_s

    def reset(self) -> None:
        """Start over, after a success."""
        self._bound_s = self._first_s
