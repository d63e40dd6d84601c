"""Whether one operator, by itself, can run on the Edge TPU.

The order of the questions is the compiler's, as its published tables show: a float RESHAPE of too many
dimensions is reported for its rank, a DEQUANTIZE for its type and not as unknown.
"""

from math import prod
from typing import Final

from convert.edgetpu.limits import LIMITS
from convert.edgetpu.obstacle import Case, Obstacle, by_axes, limitation
from convert.edgetpu.status import Status
from convert.tflite.graph_types import Operator, Subgraph, Tensor

_EIGHT_BITS: Final = frozenset({"int8", "uint8"})

_PARAMETERS: Final = {
    "FULLY_CONNECTED": (1, 2),
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "TRANSPOSE_CONV": (0, 1, 3),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "PAD": (1,),
    "MEAN": (1,),
    "SUM": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "TRANSPOSE": (1,),
    "EXPAND_DIMS": (1,),
    "SPLIT": (0,),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "LSTM": tuple(range(1, 24)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(range(1, 24)),
}
"""Operator → inputs that are parameters and no activations: of other types, and constant."""


def obstacle(subgraph: Subgraph, operator: Operator) -> Obstacle | None:
    """Return what keeps the operator from the Edge TPU wherever it stands, None where nothing does."""
    outputs = tuple(t for t in subgraph.outputs_of(operator) if t is not None)
    case = Case(operator, subgraph.inputs_of(operator), outputs)
    activations = _activations(case)
    return (
        _rank(activations)
        or _data_type(operator, activations)
        or _support(operator)
        or _form(case, activations)
        or _quantisation(activations)
        or LIMITS[operator.name](case)
    )


def _activations(case: Case) -> tuple[Tensor, ...]:
    """Return what flows: not the parameters, and of unsupported operators no constants at all."""
    parameters = _PARAMETERS.get(case.operator.name, ())
    read = [t for i, t in enumerate(case.inputs) if t is not None and i not in parameters]
    known = case.operator.name in LIMITS
    return (*(t for t in read if known or not t.is_constant), *case.outputs)


def _rank(activations: tuple[Tensor, ...]) -> Obstacle | None:
    for tensor in activations:
        if prod(tensor.shape[:-3]) > 1:
            reason = f"{by_axes(tensor.shape)} has more than three dimensions above 1"
            return Obstacle(Status.RANK, reason)
    return None


def _data_type(operator: Operator, activations: tuple[Tensor, ...]) -> Obstacle | None:
    wrong = next((t for t in activations if t.dtype not in _EIGHT_BITS), None)
    if wrong is None:
        wrong = next((t for t in activations if t.quantisation is None), None)
        return None if wrong is None else Obstacle(Status.DATA_TYPE, f"{wrong.dtype} without scale")
    if operator.name == "QUANTIZE" and activations[-1].dtype in _EIGHT_BITS:
        # The compiler knows the operator, but the device takes no floats.
        return limitation(f"{wrong.dtype} input")
    return Obstacle(Status.DATA_TYPE, f"{wrong.dtype} values")


def _support(operator: Operator) -> Obstacle | None:
    if operator.name in LIMITS and not operator.is_custom:
        return None
    return Obstacle(Status.UNSUPPORTED, "not among the operators of the Edge TPU")


def _form(case: Case, activations: tuple[Tensor, ...]) -> Obstacle | None:
    """Refuse what no converter writes but a file may hold."""
    if case.data is None or not case.outputs:
        return limitation("reads or writes no activation")
    empty = next((t for t in activations if t.elements == 0), None)
    return None if empty is None else limitation(f"{by_axes(empty.shape)} has no elements")


def _quantisation(activations: tuple[Tensor, ...]) -> Obstacle | None:
    for tensor in activations:
        quantisation = tensor.quantisation
        if quantisation is None:
            continue
        if quantisation.per_channel:
            return limitation("an activation has a scale per channel")
        if not all(0 < scale < float("inf") for scale in quantisation.scales):
            return limitation(f"a scale of {quantisation.scales[0]}")
        lowest, highest = (-128, 127) if tensor.dtype == "int8" else (0, 255)
        if not lowest <= quantisation.zero_points[0] <= highest:
            return limitation(f"zero point {quantisation.zero_points[0]} of an {tensor.dtype} tensor")
    return None
