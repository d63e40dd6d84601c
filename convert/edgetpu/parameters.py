"""How many bytes of parameters the Edge TPU compiler stores for operators: an estimate.

The compiler keeps weights in blocks for its 16 tiles and adds 8 bytes per output channel for bias and scale:

- convolutions and fully connected: output and input channels rounded up to 16, one byte per weight;
- depthwise convolutions: 6 bytes per weight;
- constants of other operators as they are in the file.

It gives 66.00 KiB for a 256x256 fully connected layer, as published compiler outputs do, and is within 3 % of
the parameter blocks in three public compiled models (MobileNet v1 0.25, DeepLab v3 dm05, MoveNet Lightning).
"""

from collections.abc import Iterable
from math import prod
from typing import Final

from convert.tflite.graph_types import Operator, Subgraph, Tensor

USABLE_BYTES: Final = int(7.67 * 2**20)
"""Of the 8 MB on-chip memory, what small models find free for parameters; large activations leave less."""

_BLOCK = 16
_BYTES_PER_CHANNEL = 8
_BYTES_PER_DEPTHWISE_WEIGHT = 6


def parameter_bytes(subgraph: Subgraph, operators: Iterable[int]) -> int:
    """Return the estimated bytes that the compiler stores for these operators (indices) of the subgraph."""
    shared: set[int] = set()
    total = 0
    for index in operators:
        operator = subgraph.operators[index]
        for tensor in _weights(subgraph, operator):
            if tensor.index not in shared:
                shared.add(tensor.index)
                total += _stored(operator.name, tensor)
    return total


def constant_bytes(subgraph: Subgraph) -> int:
    """Return the bytes of all constants that the subgraph's operators read, as they are in the file."""
    read = {
        tensor.index: tensor.size_bytes
        for operator in subgraph.operators
        for tensor in subgraph.inputs_of(operator)
        if tensor is not None and tensor.is_constant
    }
    return sum(read.values())


def _weights(subgraph: Subgraph, operator: Operator) -> list[Tensor]:
    """Return the operator's constants of 8 bits; shapes, axes and biases are no weights."""
    constants = [t for t in subgraph.inputs_of(operator) if t is not None and t.is_constant]
    return [t for t in constants if t.dtype in {"int8", "uint8"}]


def _stored(name: str, weights: Tensor) -> int:
    shape = weights.shape
    if name == "DEPTHWISE_CONV_2D" and len(shape) == 4:
        return prod(shape) * _BYTES_PER_DEPTHWISE_WEIGHT + shape[3] * _BYTES_PER_CHANNEL
    if name in {"CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"} and len(shape) in {2, 4}:
        outputs, inputs = shape[0], shape[-1]
        return _up(outputs) * prod(shape[1:-1]) * _up(inputs) + outputs * _BYTES_PER_CHANNEL
    return weights.size_bytes


def _up(channels: int) -> int:
    return -(-channels // _BLOCK) * _BLOCK
