"""The image as `make image` leaves it: compressed, with its checksum and its block map beside it."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, cast

from appliance.files import read_whole
from image.flash import bmap
from image.flash.bmap import BlockMap
from image.flash.fault import FlashError

_SECTOR_BYTES: Final = 512
_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Source:
    """An image `file`, `NAME.img.zst` or `NAME.img`, and what of it has to be written."""

    file: Path
    map: BlockMap

    @contextmanager
    def open(self) -> Iterator[BufferedReader]:
        """Give the image's bytes, uncompressed; raises `FlashError` at the end if they are damaged."""
        if self.file.suffix != ".zst":
            with self.file.open("rb") as plain:
                yield plain
            return
        command = ("zstd", "--decompress", "--stdout", "--quiet", "--", str(self.file))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own words
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            assert process.stderr is not None  # noqa: S101
            try:
                yield cast("BufferedReader", process.stdout)
            except BaseException:
                process.kill()
                raise
            complaint = process.stderr.read().decode(errors="replace").strip()
        if process.returncode != 0:
            raise FlashError(f"{self.file}: cannot be unpacked: {complaint}; build the image again")


def find(named: Path) -> Source:
    """Return the image that `named` is or links to, once its checksum is right; raises `FlashError`."""
    file = named.resolve()
    if not file.is_file():
        raise FlashError(f"{named}: there is no such image; run `make image`, or name one with IMAGE=")
    if file.suffix == ".zst" and shutil.which("zstd") is None:
        raise FlashError("zstd is not installed; on Debian: apt install zstd")
    _check(file)
    beside = _beside(file, ".bmap")
    mapped = bmap.load(beside) if beside.exists() else bmap.whole(_unpacked_bytes(file))
    if mapped.image_bytes % _SECTOR_BYTES:
        raise FlashError(f"{file}: is no image of a disk: {mapped.image_bytes} bytes are not whole sectors")
    return Source(file, mapped)


def _beside(file: Path, suffix: str) -> Path:
    """Return the file that goes with an image, which several customs name differently: the one there is."""
    shorter = file.name.removesuffix(".zst")
    names = [file.name, shorter, shorter.removesuffix(".img")]
    there = [found for name in names if (found := file.with_name(name + suffix)).exists()]
    return there[0] if there else file.with_name(names[-1] + suffix)


def _check(file: Path) -> None:
    """Compare an image with the checksum that lies beside it, as `sha256sum` writes it."""
    beside = _beside(file, ".sha256")
    try:
        text = read_whole(beside, 100_000).decode(errors="replace")
    except FileNotFoundError:
        raise FlashError(f"{beside}: is missing; without a checksum nothing is written") from None
    except OSError as error:
        raise FlashError(f"{beside}: cannot be read: {error.strerror}") from None
    told = {found[2]: found[1] for line in text.splitlines() if (found := _LINE.fullmatch(line))}
    if file.name not in told:
        raise FlashError(f"{beside}: has no checksum of {file.name}; build the image again")
    with file.open("rb") as content:
        found_sum = hashlib.file_digest(content, "sha256").hexdigest()
    if found_sum != told[file.name]:
        raise FlashError(f"{file}: is not what {beside.name} says, it is damaged; fetch or build it again")


def _unpacked_bytes(file: Path) -> int:
    if file.suffix != ".zst":
        return file.stat().st_size
    with Source(file, bmap.whole(1)).open() as stream:
        return sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b""))
