"""What a process takes of the machine, by the kernel's count."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.files import kernel_text

_KB = 1024 / 1e6
_ROLES = (("appliance.inference.child", "networks"), ("multiprocessing.spawn", "camera"))
"""Part of the command line → which worker of the appliance it is."""


@dataclass(frozen=True)
class Taken:
    """Resident memory in MB (10^6 bytes), threads and open file descriptors of a process; None if unknown."""

    rss_mb: float
    threads: int
    descriptors: int | None


def taken_by(process: int, root: Path = Path("/")) -> Taken | None:
    """Return what a process takes; None if it has ended."""
    status = kernel_text(root / f"proc/{process}/status") or ""
    rss = re.search(r"^VmRSS:\s*(\d+) kB$", status, re.MULTILINE)
    threads = re.search(r"^Threads:\s*(\d+)$", status, re.MULTILINE)
    if rss is None or threads is None:
        return None
    return Taken(int(rss[1]) * _KB, int(threads[1]), _descriptors(root / f"proc/{process}/fd"))


def workers(children: Iterable[int], root: Path = Path("/")) -> dict[str, Taken]:
    """Return what the appliance's workers take, "camera" and "networks", of the `children` that are there.

    Where one is being replaced both are there for a moment: the one that takes more counts.
    """
    found: dict[str, Taken] = {}
    for child in children:
        role, taken = _role(child, root), taken_by(child, root)
        if role is None or taken is None:
            continue
        if role not in found or found[role].rss_mb < taken.rss_mb:
            found[role] = taken
    return found


def _role(process: int, root: Path) -> str | None:
    command = (kernel_text(root / f"proc/{process}/cmdline") or "").replace("\0", " ")
    return next((role for part, role in _ROLES if part in command), None)


def _descriptors(folder: Path) -> int | None:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return None
