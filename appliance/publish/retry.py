"""When to connect again after a connection failed or ended."""

import random
from collections.abc import Callable
from enum import Enum

from appliance.backoff import Backoff


class Cause(Enum):
    """Why there is no connection, as far as it matters for trying again."""

    AWAY = "away"
    """Nobody answered, or the line broke: it may be back in the next moment."""

    REFUSED = "refused"
    """Somebody answered, and does not want us: only a person mends it."""

    EARLY = "early"
    """The broker's certificate is not valid yet: either it is wrong, or this box's clock."""


class Retry:
    """Soon and evenly where the broker was away, ever later where it refused.

    A broker that was away is found again within `away_most_s` and the time of one attempt, however long it
    was away. One that refuses is asked ever more rarely, up to `refused_most_s`: it has said what it has to
    say, and writes it down each time.
    """

    def __init__(
        self,
        first_s: float,
        away_most_s: float,
        refused_most_s: float,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        away_most_s = min(away_most_s, refused_most_s)
        self._away = Backoff(min(first_s, away_most_s), away_most_s, draw)
        self._refused = Backoff(first_s, refused_most_s, draw)

    def wait_s(self, cause: Cause) -> float:
        """Return the seconds to wait before the next attempt."""
        return (self._away if cause is Cause.AWAY else self._refused).next_s()

    def reset(self) -> None:
        """Start over, after a success."""
        self._away.reset()
        self._refused.reset()
