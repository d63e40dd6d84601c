"""How much memory this process and those that it started have taken at most, by the kernel's count."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def peak_mb(process: int, proc: Path = _PROC) -> float | None:
    """Return a process's largest resident memory so far in MB; None where the kernel does not say.

    Unlike `getrusage`, this leaves out what the process was before it became another program.
    """
    found = re.search(r"^VmHWM:\s*(\d+) kB$", _text(proc / str(process) / "status"), re.MULTILINE)
    return None if found is None else int(found[1]) / 1024


def peaks_mb(proc: Path = _PROC) -> tuple[float | None, float]:
    """Return the peak of this process, and the sum of those of its children and theirs, as they are now."""
    own = os.getpid()
    return peak_mb(own, proc), sum(peak_mb(child, proc) or 0.0 for child in descendants(own, proc))


def descendants(process: int, proc: Path = _PROC) -> Iterator[int]:
    """Yield the processes that a process started, those that they started, and so on."""
    for thread in proc.glob(f"{process}/task/*/children"):
        for child in map(int, _text(thread).split()):
            yield child
            yield from descendants(child, proc)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
