"""Being asked to stop, or running out of time: the step in hand is finished and the state kept."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Says when to stop, and why; `number` is the signal that came, if one did."""

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + minutes * 60
        self.number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None or (self._end is not None and time.monotonic() >= self._end)

    def ask(self, number: int) -> None:
        """Note a signal."""
        self.number = number

    @property
    def why(self) -> str:
        """Return why in a few words."""
        return "time is up" if self.number is None else signal.Signals(self.number).name


@contextmanager
def stopping(minutes: float | None) -> Iterator[Stop]:
    """Yield a `Stop` that SIGINT, SIGTERM and SIGHUP set; one that is ignored stays so."""
    stop = Stop(minutes)
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, lambda got, _frame: stop.ask(got))
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
