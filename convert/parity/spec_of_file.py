"""The interface of a network, told from a file of it."""

import re
from pathlib import Path
from typing import Final

from appliance.inference.manifest import Meaning
from convert.errors import ModelFileError
from convert.networks.spec import QUANTITY_CLASSES, TRAY_CLASSES, NetworkSpec, Output
from convert.tflite.graph import read_graph

_KNOWN_CLASSES: Final = {
    ("segmentation", len(TRAY_CLASSES)): TRAY_CLASSES,
    ("quantity", len(QUANTITY_CLASSES)): QUANTITY_CLASSES,
}
_VARIANT = re.compile(r"[-._](float32|int8|uint8|edgetpu)$")


def spec_of_tflite(path: Path) -> NetworkSpec:
    """Return the spec of a .tflite file: (1, H, W, 3) in; depth, class or quantity scores out, channels last.

    Outputs mean what their shapes say. Normalisation is not in the file: ImageNet's is assumed. Raises
    `ModelFileError` for a damaged file, or one with other inputs or outputs.
    """
    main = read_graph(path).main
    inputs = [main.tensors[index].shape for index in main.inputs]
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][3] != 3:
        raise ModelFileError(f"{path}: does not take one picture, channels last; convert it by the chain")
    outputs = [main.tensors[index] for index in main.outputs]
    return _spec(path, inputs[0][1], inputs[0][2], [(tensor.name, tensor.shape[1:]) for tensor in outputs])


def spec_of_onnx(path: Path) -> NetworkSpec:
    """Return the spec of an ONNX file, channels first; otherwise as `spec_of_tflite`."""
    import onnx  # noqa: PLC0415 - slow to import, and not needed for other files

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file; export the network first") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
    except Exception as error:  # noqa: BLE001 - protobuf raises classes of its own, which differ by version
        raise ModelFileError(
            f"{path}: damaged or no ONNX file ({type(error).__name__}); export it again"
        ) from None
    shapes = [
        (value.name, tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim))
        for value in (*graph.input, *graph.output)
    ]
    picture = shapes[0][1] if shapes else ()
    if len(graph.input) != 1 or len(picture) != 4 or picture[1] != 3:
        raise ModelFileError(f"{path}: does not take one picture, channels first; export it by the chain")
    outputs = [(name, shape[2:] + shape[1:2] if len(shape) == 4 else shape[1:]) for name, shape in shapes[1:]]
    return _spec(path, picture[2], picture[3], outputs, input_name=shapes[0][0])


def _spec(
    path: Path,
    height: int,
    width: int,
    outputs: list[tuple[str, tuple[int, ...]]],
    *,
    input_name: str = "image",
) -> NetworkSpec:
    names = {name for name, _ in outputs}
    if not outputs or len(names) < len(outputs):
        raise ModelFileError(f"{path}: has {len(outputs)} outputs under {len(names)} names; convert it again")
    return NetworkSpec(
        name=_VARIANT.sub("", path.stem),
        height=height,
        width=width,
        outputs=tuple(_output(path, name, shape, (height, width)) for name, shape in outputs),
        input_name=input_name,
    )


def _output(path: Path, name: str, shape: tuple[int, ...], size: tuple[int, int]) -> Output:
    """Tell an output by its shape, without the batch."""
    meaning: Meaning
    match shape:
        case (height, width, 1) if (height, width) == size:
            return Output(name, "inverse_depth")
        case (height, width, channels) if (height, width) == size:
            meaning = "segmentation"
        case (channels,) if channels > 1:
            meaning = "quantity"
        case _:
            text = "x".join(map(str, shape)) or "nothing"
            raise ModelFileError(
                f"{path}: output {name} of {text} is no depth, segmentation or quantity for a picture of"
                f" {size[1]}x{size[0]}"
            )
    numbered = tuple(f"class_{number}" for number in range(channels))
    return Output(name, meaning, _KNOWN_CLASSES.get((meaning, channels), numbered))
