"""Files: written as a whole or not at all, also after a power cut; read without surprises."""

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file, or a link to one, for reading.

    Never waits: a pipe would until somebody writes, a device may for ever. Raises `OSError` for these, for
    folders, and for names that no file can have; its `strerror` fits into a sentence.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except ValueError:
        raise OSError(errno.EINVAL, "no name of a file") from None
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "no plain file")


def read_whole(path: Path, most_bytes: int) -> bytes:
    """Return the content of a plain file; raises `OSError` as `open_plain`, and for a larger file."""
    with open_plain(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"too large, over {most_bytes / 1e6:g} MB")
    return content


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
            # On FAT, what a name stands for is written with the file, and not with the folder.
            os.fsync(file.fileno())
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
