"""The machine itself: its board, its kernel, its memory."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from appliance.files import kernel_text

_KB = 1024 / 1e6


@dataclass(frozen=True)
class Memory:
    """The machine's memory in MB (10^6 bytes); None where the kernel does not say.

    `cma_free` is what cameras and displays take their contiguous buffers from, of `cma_total` in all.
    """

    available: float | None
    cma_free: float | None
    cma_total: float | None


def board_model(root: Path = Path("/")) -> str | None:
    """Return the board's name, as "Raspberry Pi 4 Model B Rev 1.5"; None where there is no device tree."""
    text = kernel_text(root / "proc/device-tree/model")
    return text.rstrip("\0") or None if text else None


def kernel_release() -> str:
    """Return the running kernel's release, as `uname -r`."""
    return platform.release()


def uptime_s(root: Path = Path("/")) -> float | None:
    """Return the seconds since boot."""
    found = re.match(r"\d+(\.\d+)?", kernel_text(root / "proc/uptime") or "")
    return float(found[0]) if found else None


def memory_mb(root: Path = Path("/")) -> Memory:
    """Return how much of the machine's memory is free."""
    text = kernel_text(root / "proc/meminfo") or ""
    return Memory(*(_entry_mb(text, name) for name in ("MemAvailable", "CmaFree", "CmaTotal")))


def _entry_mb(text: str, name: str) -> float | None:
    found = re.search(rf"^{name}:\s*(\d+) kB$", text, re.MULTILINE)
    return None if found is None else int(found[1]) * _KB
