"""The state folder's file system: room, and whether it can be written at all."""

import os
from dataclasses import dataclass
from pathlib import Path

from appliance.files import kernel_text


@dataclass(frozen=True)
class Disk:
    """Room in MB (10^6 bytes) for those who are not root, and whether the kernel refuses writes."""

    free_mb: float
    read_only: bool


def disk_of(folder: Path) -> Disk | None:
    """Return how the file system of a folder is; None if it does not answer."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(found.f_bavail * found.f_frsize / 1e6, is_read_only(folder))


def is_read_only(folder: Path, root: Path = Path("/")) -> bool:
    """Return whether the file system that holds a folder takes no writes, by the kernel's table of mounts.

    ext4 ends so on an error of the SD card (errors=remount-ro). Since Linux 6.15 it is called `emergency_ro`
    then, with `rw` beside it, and statvfs says nothing of it.
    """
    folder, best, options = folder.absolute(), Path("/"), ""
    for line in (kernel_text(root / "proc/mounts") or "").splitlines():
        _, where, _, flags, *_ = [*line.split(), "", "", "", ""]
        point = Path(where.replace("\\040", " "))
        if folder.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, options = point, flags
    return not {"ro", "emergency_ro"}.isdisjoint(options.split(","))


def store_mb(database: Path) -> float:
    """Return what a SQLite database takes with its log, in MB (10^6 bytes)."""
    return sum(_size(database.with_name(database.name + suffix)) for suffix in ("", "-wal", "-shm")) / 1e6


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
