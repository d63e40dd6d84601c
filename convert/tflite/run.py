"""A .tflite file as a stage of the chain, run by LiteRT as on the device."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
from ai_edge_litert import interpreter as litert

from appliance.inference.manifest import ElementType, InputSignature, OutputSignature
from appliance.inference.quantisation import dequantise, quantise
from convert.errors import ModelFileError, ToolError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array, Stage
from convert.tflite.graph import read_graph
from convert.tflite.graph_types import Graph, Tensor
from convert.tflite.outputs import input_of, outputs_of

EDGE_TPU_OPERATOR: Final = "edgetpu-custom-op"
EDGE_TPU_LIBRARY: Final = "libedgetpu.so.1"

_LONGEST_REASON: Final = 200


def tflite_stage(path: Path, spec: NetworkSpec, threads: int = 1) -> Stage:
    """Return the file as a `Stage`; pictures are run one after the other.

    A file compiled for the Edge TPU runs on the device. Raises `ModelFileError` where the file is damaged or
    not `spec`'s, and `ToolError` where it needs an Edge TPU and there is none.
    """
    graph = read_graph(path)
    picture = _Port.of(input_of(graph, spec, path), path)
    outputs = tuple(_Port.of(tensor, path) for tensor in outputs_of(graph, spec, path))
    compiled = _is_compiled(graph)
    delegates = [_edge_tpu(path)] if compiled else []
    try:
        interpreter = litert.Interpreter(str(path), experimental_delegates=delegates, num_threads=threads)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot be run by LiteRT ({_line(error)}); convert it again") from None
    return _TfliteStage(
        "edgetpu" if compiled else f"tflite {_kind(graph)}", path, interpreter, picture, outputs
    )


def tflite_signature(path: Path, spec: NetworkSpec) -> tuple[InputSignature, tuple[OutputSignature, ...]]:
    """Return what the manifest says of a file's input and outputs, in the order of the spec.

    Nothing is run. Raises `ModelFileError` where the file is damaged or not `spec`'s.
    """
    graph = read_graph(path)
    taken = _Port.of(input_of(graph, spec, path), path)
    given = [_Port.of(tensor, path) for tensor in outputs_of(graph, spec, path)]
    return (
        InputSignature(**taken.signature(), mean=spec.mean, std=spec.std),
        tuple(
            OutputSignature(**port.signature(), meaning=output.meaning, classes=output.classes)
            for port, output in zip(given, spec.outputs, strict=True)
        ),
    )


@dataclass(frozen=True)
class _Port:
    """A tensor at the border of a model; scale and zero point are None for float32."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: ElementType
    scale: float | None
    zero_point: int | None

    @classmethod
    def of(cls, tensor: Tensor, path: Path) -> "_Port":
        """Return the port; raises `ModelFileError` for other types than the device knows."""
        if tensor.is_dynamic:
            raise ModelFileError(f"{path}: {tensor.name} has no fixed shape; convert it for one picture")
        if tensor.dtype == "float32":
            return cls(tensor.index, tensor.name, tensor.shape, "float32", None, None)
        if tensor.dtype not in ("int8", "uint8"):
            raise ModelFileError(
                f"{path}: {tensor.name} is {tensor.dtype}; float32, int8 and uint8 are known"
            )
        if tensor.quantisation is None or len(tensor.quantisation.scales) != 1:
            raise ModelFileError(f"{path}: {tensor.name} is {tensor.dtype} without one scale for all")
        (scale,), (zero_point,) = tensor.quantisation.scales, tensor.quantisation.zero_points
        kind = cast("Literal['int8', 'uint8']", tensor.dtype)
        return cls(tensor.index, tensor.name, tensor.shape, kind, scale, zero_point)

    def signature(self) -> dict[str, Any]:
        """Return the fields that `TensorSignature` has."""
        fields = ("name", "shape", "dtype", "scale", "zero_point")
        return {field: getattr(self, field) for field in fields}

    def encode(self, real: Array) -> npt.NDArray[np.generic]:
        """Return what the model takes for real numbers."""
        if self.scale is None or self.zero_point is None:
            return real
        return quantise(real, self.scale, self.zero_point, self.dtype)

    def decode(self, values: npt.NDArray[Any]) -> Array:
        """Return the real numbers of what the model gave."""
        if self.scale is None or self.zero_point is None:
            return np.asarray(values, np.float32)
        return dequantise(values, self.scale, self.zero_point)


@dataclass(frozen=True)
class _TfliteStage:
    name: str
    path: Path
    interpreter: Any
    picture: _Port
    outputs: tuple[_Port, ...]

    def run(self, images: Array) -> tuple[Array, ...]:
        found = [np.empty((len(images), *port.shape[1:]), np.float32) for port in self.outputs]
        for number, image in enumerate(images):
            self.interpreter.set_tensor(self.picture.index, self.picture.encode(image[np.newaxis]))
            try:
                self.interpreter.invoke()
                for port, array in zip(self.outputs, found, strict=True):
                    array[number] = port.decode(self.interpreter.get_tensor(port.index))[0]
            except (RuntimeError, ValueError) as error:
                raise ModelFileError(f"{self.path}: stopped while it ran ({_line(error)})") from None
        return tuple(found)


def _kind(graph: Graph) -> str:
    """Return `int8` where weights are, whatever the type of input and output."""
    weights = {
        tensor.dtype
        for subgraph in graph.subgraphs
        for operator in subgraph.operators
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
        for tensor in subgraph.inputs_of(operator)[1:2]
        if tensor is not None
    }
    return "int8" if weights & {"int8", "uint8"} else "float32"


def _is_compiled(graph: Graph) -> bool:
    return any(operator.name == EDGE_TPU_OPERATOR for operator in graph.operators)


def _edge_tpu(path: Path) -> object:
    try:
        # LiteRT's own loading of an absent library leaves a broken object, which complains when it is freed.
        ctypes.CDLL(EDGE_TPU_LIBRARY)
        return litert.load_delegate(EDGE_TPU_LIBRARY)
    except OSError:
        raise ToolError(
            f"{path}: compiled for the Edge TPU, whose library {EDGE_TPU_LIBRARY} is not installed; install"
            " libedgetpu, or compare the file from before the compiler"
        ) from None
    except (RuntimeError, ValueError):
        raise ToolError(
            f"{path}: compiled for the Edge TPU, and none answers; plug one in, and look at its udev rules"
        ) from None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]
