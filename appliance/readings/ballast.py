"""Room on the disk that nobody else can take, given up when the disk is full."""

import logging
import os
import shutil
from pathlib import Path

_log = logging.getLogger(__name__)


class Ballast:
    """A file without content that takes room, to be thrown off when the disk has none left.

    A full disk cannot even be emptied: deleting rows writes to the log first. `bytes_` is what that takes.
    The file is made again only where twice as much is free, so that a disk on the brink is left alone.
    """

    def __init__(self, path: Path, bytes_: int) -> None:
        """Take a file name; nothing is made yet."""
        self._path = path
        self._bytes = bytes_
        self.held = False
        """Whether the room is there, as of the last call of `hold` or `drop`."""

    def hold(self) -> bool:
        """Make the file if it is not there and there is room for it; return whether it is there."""
        try:
            self.held = self._is_whole() or self._make()
        except OSError as error:
            _log.warning("%s: no room can be kept: %s", self._path, error)
            self.drop()
        return self.held

    def drop(self) -> bool:
        """Delete the file, so that its room is free; return whether it is gone."""
        self.held = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s: cannot be deleted: %s", self._path, error)
            return False
        return True

    def _is_whole(self) -> bool:
        # Blocks, not the length: a power cut can leave a file that is long and takes no room.
        return self._path.exists() and self._path.stat().st_blocks * 512 >= self._bytes

    def _make(self) -> bool:
        if shutil.disk_usage(self._path.parent).free < 2 * self._bytes:
            return False
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._bytes)
        finally:
            os.close(handle)
        return True
