"""A .tflite file as plain data: its operators, what flows between them, and its constants.

Nothing is run and no interpreter is loaded, so any file may be shown to it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Option = bool | int | float | str | tuple[int, ...]

ELEMENT_BITS: Mapping[str, int] = {
    "float64": 64,
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8_e4m3fn": 8,
    "float8_e5m2": 8,
    "complex64": 64,
    "complex128": 128,
    "int64": 64,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "int4": 4,
    "int2": 2,
    "uint64": 64,
    "uint32": 32,
    "uint16": 16,
    "uint8": 8,
    "uint4": 4,
    "bool": 8,
}
"""Width of one element; string, resource and variant tensors have none."""


@dataclass(frozen=True)
class Quantisation:
    """real = scale * (value - zero_point); one pair for the tensor, or one per slice along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether slices have scales of their own."""
        return len(self.scales) > 1


@dataclass(frozen=True)
class Tensor:
    """One tensor of a subgraph.

    `shape` is the one stored for allocation, with 1 for a dimension stored as unknown; `signature` is the
    same with -1 for every dimension that may change at run time, as a batch of any size. `dtype` is numpy's
    name of the element type where numpy has it. `data` holds the little-endian values of a constant.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    data: bytes | None = field(default=None, repr=False)
    is_variable: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether the file holds the values."""
        return self.data is not None

    @property
    def is_dynamic(self) -> bool:
        """Whether a dimension is known at run time only."""
        return -1 in self.signature

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of the values; 0 for types without a fixed width."""
        return (self.elements * ELEMENT_BITS.get(self.dtype, 0) + 7) // 8

    def values(self) -> npt.NDArray[np.generic] | None:
        """Return a constant's values in its shape; None where it is none, or numpy lacks the type."""
        if self.data is None or ELEMENT_BITS.get(self.dtype, 0) < 8:
            return None
        try:
            dtype = np.dtype(self.dtype).newbyteorder("<")
        except TypeError:
            return None
        if len(self.data) != self.size_bytes:
            return None
        return np.frombuffer(self.data, dtype).reshape(self.shape)


@dataclass(frozen=True)
class Operator:
    """One operator.

    `name` is the builtin's name as the schema has it (CONV_2D), or the custom code. Inputs and outputs are
    indices of tensors; -1 stands for an optional input that is absent. `options` has the schema's names
    (stride_h, align_corners); `padding` and `fused_activation_function` are words (SAME, RELU6).
    """

    index: int
    name: str
    is_custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    custom_options: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Subgraph:
    """Tensors and the operators between them; `inputs` and `outputs` are indices of tensors."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def inputs_of(self, operator: Operator) -> tuple[Tensor | None, ...]:
        """Return the operator's inputs in order, None for an absent one."""
        return tuple(None if i < 0 else self.tensors[i] for i in operator.inputs)

    def outputs_of(self, operator: Operator) -> tuple[Tensor | None, ...]:
        """Return the operator's outputs in order, None for an absent one."""
        return tuple(None if i < 0 else self.tensors[i] for i in operator.outputs)

    @cached_property
    def producers(self) -> Mapping[int, int]:
        """Index of tensor → index of the operator that writes it."""
        return {t: o.index for o in self.operators for t in o.outputs if t >= 0}

    def feeders(self, operator: Operator) -> Iterator[Operator]:
        """Yield the operators whose results this one reads."""
        for index in sorted({self.producers[t] for t in operator.inputs if t in self.producers}):
            yield self.operators[index]


@dataclass(frozen=True)
class Graph:
    """A whole file; `subgraphs[0]` is what runs, others are called by its operators."""

    subgraphs: tuple[Subgraph, ...]
    file_bytes: int
    description: str = ""

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs first."""
        return self.subgraphs[0]

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Operators of all subgraphs."""
        return tuple(o for s in self.subgraphs for o in s.operators)
