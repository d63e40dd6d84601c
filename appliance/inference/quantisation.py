"""Between real numbers and the integers of a quantised tensor: real = scale * (value - zero_point).

The rule is TFLite's 8-bit quantisation specification; scales are per tensor, as inputs and outputs have them.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int8] | npt.NDArray[np.uint8]


def quantise(real: Array, scale: float, zero_point: int, dtype: npt.DTypeLike) -> Integers:
    """Return the nearest representable values, int8 or uint8; beyond the range, its end."""
    kind = np.dtype(dtype)
    limits = np.iinfo(kind)
    # In float64, for float32's quotient can land on the other side of a half.
    steps = np.rint(np.asarray(real, np.float64) / scale) + zero_point
    held: Integers = np.clip(steps, limits.min, limits.max).astype(kind)
    return held


def dequantise(values: Integers, scale: float, zero_point: int) -> Array:
    """Return the real numbers, float32, that int8 or uint8 values stand for."""
    return ((values.astype(np.float64) - zero_point) * scale).astype(np.float32)
