"""Every change that provisioning makes to a disk, one call each: tests cut the power between any two."""

import os
from dataclasses import dataclass
from pathlib import Path

from appliance.files import sync_folder, write_whole

_SECRET = 0o600
_PUBLIC = 0o644
_PRIVATE_FOLDER = 0o700


@dataclass(frozen=True)
class Disk:
    """Writes what is not there yet; `owner` (user's and group's number) gets what the service has to read."""

    owner: tuple[int, int] | None = None

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only the owner may enter; its parent exists.

        A link in its place is removed: root must not follow where the service's user points.
        """
        if folder.is_symlink():
            self.remove(folder)
        if not folder.is_dir():
            folder.mkdir()
        if self.owner is not None:
            os.chown(folder, *self.owner, follow_symlinks=False)
        folder.chmod(_PRIVATE_FOLDER)
        sync_folder(folder.parent)

    def write_secret(self, file: Path, content: bytes) -> None:
        """Write a file that only the owner may read."""
        if not _holds(file, content):
            write_whole(file, content, mode=_SECRET, owner=self.owner)

    def write_public(self, file: Path, content: bytes) -> None:
        """Write a file that everybody may read; FAT knows no owners."""
        if not _holds(file, content):
            write_whole(file, content, mode=_PUBLIC)

    def rename(self, file: Path, to: Path) -> None:
        """Give a file another name, and make that survive a power cut."""
        file.replace(to)
        sync_folder(file.parent)

    def overwrite(self, file: Path) -> None:
        """Overwrite a file in place with zeros, then empty it; what that erases is up to the medium."""
        with file.open("r+b", buffering=0) as raw:
            raw.write(bytes(file.stat().st_size))
            os.fsync(raw.fileno())
            raw.truncate(0)
            os.fsync(raw.fileno())

    def remove(self, path: Path) -> None:
        """Remove a file or an empty folder, and make that survive a power cut."""
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        sync_folder(path.parent)


def _holds(file: Path, content: bytes) -> bool:
    try:
        return not file.is_symlink() and file.read_bytes() == content
    except OSError:
        return False
