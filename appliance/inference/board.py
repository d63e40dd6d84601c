"""Memory that the appliance and the networks' process share: one picture per size, and every output."""

import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.inference.manifest import ModelFile
from appliance.inference.selection import Network

_ALIGNED: Final = 64

Size = tuple[int, int]
"""Height and width of a picture."""


@dataclass(frozen=True, eq=False)
class Board:
    """Arrays over the same memory in two processes.

    `pictures` (H, W, 3) uint8 by size: networks of one size see the same one. `outputs` by network, in the
    order of its file's outputs, with their shapes and types.
    """

    pictures: Mapping[Size, npt.NDArray[np.uint8]]
    outputs: Mapping[Network, tuple[npt.NDArray[Any], ...]]


def open_memory() -> int:
    """Return a new file descriptor of anonymous memory, which needs no cleaning up whoever dies."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("janban-networks")
    with tempfile.TemporaryFile() as file:  # not Linux: a workstation
        return os.dup(file.fileno())


def lay_out(memory: int, files: Mapping[Network, ModelFile]) -> Board:
    """Return the board of these networks in the memory, whichever process asks; it grows as needed.

    The memory stays mapped as long as an array of it lives, also after its descriptor is closed.
    """
    sizes = sorted({size_of(file) for file in files.values()})
    outputs = [
        (tuple(output.shape), np.dtype(output.dtype)) for file in files.values() for output in file.outputs
    ]
    slots = [((*size, 3), np.dtype(np.uint8)) for size in sizes] + outputs
    starts = [0, *np.cumsum([_padded(shape, dtype) for shape, dtype in slots]).tolist()]
    os.ftruncate(memory, starts[-1])
    mapped = mmap.mmap(memory, starts[-1])
    arrays = iter(
        np.frombuffer(mapped, dtype, int(np.prod(shape)), start).reshape(shape)
        for (shape, dtype), start in zip(slots, starts[:-1], strict=True)
    )
    return Board(
        dict(zip(sizes, islice(arrays, len(sizes)), strict=True)),
        {network: tuple(islice(arrays, len(file.outputs))) for network, file in files.items()},
    )


def size_of(file: ModelFile) -> Size:
    """Return the height and width of a model's picture."""
    _, height, width, _ = file.input.shape
    return height, width


def _padded(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    size = int(np.prod(shape)) * dtype.itemsize
    return -(-size // _ALIGNED) * _ALIGNED
