"""How long to wait for what happens again and again, before its absence counts as a hang."""

from collections import deque
from typing import Final

_OF_LATE: Final = 32


class Patience:
    """A limit that follows what it watches: `times` the longest wait of late, within bounds.

    A fixed limit has to suit the slowest machine on its worst day; this one notices a hang on a quick machine
    soon, and gives a loaded one time. Until something was measured it is the longest, `most_s`.
    """

    def __init__(self, least_s: float, most_s: float, times: float) -> None:
        self._least_s = min(least_s, most_s)
        self._most_s = most_s
        self._times = times
        self._waits: deque[float] = deque(maxlen=_OF_LATE)

    def waited(self, seconds: float) -> None:
        """Take note of a wait that ended well."""
        self._waits.append(seconds)

    @property
    def limit_s(self) -> float:
        """What a wait may take now, in seconds."""
        if not self._waits:
            return self._most_s
        return min(self._most_s, max(self._least_s, self._times * max(self._waits)))
