"""Pictures made by hand, byte by byte: small files that claim to be large, or take long."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

SIZE = (96, 72)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header claims a size, whatever its `rows` (a filter byte before each) hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def painted(kind: str, size: tuple[int, int] = SIZE, mode: str = "RGB", **how: Any) -> bytes:  # noqa: ANN401
    """A picture file of a kind, such as "JPEG", with some pattern in it."""
    image = Image.linear_gradient("L").resize(size)
    image = image.point(lambda value: value // 128, "1") if mode == "1" else image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    at = next(at for at in map(jpeg.find, (b"\xff\xc0", b"\xff\xc2")) if at >= 0)
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def scan_by_scan(width: int, height: int, times: int = 1) -> bytes:
    """A baseline JPEG whose components come one after the other, so that it has to be held whole."""
    coloured = painted("JPEG", (16, 16), subsampling=0)
    head = claiming(coloured[: coloured.index(b"\xff\xda")], width, height)
    grey = io.BytesIO()
    Image.new("L", (width, height), 90).save(grey, "JPEG")
    data = grey.getvalue()
    start = data.index(b"\xff\xda")
    data = data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) : -2]
    scans = [b"\xff\xda" + struct.pack(">H6B", 8, 1, number, 0, 0, 63, 0) + data for number in (1, 2, 3)]
    return head + b"".join(scans) * times + b"\xff\xd9"


def many_scans(times: int) -> bytes:
    """A progressive JPEG, its last scan again and again: each goes over 16 million pixels."""
    file = io.BytesIO()
    Image.new("L", (4000, 4000)).save(file, "JPEG", progressive=True)
    data = file.getvalue()[:-2]
    return data + data[data.rindex(b"\xff\xda") :] * times + b"\xff\xd9"
