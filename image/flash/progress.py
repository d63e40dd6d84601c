"""How far it is, for a person at a terminal, or in a few lines for a file."""

import time
from collections.abc import Callable
from typing import Final, TextIO

_EVERY_S: Final = 0.5


class Progress:
    """Says what share of `total_bytes` is done, and how fast that goes; `now_s` is a monotonic clock."""

    def __init__(
        self, what: str, total_bytes: int, out: TextIO, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._out = out
        self._now_s = now_s
        self._began_s = now_s()
        self._said_s = self._began_s
        self._said_tenths = 0

    def __call__(self, done_bytes: int) -> None:
        """Take note of what is done; the last call ends the line."""
        now_s, ended = self._now_s(), done_bytes >= self._total_bytes
        share = done_bytes / self._total_bytes
        mb_per_s = done_bytes / 1e6 / max(now_s - self._began_s, 0.001)
        line = f"{self._what} {int(share * 100):3}%, {mb_per_s:.1f} MB/s"
        if self._out.isatty():
            if ended or now_s - self._said_s >= _EVERY_S:
                self._said_s = now_s
                print(f"\r{line}  ", end="\n" if ended else "", file=self._out, flush=True)
        elif ended or int(share * 10) > self._said_tenths:
            self._said_tenths = int(share * 10)
            print(line, file=self._out, flush=True)
