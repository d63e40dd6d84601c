"""The state folder's file system: room, and whether it can be written at all."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """Room in MB (10^6 bytes) for those who are not root, and whether the kernel mounted it read-only."""

    free_mb: float
    read_only: bool


def disk_of(folder: Path) -> Disk | None:
    """Return how the file system of a folder is; None if it does not answer.

    ext4 turns read-only by itself on an error of the SD card (errors=remount-ro).
    """
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(found.f_bavail * found.f_frsize / 1e6, bool(found.f_flag & os.ST_RDONLY))


def store_mb(database: Path) -> float:
    """Return what a SQLite database takes with its log, in MB (10^6 bytes)."""
    return sum(_size(database.with_name(database.name + suffix)) for suffix in ("", "-wal", "-shm")) / 1e6


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
