from datetime import UTC, datetime, timedelta


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return datetime(2026, 3, 2, 3, 0, tzinfo=UTC) + timedelta(seconds=self.now_s)

    def sleep_s(self, seconds: float) -> None:
        assert seconds >= 0
        self.now_s += seconds
