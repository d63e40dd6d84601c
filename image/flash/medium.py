"""A disk that is written and read past the kernel's cache: what comes back is what the card holds."""

import errno
import fcntl
import mmap
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from image.flash.fault import FlashError

BUFFER_BYTES: Final = 4 << 20
"""A multiple of every page and sector, and large enough for a card to be quick."""

_BLKFLSBUF: Final = 0x1261
"""`linux/fs.h`: forget what is cached of a block device."""


class Medium(Protocol):
    """What can be written to and read back; offsets and sizes are multiples of 512, but where it ends."""

    def write(self, piece: memoryview, offset: int) -> int:
        """Write a piece, or a part of it; returns how many bytes. Raises `OSError`."""
        ...

    def read(self, piece: memoryview, offset: int) -> int:
        """Fill a piece, or a part of it; returns how many bytes. Raises `OSError`."""
        ...

    def settle(self) -> None:
        """Return once all that was written is on the medium, and nothing of it cached. Raises `OSError`."""
        ...


def new_buffer() -> memoryview:
    """Return a buffer that lies as direct reads and writes ask for."""
    return memoryview(mmap.mmap(-1, BUFFER_BYTES))


class BlockMedium:
    """A disk, for this process alone: the kernel refuses one that is mounted or built upon."""

    def __init__(self, node: Path) -> None:
        self._handle = _open(node)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def write(self, piece: memoryview, offset: int) -> int:
        """Write directly."""
        return os.pwritev(self._handle, [piece], offset)

    def read(self, piece: memoryview, offset: int) -> int:
        """Read directly."""
        return os.preadv(self._handle, [piece], offset)

    def settle(self) -> None:
        """Empty the disk's own cache into the card, and the kernel's altogether."""
        os.fsync(self._handle)
        os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)
        if stat.S_ISBLK(os.fstat(self._handle).st_mode):
            fcntl.ioctl(self._handle, _BLKFLSBUF)


def _open(node: Path) -> int:
    flags = os.O_RDWR | os.O_EXCL | os.O_CLOEXEC
    try:
        try:
            return os.open(node, flags | os.O_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # Every disk knows direct access; not every file system does, and tests use files for disks.
            return os.open(node, flags)
    except PermissionError:
        raise FlashError(f"{node}: may not be written by you; run `sudo make flash …`") from None
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise FlashError(f"{node}: is in use; unmount or detach what is on it first") from None
        raise FlashError(f"{node}: cannot be opened: {error.strerror}") from None
