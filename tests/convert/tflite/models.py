"""Builds small .tflite files without TensorFlow, by packing the schema's objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}


@dataclass
class Builder:
    """Tensors are named by what `tensor`, `constant` and `operator` return: their index."""

    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    codes: list[tuple[int, str | None, int]] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=lambda: [b""])

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        *,
        scales: Sequence[float] | None = None,
        zero_points: Sequence[int] = (0,),
        axis: int = 0,
        signature: Sequence[int] | None = None,
        name: str = "",
        data: bytes | None = None,
    ) -> int:
        """Add a tensor; 8-bit ones are quantised unless `scales` is empty."""
        if scales is None:
            scales = (0.05,) if dtype in {"int8", "uint8"} else ()
        made = schema.TensorT()
        made.shape = list(shape)
        made.type = TYPES[dtype]
        made.name = name or f"t{len(self.tensors)}"
        made.shapeSignature = None if signature is None else list(signature)
        if scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(scales)
            made.quantization.zeroPoint = list(zero_points) * (len(scales) // len(zero_points))
            made.quantization.quantizedDimension = axis
        if data is not None:
            made.buffer = len(self.buffers)
            self.buffers.append(data)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def constant(
        self,
        values: npt.ArrayLike,
        dtype: str = "int32",
        *,
        scales: Sequence[float] | None = None,
        zero_points: Sequence[int] = (0,),
        axis: int = 0,
    ) -> int:
        array = np.asarray(values, dtype)
        return self.tensor(
            array.shape, dtype, data=array.tobytes(), scales=scales, zero_points=zero_points, axis=axis
        )

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Mapping[str, object] | None = None,
        *,
        version: int = 1,
        custom: bytes = b"",
    ) -> int:
        """Add an operator (a builtin's name, or any other as a custom code) and return its first output.

        `options`: fields of the schema's options object, with its class name under "type".
        """
        builtin = getattr(schema.BuiltinOperator, name, None)
        code = (schema.BuiltinOperator.CUSTOM, name, version) if builtin is None else (builtin, None, version)
        if code not in self.codes:
            self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = self.codes.index(code)
        made.inputs, made.outputs = list(inputs), list(outputs)
        if options:
            kind = str(options["type"])
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = getattr(schema, kind + "T")()
            for key, value in options.items():
                if key != "type":
                    assert hasattr(made.builtinOptions, key), key
                    setattr(made.builtinOptions, key, value)
        if custom:
            made.customOptions = np.frombuffer(custom, np.uint8)
        self.operators.append(made)
        return outputs[0] if outputs else -1

    def pack(self, inputs: Sequence[int], outputs: Sequence[int], copies: int = 1) -> bytes:
        """Return the file; its subgraph is listed `copies` times."""
        packer = flatbuffers.Builder(1024)
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators = self.tensors, self.operators
        subgraph.inputs, subgraph.outputs = list(inputs), list(outputs)
        subgraph.name = "main"
        subgraphs = _vector(packer, schema.ModelStartSubgraphsVector, [subgraph.Pack(packer)] * copies)
        codes = []
        for number, custom, version in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
            code.customCode, code.version = custom, version
            codes.append(code.Pack(packer))
        buffers = []
        for data in self.buffers:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8) if data else None
            buffers.append(buffer.Pack(packer))
        operator_codes = _vector(packer, schema.ModelStartOperatorCodesVector, codes)
        all_buffers = _vector(packer, schema.ModelStartBuffersVector, buffers)
        description = packer.CreateString("built by a test")
        schema.ModelStart(packer)
        schema.ModelAddVersion(packer, 3)
        schema.ModelAddOperatorCodes(packer, operator_codes)
        schema.ModelAddSubgraphs(packer, subgraphs)
        schema.ModelAddDescription(packer, description)
        schema.ModelAddBuffers(packer, all_buffers)
        packer.Finish(schema.ModelEnd(packer), file_identifier=b"TFL3")
        return bytes(packer.Output())


def _vector(packer: Any, start: Callable[[Any, int], object], items: list[int]) -> int:  # noqa: ANN401
    start(packer, len(items))
    for item in reversed(items):
        packer.PrependUOffsetTRelative(item)
    return int(packer.EndVector())


CONV: Mapping[str, object] = {
    "type": "Conv2DOptions",
    "padding": 0,
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
}


def add_conv(
    b: Builder, source: int, channels: int, *, kernel: int = 3, dtype: str = "int8", **changes: object
) -> int:
    """Append a SAME convolution with constant int8 weights per channel (uint8: per tensor)."""
    shape = [int(n) for n in b.tensors[source].shape]
    per_channel = dtype == "int8"
    weights = b.constant(
        np.ones((channels, kernel, kernel, shape[3])),
        dtype,
        scales=[0.01] * channels if per_channel else [0.01],
        zero_points=(0,) if per_channel else (128,),
    )
    bias = b.constant(np.zeros(channels), "int32", scales=[0.0005])
    result = b.tensor((*shape[:3], channels), dtype)
    return b.operator("CONV_2D", (source, weights, bias), (result,), {**CONV, **changes})


def small_model() -> bytes:
    """A convolution, a bilinear doubling and an ARG_MAX: everything the reader has to decode."""
    b = Builder()
    image = b.tensor((1, 4, 4, 3), signature=(-1, 4, 4, 3), name="image")
    features = add_conv(b, image, 2)
    size = b.constant([8, 8])
    larger = b.operator(
        "RESIZE_BILINEAR",
        (features, size),
        (b.tensor((1, 8, 8, 2)),),
        {"type": "ResizeBilinearOptions", "halfPixelCenters": True},
        version=3,
    )
    axis = b.constant(3)
    label = b.operator(
        "ARG_MAX", (larger, axis), (b.tensor((1, 8, 8), "int64"),), {"type": "ArgMaxOptions", "outputType": 4}
    )
    return b.pack([image], [label])
