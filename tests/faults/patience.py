"""Waiting for what takes as long as the machine needs."""

import time
from collections.abc import Callable

_PATIENCE_S = 300.0


def eventually(condition: Callable[[], bool], what: str, look_s: float = 0.1) -> None:
    """Wait until `condition` holds, looking every `look_s`; raises TimeoutError after minutes."""
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"never happened: {what}")
        time.sleep(look_s)
