"""Reads what the compiler packed into an `edgetpu-custom-op`: the parameters it stored.

The package is a flatbuffer (identifier DWN1) around executables, as libedgetpu's executable.fbs describes.
"""

import struct
from typing import Final

from flatbuffers.table import Table

CUSTOM_OPERATOR: Final = "edgetpu-custom-op"

_IDENTIFIER = b"DWN1"
_MULTI_EXECUTABLE = 1  # field of Package
_EXECUTABLES = 0  # field of MultiExecutable
_PARAMETERS = 6  # field of Executable


def packed_parameter_bytes(custom_options: bytes) -> int | None:
    """Return the bytes of parameters in a compiled operator, cached and streamed; None if unreadable."""
    start = custom_options.find(_IDENTIFIER) - 4
    if start < 0:
        return None
    try:
        package = _vector(custom_options[start:], _MULTI_EXECUTABLE)
        return sum(len(_vector(executable, _PARAMETERS)) for executable in _strings(package, _EXECUTABLES))
    except (struct.error, TypeError, ValueError, LookupError):
        return None


def _root(buffer: bytes) -> Table:
    return Table(buffer, struct.unpack_from("<I", buffer)[0])


def _vector(buffer: bytes, number: int) -> bytes:
    """Return a field of bytes of the buffer's root table; empty where it is absent."""
    table = _root(buffer)
    offset = table.Offset(4 + 2 * number)
    if not offset:
        return b""
    start, length = table.Vector(offset), table.VectorLen(offset)
    if start + length > len(buffer):
        raise ValueError("leads out of the package")
    return buffer[start : start + length]


def _strings(buffer: bytes, number: int) -> list[bytes]:
    table = _root(buffer)
    offset = table.Offset(4 + 2 * number)
    if not offset:
        return []
    first, count = table.Vector(offset), table.VectorLen(offset)
    if count > len(buffer) // 4:
        raise ValueError("leads out of the package")
    found = []
    for place in range(first, first + 4 * count, 4):
        start = place + struct.unpack_from("<I", buffer, place)[0]
        length = struct.unpack_from("<I", buffer, start)[0]
        found.append(buffer[start + 4 : start + 4 + length])
    return found
