"""A bounded number of things in a time, whoever asks for them."""

from appliance.clock import Clock


class Allowance:
    """A token bucket: `burst` at once, and one more every `refill_s` seconds."""

    def __init__(self, burst: int, refill_s: float, clock: Clock) -> None:
        self._burst = burst
        self._refill_s = refill_s
        self._clock = clock
        self._left = float(burst)
        self._at_s = clock.monotonic_s()

    def take(self) -> bool:
        """Take one if there is one left."""
        now_s = self._clock.monotonic_s()
        self._left = min(self._burst, self._left + (now_s - self._at_s) / self._refill_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
