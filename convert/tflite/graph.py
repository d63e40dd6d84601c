"""Reads .tflite files (schema version 3, identifier TFL3) that may be cut off, damaged or malicious.

The flatbuffer accessors of the runtime's own schema check each read against the end of the buffer, but
tables may be shared or point into each other, so a small file can describe a huge one: every table and
vector is counted against a budget.
"""

import graphlib
import re
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.errors import ModelFileError
from convert.tflite.graph_types import ELEMENT_BITS, Graph, Operator, Option, Quantisation, Subgraph, Tensor

LARGEST_FILE_BYTES: Final = 2 << 30
"""No Edge TPU model comes near; flatbuffers cannot be larger."""

_PARTS_LIMIT = 100_000
"""Tables that a file may describe, and vector elements by the sixteen; large models have some thousands."""

_IDENTIFIER = b"TFL3"
_HINT = "copy or convert the model again"


def _names(enumeration: type) -> dict[int, str]:
    return {value: key for key, value in vars(enumeration).items() if not key.startswith("_")}


_OPERATORS: Final = _names(schema.BuiltinOperator)
_TYPES: Final = {value: name.lower() for value, name in _names(schema.TensorType).items()}
_WORDS: Final = {
    "padding": _names(schema.Padding),
    "fused_activation_function": _names(schema.ActivationFunctionType),
}


_Table = Any
"""A table or vector as the generated accessors give it; they carry no types."""


class _DamagedError(Exception):
    """What is wrong inside the file, in words."""


def read_graph(path: Path) -> Graph:
    """Read a .tflite file; raises `ModelFileError`, one line, if it is missing or damaged."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"{path}: not a file; name a .tflite model")
        with path.open("rb") as file:
            head = file.read(8)
            _check_head(head, str(path))
            if status.st_size > LARGEST_FILE_BYTES:
                raise ModelFileError(f"{path}: {status.st_size >> 20} MiB is too large for a TFLite model")
            return parse_graph(head + file.read(), str(path))
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file; name a .tflite model") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None


def parse_graph(content: bytes, source: str = "model") -> Graph:
    """Parse the bytes of a .tflite file; raises `ModelFileError`, one line that begins with `source`."""
    _check_head(content[:8], source)
    try:
        return _Reader(content).graph()
    except _DamagedError as error:
        raise ModelFileError(f"{source}: damaged TFLite file: {error}; {_HINT}") from None
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error):
        # What struct, numpy and flatbuffers raise where an offset or a length leads out of the file.
        raise ModelFileError(f"{source}: damaged TFLite file: cut off or overwritten; {_HINT}") from None


def _check_head(head: bytes, source: str) -> None:
    if not head:
        raise ModelFileError(f"{source}: empty file; {_HINT}")
    if len(head) < 8 or head[4:8] != _IDENTIFIER:
        raise ModelFileError(
            f"{source}: not a TFLite model (no TFL3 mark at its beginning); name a .tflite file"
        )


class _Reader:
    """One pass over one file, lazily: only what `Graph` holds is decoded."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._parts_left = _PARTS_LIMIT
        self._bytes_left = len(content)
        self._model = schema.Model.GetRootAs(content, 0)
        self._buffers: dict[int, bytes | None] = {}

    def graph(self) -> Graph:
        if self._model.Version() != 3:
            raise _DamagedError(f"schema version {self._model.Version()}, 3 was expected")
        codes = list(self._tables(self._model.OperatorCodesLength(), self._model.OperatorCodes))
        subgraphs = tuple(
            self._subgraph(table, codes)
            for table in self._tables(self._model.SubgraphsLength(), self._model.Subgraphs)
        )
        if not subgraphs:
            raise _DamagedError("no subgraph in it")
        for table in self._tables(self._model.BuffersLength(), self._model.Buffers):
            if table.DataLength():
                table.DataAsNumpy()  # Metadata is not read otherwise, but a file without its end is cut off.
        return Graph(subgraphs, len(self._content), self._text(self._model.Description()))

    def _subgraph(self, table: _Table, codes: list[_Table]) -> Subgraph:
        tensors = tuple(
            self._tensor(index, t)
            for index, t in enumerate(self._tables(table.TensorsLength(), table.Tensors))
        )
        operators = tuple(
            self._operator(index, o, codes, len(tensors))
            for index, o in enumerate(self._tables(table.OperatorsLength(), table.Operators))
        )
        inputs = self._indices(table.InputsAsNumpy(), len(tensors), "a model input", lowest=0)
        outputs = self._indices(table.OutputsAsNumpy(), len(tensors), "a model output", lowest=0)
        subgraph = Subgraph(self._text(table.Name()), tensors, operators, inputs, outputs)
        _check_flow(subgraph)
        return subgraph

    def _tensor(self, index: int, table: _Table) -> Tensor:
        dtype = _TYPES.get(table.Type())
        if dtype is None:
            raise _DamagedError(f"tensor {index} has the unknown type {table.Type()}")
        stored = self._integers(table.ShapeAsNumpy())
        signature = self._integers(table.ShapeSignatureAsNumpy()) or stored
        if min((*stored, *signature), default=0) < -1 or len(signature) != len(stored):
            raise _DamagedError(f"tensor {index} has the shape {_short(stored)}")
        tensor = Tensor(
            index=index,
            name=self._text(table.Name()),
            shape=tuple(1 if n < 0 else n for n in stored),
            signature=tuple(-1 if n < 0 else m for n, m in zip(stored, signature, strict=True)),
            dtype=dtype,
            quantisation=self._quantisation(table.Quantization(), index, len(stored)),
            data=self._buffer(table.Buffer(), index),
            is_variable=bool(table.IsVariable()),
        )
        if (
            tensor.data is not None
            and table.Sparsity() is None
            and dtype in ELEMENT_BITS
            and len(tensor.data) != tensor.size_bytes
        ):
            found, wanted = len(tensor.data), tensor.size_bytes
            raise _DamagedError(
                f"constant {index} has {found} bytes, its shape {_short(stored)} needs {wanted}"
            )
        return tensor

    def _quantisation(self, table: _Table, index: int, rank: int) -> Quantisation | None:
        if table is None or table.ScaleLength() == 0:
            return None
        self._spend(table.ScaleLength() // 16)
        scales = tuple(table.ScaleAsNumpy().tolist())
        zeros = self._integers(table.ZeroPointAsNumpy()) or (0,)
        if len(zeros) not in (1, len(scales)):
            raise _DamagedError(f"tensor {index} has {len(scales)} scales but {len(zeros)} zero points")
        axis = int(table.QuantizedDimension())
        if len(scales) > 1 and not 0 <= axis < rank:
            raise _DamagedError(f"tensor {index} is quantised along axis {axis}, it has {rank}")
        return Quantisation(scales, zeros * (len(scales) // len(zeros)), axis)

    def _operator(self, index: int, table: _Table, codes: list[_Table], tensors: int) -> Operator:
        if not 0 <= table.OpcodeIndex() < len(codes):
            raise _DamagedError(f"operator {index} has no operator code")
        code = codes[table.OpcodeIndex()]
        # Codes above 127 do not fit in the old field; the larger of both is the true one.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        is_custom = number == schema.BuiltinOperator.CUSTOM
        name = self._text(code.CustomCode()) or "CUSTOM" if is_custom else _OPERATORS.get(number)
        if name is None:
            raise _DamagedError(f"operator {index} has the unknown code {number}")
        custom = table.CustomOptionsAsNumpy() if table.CustomOptionsLength() else np.empty(0, np.uint8)
        return Operator(
            index=index,
            name=name,
            is_custom=is_custom,
            version=code.Version(),
            inputs=self._indices(table.InputsAsNumpy(), tensors, f"operator {index}"),
            outputs=self._indices(table.OutputsAsNumpy(), tensors, f"operator {index}"),
            options=self._options(table),
            custom_options=self._copy(custom),
        )

    def _options(self, table: _Table) -> dict[str, Option]:
        options = schema.BuiltinOptionsCreator(table.BuiltinOptionsType(), table.BuiltinOptions())
        found: dict[str, Option] = {}
        for key, value in vars(options).items() if options is not None else ():
            name = re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), key)
            if name in _WORDS:
                found[name] = _WORDS[name].get(value, f"unknown {value}")
            elif isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.integer):
                found[name] = self._integers(value)
            elif isinstance(value, (bool, int, float)):
                found[name] = value
        return found

    def _buffer(self, number: int, tensor: int) -> bytes | None:
        """Return the bytes of a buffer, None for an empty one; each is copied once."""
        if not 0 <= number < max(1, self._model.BuffersLength()):
            raise _DamagedError(f"tensor {tensor} names buffer {number} of {self._model.BuffersLength()}")
        if number == 0:  # always empty, by the schema
            return None
        if number not in self._buffers:
            self._spend(1)
            table = self._model.Buffers(number)
            if table.DataLength():
                self._buffers[number] = self._copy(table.DataAsNumpy())
            elif table.Offset() > 1 and table.Size():  # stored behind the flatbuffer, as in files over 2 GB
                end = table.Offset() + table.Size()
                self._buffers[number] = self._copy(
                    np.frombuffer(self._content, np.uint8)[table.Offset() : end]
                )
            else:
                self._buffers[number] = None
        return self._buffers[number]

    def _copy(self, values: _Table) -> bytes:
        self._bytes_left -= values.size
        if self._bytes_left < 0:
            raise _DamagedError("its parts overlap")
        return bytes(values.tobytes())

    def _tables(self, length: int, item: Callable[[int], _Table]) -> Iterator[_Table]:
        for number in range(length):
            self._spend(1)
            yield item(number)

    def _indices(self, values: _Table, tensors: int, owner: str, lowest: int = -1) -> tuple[int, ...]:
        indices = self._integers(values)
        if any(not lowest <= i < tensors for i in indices):
            raise _DamagedError(f"{owner} names a tensor that is not there")
        return indices

    def _integers(self, values: _Table) -> tuple[int, ...]:
        if not isinstance(values, np.ndarray):  # flatbuffers gives 0 for an absent vector
            return ()
        self._spend(values.size // 16)
        return tuple(values.tolist())

    def _text(self, value: bytes | None) -> str:
        self._spend(len(value or b"") // 16)
        return (value or b"").decode("utf-8", errors="replace")

    def _spend(self, parts: int) -> None:
        self._parts_left -= parts
        if self._parts_left < 0:
            raise _DamagedError("it describes more parts than any model has")


def _check_flow(subgraph: Subgraph) -> None:
    """Raise where a tensor has two writers, or operators wait for each other."""
    written = [t for o in subgraph.operators for t in o.outputs if t >= 0]
    if len(set(written)) < len(written):
        raise _DamagedError("two operators write the same tensor")
    feeders = {o.index: [f.index for f in subgraph.feeders(o)] for o in subgraph.operators}
    try:
        graphlib.TopologicalSorter(feeders).prepare()
    except graphlib.CycleError:
        raise _DamagedError("operators wait for each other in a circle") from None


def _short(shape: tuple[int, ...]) -> str:
    return str(list(shape)) if len(shape) <= 8 else f"of rank {len(shape)}"
