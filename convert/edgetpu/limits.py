"""What the Edge TPU compiler 16 can do with each builtin: its documented and its observed limits.

Sources: Coral's "TensorFlow models on the Edge TPU", table of supported operations; public models before and
after compilation; operator tables that users published. Each function takes an operator whose activations
are 8-bit and of up to three dimensions, and returns what is in the way, or None.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Final

from convert.edgetpu.obstacle import Case, Obstacle, by_axes, limitation
from convert.edgetpu.resize import resize
from convert.edgetpu.status import Status

_Limit = Callable[[Case], Obstacle | None]

SOFTMAX_LENGTH: Final = 16_000
"""Documented: elements of the axis."""

MEAN_POSITIONS: Final = 16_384
"""Rows times columns that are averaged: 64x128 was mapped, 256x128 was not; the limit lies between."""

RESHAPE_ELEMENTS: Final = 1_500_000
"""40x40x810 to 14400x90 (1.3 million) was mapped, 80x80x255 to 6400x3x85 (1.6 million) was not."""


def _free(_: Case) -> None:
    """Without limits of its own."""


def _constant(case: Case, position: int, what: str) -> Obstacle | None:
    tensor = case.input(position)
    if tensor is None or tensor.is_constant:
        return None
    return Obstacle(Status.NOT_CONSTANT, f"{what} is computed, not stored in the file")


def _no_fused_activation(case: Case) -> Obstacle | None:
    activation = case.operator.options.get("fused_activation_function", "NONE")
    return None if activation == "NONE" else limitation(f"fused activation {activation}")


def _filter(case: Case, output_axis: int, bias: int = 2) -> Obstacle | None:
    """Constant weights and bias; weights of 8 bits, per tensor or per output channel."""
    weights = case.input(1)
    if weights is None:
        return limitation("no weights")
    found = _constant(case, 1, "the filter") or _constant(case, bias, "the bias")
    if found:
        return found
    if weights.dtype not in {"int8", "uint8"}:
        return Obstacle(Status.DATA_TYPE, f"{weights.dtype} weights")
    quantisation = weights.quantisation
    if quantisation is None:
        return Obstacle(Status.DATA_TYPE, "weights without scale")
    if quantisation.per_channel and (
        quantisation.axis != output_axis or len(quantisation.scales) != weights.shape[output_axis]
    ):
        return limitation("weights are quantised along another axis than the output channels")
    return None


def _convolution(case: Case, output_axis: int) -> Obstacle | None:
    width, height = case.option("dilation_w_factor", 1), case.option("dilation_h_factor", 1)
    if width != height:
        return limitation(f"dilation {height} in y, {width} in x")
    return _filter(case, output_axis)


def _conv_2d(case: Case) -> Obstacle | None:
    return _convolution(case, 0)


def _depthwise_conv_2d(case: Case) -> Obstacle | None:
    return _convolution(case, 3)


def _transpose_conv(case: Case) -> Obstacle | None:
    return _constant(case, 0, "the output shape") or _filter(case, 0, bias=3)


def _fully_connected(case: Case) -> Obstacle | None:
    found = _filter(case, 0)
    if found:
        return found
    if case.operator.options.get("weights_format", 0) != 0:
        return limitation("shuffled weights")
    rows = prod(case.outputs[0].shape[:-1])
    return limitation(f"{rows} rows at once, only one is supported") if rows > 1 else None


def _concatenation(case: Case) -> Obstacle | None:
    found = _no_fused_activation(case)
    constants = [t for t in case.inputs if t is not None and t.is_constant]
    if found or not constants:
        return found
    values = constants[0].values()
    zero = constants[0].quantisation.zero_points[0] if constants[0].quantisation else 0
    if len(case.inputs) != 2 or values is None or (values != zero).any():
        return limitation("joins a constant that is not the second half of two, all zero")
    return None


def _axes(case: Case, position: int) -> tuple[int, ...] | None:
    axes, data = case.integers(position), case.input(0)
    if axes is None or data is None:
        return None
    return tuple(a % len(data.shape) for a in axes) if data.shape else ()


def _reduction(case: Case) -> Obstacle | None:
    axes, data = _axes(case, 1), case.input(0)
    if axes is None or data is None:
        return Obstacle(Status.NOT_CONSTANT, "the axes are computed, not stored in the file")
    if len(data.shape) > 1 and 0 in axes:
        return limitation("reduces the batch")
    return None


def _mean(case: Case) -> Obstacle | None:
    found = _reduction(case)
    axes, data = _axes(case, 1), case.input(0)
    if found or axes is None or data is None:
        return found
    last = len(data.shape) - 1
    if last in axes and data.shape[last] % 4:
        return limitation(f"averages {data.shape[last]} channels, no multiple of 4")
    positions = prod(data.shape[a] for a in axes if a != last)
    if positions > MEAN_POSITIONS:
        return limitation(f"averages {positions} positions, more than about {MEAN_POSITIONS}")
    return None


def _pad(case: Case) -> Obstacle | None:
    paddings = case.integers(1)
    if paddings is None:
        return Obstacle(Status.NOT_CONSTANT, "the padding is computed, not stored in the file")
    data = case.input(0)
    if data is not None and len(data.shape) > 1 and any(paddings[:2]):
        return limitation("pads the batch")
    return None


def _pack(case: Case) -> Obstacle | None:
    rank = len(case.outputs[0].shape)
    return limitation("packs along the batch") if case.option("axis") % max(1, rank) == 0 else None


def _prelu(case: Case) -> Obstacle | None:
    alpha = case.input(1)
    found = _constant(case, 1, "alpha")
    if found or alpha is None:
        return found
    if prod(alpha.shape[:-1]) > 1:
        return limitation(f"alpha of {by_axes(alpha.shape)}, only one per channel is supported")
    return None


def _softmax(case: Case) -> Obstacle | None:
    length = case.outputs[0].shape[-1] if case.outputs[0].shape else 1
    return limitation(f"{length} elements, more than {SOFTMAX_LENGTH}") if length > SOFTMAX_LENGTH else None


def _split(case: Case) -> Obstacle | None:
    axis, data = case.integers(0), case.input(1)
    if not axis or data is None:
        return Obstacle(Status.NOT_CONSTANT, "the axis is computed, not stored in the file")
    return limitation("splits the batch") if axis[0] % max(1, len(data.shape)) == 0 else None


def _squeeze(case: Case) -> Obstacle | None:
    data = case.input(0)
    if data is None:
        return None
    leading = next((i for i, n in enumerate(data.shape) if n != 1), len(data.shape))
    removed = len(data.shape) - len(case.outputs[0].shape)
    return limitation("removes axes that are not leading ones") if removed > leading else None


def _slice(case: Case) -> Obstacle | None:
    if case.integers(1) is None or case.integers(2) is None:
        return Obstacle(Status.NOT_CONSTANT, "begin or size is computed, not stored in the file")
    return None


def _strided_slice(case: Case) -> Obstacle | None:
    strides = case.integers(3)
    if strides is None or case.integers(1) is None or case.integers(2) is None:
        return Obstacle(Status.NOT_CONSTANT, "begin, end or strides are computed, not stored in the file")
    if any(step != 1 for step in strides):
        return limitation(f"strides {by_axes(strides)}, only 1 is supported")
    if case.option("ellipsis_mask") or case.option("new_axis_mask"):
        return limitation("ellipsis or new axes")
    return None


def _transpose(case: Case) -> Obstacle | None:
    permutation, data = case.integers(1), case.input(0)
    if permutation is None or data is None:
        return Obstacle(Status.NOT_CONSTANT, "the permutation is computed, not stored in the file")
    if len(permutation) > 3 and permutation[0] != 0:
        return limitation("moves the batch")
    return None


def _reshape(case: Case) -> Obstacle | None:
    elements = case.outputs[0].elements
    if elements > RESHAPE_ELEMENTS:
        return limitation(f"{elements} elements, more than about {RESHAPE_ELEMENTS}")
    return _constant(case, 1, "the shape")


def _lstm(case: Case) -> Obstacle | None:
    computed = [t for t in case.inputs[1:] if t is not None and not t.is_constant and not t.is_variable]
    return Obstacle(Status.NOT_CONSTANT, "weights are computed, not stored in the file") if computed else None


LIMITS: Final[Mapping[str, _Limit]] = {
    "ADD": _free,
    "AVERAGE_POOL_2D": _no_fused_activation,
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "EXPAND_DIMS": _free,
    "FULLY_CONNECTED": _fully_connected,
    "L2_NORMALIZATION": _free,
    "LOGISTIC": _free,
    "LSTM": _lstm,
    "MAXIMUM": _free,
    "MAX_POOL_2D": _no_fused_activation,
    "MEAN": _mean,
    "MINIMUM": _free,
    "MUL": _free,
    "PACK": _pack,
    "PAD": _pad,
    "PRELU": _prelu,
    "QUANTIZE": _free,
    "REDUCE_MAX": _reduction,
    "REDUCE_MIN": _reduction,
    "RELU": _free,
    "RELU6": _free,
    "RELU_N1_TO_1": _free,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "RSQRT": _free,
    "SLICE": _slice,
    "SOFTMAX": _softmax,
    "SPACE_TO_DEPTH": _free,
    "SPLIT": _split,
    "SQUARED_DIFFERENCE": _free,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _free,
    "SUM": _reduction,
    "TANH": _free,
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
"""Builtins that compiler 16 supports, with their limits."""
