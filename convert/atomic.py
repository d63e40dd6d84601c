"""Files that are there as a whole or not at all."""

import os
import tempfile
from pathlib import Path

from convert.errors import ConvertError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers, and a crash at any moment, see the old content or the whole new one.

    Raises `ConvertError`, one line, where the folder cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise ConvertError(f"{path}: cannot be written ({error.strerror}); check the folder") from None


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
