"""What an operator has to compute: multiply-accumulates, or elements where it does not multiply."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from convert.tflite.graph_types import Operator, Subgraph, Tensor

CONVOLUTION: Final = "convolution"
DEPTHWISE: Final = "depthwise"
MATRIX: Final = "matrix"
OTHER: Final = "other"

_KINDS: Final = {
    "CONV_2D": CONVOLUTION,
    "TRANSPOSE_CONV": CONVOLUTION,
    "DEPTHWISE_CONV_2D": DEPTHWISE,
    "FULLY_CONNECTED": MATRIX,
    "BATCH_MATMUL": MATRIX,
}
"""Operators that multiply and accumulate, by how processors go about them."""

_INTEGERS: Final = {"int8", "uint8", "int16"}

MOVES_NOTHING: Final = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
"""Operators that change a tensor's shape, not its values."""


@dataclass(frozen=True)
class Work:
    """What one operator does in one run.

    `kind` is `convolution`, `depthwise`, `matrix` or, where `macs` is 0, `other`; `quantised` says whether it
    computes with integers. `elements` counts the values written; `moved_bytes` what is read and written of
    activations, each tensor once; `parameter_bytes` the constants that it reads.
    """

    operator: str
    kind: str
    quantised: bool
    macs: int
    elements: int
    moved_bytes: int
    parameter_bytes: int


def work_of(subgraph: Subgraph, operator: Operator) -> Work:
    """Return the work of one operator.

    MACs are counted at every output position, padding included, as is customary. A TRANSPOSE_CONV counts
    every input value times its kernel; whatever a stride or the cropping of SAME padding leaves out is small.
    """
    inputs = [tensor for tensor in subgraph.inputs_of(operator) if tensor is not None]
    outputs = [tensor for tensor in subgraph.outputs_of(operator) if tensor is not None]
    kind = _KINDS.get(operator.name, OTHER)
    if not outputs or len(inputs) < (3 if operator.name == "TRANSPOSE_CONV" else 2):
        kind = OTHER
    swapped = bool(operator.options.get("adj_y"))
    macs = 0 if kind == OTHER else _macs(operator.name, inputs, outputs[0], swapped=swapped)
    moves = operator.name not in MOVES_NOTHING
    flowing = {tensor.index: tensor for tensor in (*inputs, *outputs) if not tensor.is_constant}
    return Work(
        operator=operator.name,
        kind=kind if macs else OTHER,
        quantised=any(tensor.dtype in _INTEGERS for tensor in inputs),
        macs=macs,
        elements=sum(tensor.elements for tensor in outputs) if moves else 0,
        moved_bytes=sum(tensor.size_bytes for tensor in flowing.values()) if moves else 0,
        parameter_bytes=sum(t.size_bytes for t in {t.index: t for t in inputs}.values() if t.is_constant),
    )


def parameter_bytes(subgraph: Subgraph, operators: Collection[int]) -> int:
    """Return the bytes of all constants that these operators read; one that several share counts once.

    Shapes, axes and paddings, which are no weights, are counted too: they are a few bytes each.
    """
    read = {index for number in operators for index in subgraph.operators[number].inputs if index >= 0}
    return sum(subgraph.tensors[i].size_bytes for i in read if subgraph.tensors[i].is_constant)


def counts(subgraph: Subgraph) -> dict[str, int]:
    """Return how many operators there are of each name, the most frequent first."""
    found = Counter(operator.name for operator in subgraph.operators)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _macs(name: str, inputs: list[Tensor], output: Tensor, *, swapped: bool) -> int:
    """Return multiply-accumulates; `swapped`: a BATCH_MATMUL takes its second operand transposed."""
    weights = inputs[1].shape
    match name, weights:
        # Weights are (out, height, width, in of a group), and (1, height, width, out) for depthwise.
        case "CONV_2D", (_, height, width, depth):
            terms = height * width * depth
        case "DEPTHWISE_CONV_2D", (_, height, width, _):
            terms = height * width
        case "TRANSPOSE_CONV", (channels, height, width, _):
            return inputs[2].elements * height * width * channels
        case "FULLY_CONNECTED", (_, depth):
            terms = depth
        case "BATCH_MATMUL", (*_, rows, columns):
            terms = columns if swapped else rows
        case _:
            terms = 0
    return output.elements * terms
