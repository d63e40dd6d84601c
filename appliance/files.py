"""Files that are there as a whole or not at all, also after a power cut."""

import os
import tempfile
from pathlib import Path


def write_whole(
    path: Path, content: bytes, *, mode: int = 0o644, owner: tuple[int, int] | None = None
) -> None:
    """Write a file so that readers, and a crash at any moment, see the old content or the whole new one.

    `owner` is the user's and group's number, to be given by root only. Raises `OSError`; nothing is left
    behind then.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut; raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def kernel_text(file: Path) -> str | None:
    """Return the text of one of the kernel's small files without its line end; None if it cannot be read."""
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return None
