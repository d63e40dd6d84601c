"""Who runs for how long: this process and those that it started, and all others."""

import os
import time
from pathlib import Path

from appliance.service.memory import descendants

_PROC = Path("/proc")


def processor_ms(proc: Path = _PROC) -> float:
    """Return the processor time of all threads of this process and of its living descendants.

    Threads that wait for each other without sleeping take it too. Of a descendant that runs right now, the
    last few milliseconds are not in it.
    """
    ran_ns = [
        int(file.read_text(encoding="ascii").split()[0])
        for child in descendants(os.getpid(), proc)
        for file in proc.glob(f"{child}/task/*/schedstat")
    ]
    return 1000 * time.process_time() + sum(ran_ns) / 1e6


def busy_cores(during_s: float = 1.0, proc: Path = _PROC) -> float:
    """Return how many cores are busy on average, while this process sleeps for `during_s`."""
    before = _idle_and_all_ticks(proc)
    time.sleep(during_s)
    idle, total = (after - was for after, was in zip(_idle_and_all_ticks(proc), before, strict=True))
    return (1 - idle / total) * (os.cpu_count() or 1) if total else 0.0


def _idle_and_all_ticks(proc: Path) -> tuple[int, int]:
    first = (proc / "stat").read_text(encoding="ascii").splitlines()[0]
    # User, nice, system, idle, waiting for disks, interrupts, stolen; what follows is in user already.
    ticks = [int(number) for number in first.split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
