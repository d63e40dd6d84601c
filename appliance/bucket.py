"""A token bucket: so many at once, and so many per second in the long run."""

from dataclasses import dataclass


@dataclass
class TokenBucket:
    """Holds up to `burst` tokens and gets `per_s` of them per second; times are monotonic seconds.

    J. Turner, "New directions in communications (or which way to the information age?)", IEEE Communications
    Magazine 24(10), 1986.
    """

    burst: int
    per_s: float
    now_s: float

    def __post_init__(self) -> None:
        self._tokens = float(self.burst)

    def take(self, now_s: float) -> bool:
        """Take a token if there is one; tell whether there was."""
        if not self.has_one(now_s):
            return False
        self._tokens -= 1
        return True

    def has_one(self, now_s: float) -> bool:
        """Tell whether there is a token; a time before the last one counts as the last one."""
        self._tokens = min(self.burst, self._tokens + max(0.0, now_s - self.now_s) * self.per_s)
        self.now_s = max(self.now_s, now_s)
        return self._tokens >= 1
