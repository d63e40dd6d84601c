"""Small models whose costs can be counted by hand."""

from pathlib import Path

import numpy as np

from tests.convert.tflite.models import CONV, Builder, add_conv


def two_convolutions(dtype: str = "int8") -> bytes:
    """8x8x3 → convolution 3x3 to 16 → convolution 1x1 to 4."""
    b = Builder()
    image = b.tensor((1, 8, 8, 3), dtype, name="image")
    if dtype == "float32":
        first = _float_conv(b, image, 16, 3)
        return b.pack([image], [_float_conv(b, first, 4, 1)])
    first = add_conv(b, image, 16, dtype=dtype)
    return b.pack([image], [add_conv(b, first, 4, kernel=1, dtype=dtype)])


def heavy(channels: int) -> bytes:
    """One convolution 3x3 from as many channels to as many, on 4x4."""
    b = Builder()
    image = b.tensor((1, 4, 4, channels), name="image")
    return b.pack([image], [add_conv(b, image, channels)])


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _float_conv(b: Builder, source: int, channels: int, kernel: int) -> int:
    shape = [int(size) for size in b.tensors[source].shape]
    weights = b.constant(np.ones((channels, kernel, kernel, shape[3])), "float32")
    bias = b.constant(np.zeros(channels), "float32")
    result = b.tensor((*shape[:3], channels), "float32")
    return b.operator("CONV_2D", (source, weights, bias), (result,), CONV)
