"""How long each stage of a tray's way took."""

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.clock import Clock


class Stages:
    """Collects the stages of one tray, from `since_s` (monotonic) on; a stage that runs twice adds up."""

    def __init__(self, clock: Clock, since_s: float | None = None) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s() if since_s is None else since_s
        self._ms: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time the enclosed stage, also when it raises."""
        started_s = self._clock.monotonic_s()
        try:
            yield
        finally:
            self.add(name, self._clock.monotonic_s() - started_s)

    def add(self, name: str, seconds: float) -> None:
        """Count time that was spent elsewhere, such as waiting in a queue."""
        self._ms[name] = self._ms.get(name, 0.0) + max(0.0, seconds) * 1000

    def latency_ms(self) -> dict[str, float]:
        """Return milliseconds per stage and their `total` until now."""
        return {**self._ms, "total": max(0.0, self._clock.monotonic_s() - self._since_s) * 1000}
