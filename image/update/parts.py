"""The parts of an image that go to a slot: its boot files and its root."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Final

from image.flash.source import Source
from image.update.fault import BundleError
from image.update.tools import run

NAMES: Final[Mapping[str, str]] = {"boot_a": "boot.vfat", "root_a": "rootfs.ext4"}
"""Label of a partition of the image → file of the bundle, whose ending tells RAUC the file system."""

_MAGIC_AT: Final = 1024 + 0x38
_MADE_AT: Final = 1024 + 0x108
"""Bytes from the start of an ext4 file system to its magic number, and to when it was made (s_mkfs_time):
docs.kernel.org/filesystems/ext4/globals.html#super-block."""
_MAGIC: Final = b"\x53\xef"

_HEAD_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 4 << 20


def extract(source: Source, folder: Path) -> list[Path]:
    """Write the parts of an image's first slot to files in `folder`; raises `BundleError`."""
    with source.open() as stream:
        head = stream.read(_HEAD_BYTES)
        places = _places(source, head, folder)
        with ExitStack() as files:
            outs = {start: files.enter_context(path.open("wb")) for path, start, _ in places}
            at = 0
            for piece in _pieces(head, stream):
                for _, start, size in places:
                    first, last = max(start, at), min(start + size, at + len(piece))
                    if first < last:
                        outs[start].write(piece[first - at : last - at])
                at += len(piece)
    for path, _, size in places:
        if path.stat().st_size != size:
            raise BundleError(f"{source.file}: ends in the middle of {path.name}; build it again")
    return [path for path, _, _ in places]


def made_at(root: Path) -> datetime:
    """Return when a root file system (ext4) was made, its image's time; raises `BundleError`."""
    with root.open("rb") as file:
        head = file.read(_MADE_AT + 4)
    if head[_MAGIC_AT : _MAGIC_AT + 2] != _MAGIC:
        raise BundleError(f"{root.name}: is no ext4 file system; build the image again")
    return datetime.fromtimestamp(int.from_bytes(head[_MADE_AT:], "little"), UTC)


def _pieces(head: bytes, stream: BufferedReader) -> Iterator[memoryview]:
    yield memoryview(head)
    while piece := stream.read(_PIECE_BYTES):
        yield memoryview(piece)


def _places(source: Source, head: bytes, folder: Path) -> list[tuple[Path, int, int]]:
    """Return each part's file, with offset and size in bytes, by the partition table at the image's head."""
    table = folder / "table"
    table.write_bytes(head)
    with table.open("r+b") as sparse:
        sparse.truncate(source.map.image_bytes)
    told = run("sfdisk", "--json", str(table))
    table.unlink()
    try:
        partitions = json.loads(told)["partitiontable"]
        sector = int(partitions.get("sectorsize", 512))
        found = {
            part["name"]: (int(part["start"]) * sector, int(part["size"]) * sector)
            for part in partitions["partitions"]
            if part.get("name") in NAMES
        }
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{source.file}: has no partition table that could be understood") from None
    if missing := NAMES.keys() - found.keys():
        raise BundleError(f"{source.file}: has no partition {', '.join(sorted(missing))}; it is none of ours")
    return [(folder / NAMES[label], *found[label]) for label in NAMES]
