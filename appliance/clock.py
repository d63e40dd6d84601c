"""Time: monotonic for durations, UTC for stamps, both injectable; and the deadline of a tray."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests inject their own."""

    def monotonic_s(self) -> float:
        """Return seconds that never go back and know no time zone."""
        ...

    def utc(self) -> datetime:
        """Return the current time, aware, in UTC; it may jump."""
        ...

    def sleep_s(self, seconds: float) -> None:
        """Wait for at least `seconds`."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the system's UTC time."""
        return datetime.now(UTC)

    def sleep_s(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock by which work has to be done."""

    clock: Clock
    at_s: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(clock, clock.monotonic_s() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - self.clock.monotonic_s())

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.remaining_s == 0.0
