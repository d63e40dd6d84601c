"""Which tensor of a .tflite file is the network's input, and which are its outputs."""

from collections.abc import Sequence
from pathlib import Path

from convert.errors import ModelFileError
from convert.networks.spec import NetworkSpec, Output
from convert.tflite.graph_types import Graph, Tensor


def input_of(graph: Graph, spec: NetworkSpec, path: Path) -> Tensor:
    """Return the one input; raises `ModelFileError` unless it is (1, H, W, 3) of the spec's size."""
    main = graph.main
    if len(main.inputs) != 1:
        raise ModelFileError(f"{path}: {len(main.inputs)} inputs, where {spec.name} has one, the picture")
    tensor = main.tensors[main.inputs[0]]
    wanted = (1, spec.height, spec.width, 3)
    if tensor.shape != wanted:
        hint = "; it has the channels first, convert it again" if tensor.shape[1:2] == (3,) else ""
        raise ModelFileError(f"{path}: takes {_shape(tensor.shape)}, {spec.name} {_shape(wanted)}{hint}")
    return tensor


def outputs_of(graph: Graph, spec: NetworkSpec, path: Path) -> tuple[Tensor, ...]:
    """Return the tensors of `spec.outputs`, in their order: by name if kept, else by shape.

    Raises `ModelFileError` where the file has another number of outputs, one of another shape, or nameless
    ones of one shape, which nothing tells apart.
    """
    found = [graph.main.tensors[index] for index in graph.main.outputs]
    if len(found) != len(spec.outputs):
        raise ModelFileError(f"{path}: {len(found)} outputs, where {spec.name} has {len(spec.outputs)}")
    by_name = {tensor.name: tensor for tensor in found}
    if all(output.name in by_name for output in spec.outputs):
        chosen = tuple(by_name[output.name] for output in spec.outputs)
    else:
        chosen = tuple(_by_shape(found, output, spec, path) for output in spec.outputs)
    for output, tensor in zip(spec.outputs, chosen, strict=True):
        if tensor.shape != shape_of(output, spec):
            raise ModelFileError(
                f"{path}: output {output.name} is {_shape(tensor.shape)}, where {spec.name} gives"
                f" {_shape(shape_of(output, spec))}"
            )
    return chosen


def shape_of(output: Output, spec: NetworkSpec) -> tuple[int, ...]:
    """Return the shape of an output for one picture, channels last."""
    match output.meaning:
        case "inverse_depth":
            return (1, spec.height, spec.width, 1)
        case "segmentation":
            return (1, spec.height, spec.width, len(output.classes))
        case "quantity":
            return (1, len(output.classes))


def _by_shape(found: Sequence[Tensor], output: Output, spec: NetworkSpec, path: Path) -> Tensor:
    wanted = shape_of(output, spec)
    fitting = [tensor for tensor in found if tensor.shape == wanted]
    if len(fitting) != 1:
        shapes = ", ".join(f"{tensor.name} {_shape(tensor.shape)}" for tensor in found)
        count = "several outputs" if fitting else "no output"
        raise ModelFileError(
            f"{path}: {count} could be {output.name} {_shape(wanted)} of {spec.name}; the file has {shapes}"
        )
    return fitting[0]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
