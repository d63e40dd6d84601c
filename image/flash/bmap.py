"""The block map beside an image: which of its bytes matter, and what they hash to; `bmaptool`'s format 2.0.

https://github.com/yoctoproject/bmaptool describes the format in `bmaptool/BmapCreate.py`.
"""

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.files import read_whole
from image.flash.fault import FlashError

_MOST_BYTES: Final = 16_000_000
_CHECKSUM: Final = re.compile(rb"(?<=<BmapFileChecksum>)\s*([0-9a-f]{64})\s*(?=</BmapFileChecksum>)")
_RANGE: Final = re.compile(r"(\d+)(?:-(\d+))?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Extent:
    """Bytes of an image that belong on the card; `sha256` is theirs in hexadecimal, None where unknown."""

    start: int
    size: int
    sha256: str | None

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + self.size


@dataclass(frozen=True)
class BlockMap:
    """An image of `image_bytes`, of which the extents matter; they are in order and do not touch."""

    image_bytes: int
    extents: tuple[Extent, ...]

    @property
    def mapped_bytes(self) -> int:
        """How much there is to write."""
        return sum(extent.size for extent in self.extents)


def whole(image_bytes: int) -> BlockMap:
    """Return the map of an image of which everything matters."""
    return BlockMap(image_bytes, (Extent(0, image_bytes, None),))


def load(file: Path) -> BlockMap:
    """Read a block map; raises `FlashError` for one that is damaged, or of another format."""
    try:
        text = read_whole(file, _MOST_BYTES)
    except OSError as error:
        raise FlashError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return parse(text)
    except ValueError as error:
        raise FlashError(f"{file}: {error}; build the image again") from None


def parse(text: bytes) -> BlockMap:
    """Read the text of a block map; raises `ValueError`, in words."""
    _refuse_damaged(text)
    try:
        # Its checksum is right, its size is bounded, and expat itself limits what entities may blow up to.
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise ValueError(f"is no XML: {error}") from None
    if root.tag != "bmap" or root.get("version") != "2.0":
        raise ValueError("is no block map of version 2.0")
    if (kind := _word(root, "ChecksumType")) != "sha256":
        raise ValueError(f"has checksums of the kind {kind}, not sha256")
    image_bytes, block_bytes = _number(root, "ImageSize"), _number(root, "BlockSize")
    extents = tuple(_extents(root, image_bytes, block_bytes))
    if not extents:
        raise ValueError("maps nothing")
    return BlockMap(image_bytes, extents)


def _refuse_damaged(text: bytes) -> None:
    """Compare the map's own checksum, which is that of the file with zeros in its place."""
    found = _CHECKSUM.search(text)
    if found is None:
        raise ValueError("has no checksum of its own")
    blank = text[: found.start(1)] + b"0" * 64 + text[found.end(1) :]
    if hashlib.sha256(blank).hexdigest().encode() != found[1]:
        raise ValueError("is damaged, by its own checksum")


def _extents(root: ET.Element, image_bytes: int, block_bytes: int) -> Iterator[Extent]:
    least = 0
    for element in root.iterfind("BlockMap/Range"):
        words = (element.text or "").strip()
        found = _RANGE.fullmatch(words)
        if found is None:
            raise ValueError(f"has a range {words!r}")
        start = int(found[1]) * block_bytes
        end = min((int(found[2] or found[1]) + 1) * block_bytes, image_bytes)
        if not least <= start < end:
            raise ValueError(f"has the range {words} out of order, or beyond the image")
        sha256 = element.get("chksum", "")
        if _SHA256.fullmatch(sha256) is None:
            raise ValueError(f"has no checksum for the range {words}")
        yield Extent(start, end - start, sha256)
        least = end


def _number(root: ET.Element, name: str) -> int:
    word = _word(root, name)
    if not word.isdecimal() or int(word) < 1:
        raise ValueError(f"has {word!r} for {name}")
    return int(word)


def _word(root: ET.Element, name: str) -> str:
    return (root.findtext(name) or "").strip()
