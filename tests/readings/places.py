"""Where tests put stores by the thousand."""

from pathlib import Path
from tempfile import TemporaryDirectory

_MEMORY = Path("/dev/shm")  # noqa: S108 - in a folder of its own


def in_memory() -> "TemporaryDirectory[str]":
    """Return a folder that is gone at the end; in memory if possible, where syncs cost nothing."""
    return TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
