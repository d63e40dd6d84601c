"""A clock that tests set."""

from datetime import UTC, datetime, timedelta


class SetClock:
    """Both of its times are what the test says."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.now = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return self.now

    def sleep_s(self, seconds: float) -> None:
        self.pass_s(seconds)

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.now += timedelta(seconds=seconds)
