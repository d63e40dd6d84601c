"""Writing and reading back, extent by extent."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BufferedReader
from typing import Final

from image.flash.bmap import BlockMap, Extent
from image.flash.fault import FlashError
from image.flash.medium import BUFFER_BYTES, Medium, new_buffer

HEAD_BYTES: Final = 1 << 20
"""What comes last: without it a card has no partition table, and nothing takes it for one that can boot."""

Progress = Callable[[int], None]
"""Is told how many bytes are done, of `BlockMap.mapped_bytes`."""


def wipe_head(medium: Medium) -> None:
    """Take the partition table from a card; raises `OSError`."""
    with new_buffer() as buffer:
        _write(medium, buffer[:HEAD_BYTES], 0)
    medium.settle()


def write(source: BufferedReader, wanted: BlockMap, medium: Medium, progress: Progress) -> list[Extent]:
    """Write an image's extents, its first bytes last, and return them with the hashes of what was written.

    The card has no partition table before all else is on it. Raises `FlashError` for an image that is shorter
    or longer than its map, or not what that says; `OSError` where the card fails.
    """
    head = bytearray()
    done, written = 0, []
    with new_buffer() as buffer:
        position = 0
        for extent in wanted.extents:
            _skip(source, position, extent.start, buffer)
            digest = hashlib.sha256()
            for offset, size in _pieces(extent):
                piece = buffer[:size]
                _fill(source, piece, offset)
                digest.update(piece)
                if offset < HEAD_BYTES:
                    head += bytes(offset - len(head)) + piece
                else:
                    _write(medium, piece, offset)
                done += size
                progress(done)
            _compare(extent, digest.hexdigest())
            written.append(replace(extent, sha256=digest.hexdigest()))
            position = extent.end
        _skip(source, position, wanted.image_bytes, buffer)
        if source.read(1):
            raise FlashError(f"the image is longer than its map says, {wanted.image_bytes} bytes")
        medium.settle()
        buffer[: len(head)] = head
        _write(medium, buffer[: len(head)], 0)
    medium.settle()
    return written


def read_back(written: list[Extent], medium: Medium, progress: Progress) -> None:
    """Compare what the card holds with what was written; raises `FlashError` if they differ, or `OSError`."""
    done = 0
    with new_buffer() as buffer:
        for extent in written:
            digest = hashlib.sha256()
            for offset, size in _pieces(extent):
                _read(medium, buffer[:size], offset)
                digest.update(buffer[:size])
                done += size
                progress(done)
            if digest.hexdigest() != extent.sha256:
                raise FlashError(
                    f"the card gave back something else than was written, between {extent.start / 1e6:.1f} MB"
                    f" and {extent.end / 1e6:.1f} MB: it is broken or counterfeit; take another one"
                )


def _pieces(extent: Extent) -> Iterator[tuple[int, int]]:
    """Yield offset and size of the pieces that an extent is copied in; none lies across the head's end."""
    at = extent.start
    while at < extent.end:
        limit = HEAD_BYTES if at < HEAD_BYTES else at + BUFFER_BYTES
        size = min(limit, extent.end) - at
        yield at, size
        at += size


def _compare(extent: Extent, found: str) -> None:
    if extent.sha256 not in (None, found):
        raise FlashError(
            f"the image is not what its map says, from byte {extent.start} to {extent.end}; build it again"
        )


def _fill(source: BufferedReader, piece: memoryview, offset: int) -> None:
    """Read until the piece is full: a pipe gives what it has."""
    done = 0
    while done < len(piece):
        size = source.readinto(piece[done:])
        if not size:
            raise FlashError(f"the image ends after {offset + done} bytes, it is truncated; build it again")
        done += size


def _skip(source: BufferedReader, start: int, end: int, buffer: memoryview) -> None:
    while start < end:
        piece = buffer[: min(end - start, len(buffer))]
        _fill(source, piece, start)
        start += len(piece)


def _write(medium: Medium, piece: memoryview, offset: int) -> None:
    done = 0
    while done < len(piece):
        size = medium.write(piece[done:], offset + done)
        if size == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        done += size


def _read(medium: Medium, piece: memoryview, offset: int) -> None:
    done = 0
    while done < len(piece):
        size = medium.read(piece[done:], offset + done)
        if size == 0:
            raise OSError(errno.EIO, "the card ends here, it holds less than it says")
        done += size
