"""Identifiers that sort by time: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
import threading
import time
from collections.abc import Callable
from uuid import UUID

_COUNTER_BITS = 42
_RANDOM_BITS = 32


class Uuid7Generator:
    """Makes UUIDv7s that strictly increase, even while the clock stands still or jumps back.

    The 74 bits after the millisecond are a 42-bit counter, seeded at random each new millisecond with its
    top bit clear, and 32 random bits (RFC 9562, section 6.2, method 1). While the clock is behind, the last
    millisecond is kept and the counter goes on; should it overflow, the millisecond runs ahead by one.
    Safe to share between threads.
    """

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Take the clock: nanoseconds since 1970 in UTC."""
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._millisecond = -1
        self._counter = 0

    def __call__(self) -> UUID:
        """Return the next identifier."""
        with self._lock:
            now = max(0, self._now_ns() // 1_000_000)
            if now > self._millisecond:
                self._millisecond = now
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            elif self._counter + 1 < 1 << _COUNTER_BITS:
                self._counter += 1
            else:
                self._millisecond += 1
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            return _compose(self._millisecond, self._counter)


def _compose(millisecond: int, counter: int) -> UUID:
    tail = counter << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    rand_a, rand_b = tail >> 62, tail & ((1 << 62) - 1)
    version, variant = 0x7, 0b10
    return UUID(
        int=(millisecond & ((1 << 48) - 1)) << 80 | version << 76 | rand_a << 64 | variant << 62 | rand_b
    )


uuid7 = Uuid7Generator()
"""The process's generator: `uuid7()` returns the next identifier."""
