"""PyTorch → ONNX, held against PyTorch with onnxruntime before the file appears."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from convert.atomic import write_whole
from convert.errors import ConvertError, ModelFileError
from convert.networks.network import Network
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array, Stage
from convert.networks.torch_stage import channels_first, channels_last, torch_stage

OPSET = 12
"""Every later step reads it; the exporter that writes newer ones writes no older ones."""

LARGEST_DIFFERENCE = 1e-4
"""Between ONNX and PyTorch, as a fraction of the output's largest magnitude."""


def export_onnx(network: Network, path: Path) -> None:
    """Write `network` to `path`: ONNX opset 12, constants folded, batch size free, names from its spec.

    The same weights give the same bytes. The file appears only after onnx's checker has passed it and
    onnxruntime has agreed with PyTorch on seeded random pictures, one alone and two together, within
    `LARGEST_DIFFERENCE`; raises `ConvertError` otherwise, or where the file cannot be written.
    """
    model = _exported(network)
    try:
        onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConvertError(
            f"{path}: the exported {network.spec.name} is not valid ONNX ({_line(error)})"
        ) from None
    exported = _OnnxStage(_session(model, path), network.spec)
    reference = torch_stage(network)
    pictures = np.random.default_rng(0).standard_normal((2, network.spec.height, network.spec.width, 3))
    for batch in (1, 2):
        images = pictures[:batch].astype(np.float32)
        _agree(network.spec, reference.run(images), exported.run(images))
    write_whole(path, model)


def onnx_stage(path: Path, spec: NetworkSpec) -> Stage:
    """Return an ONNX file as the stage `onnx`.

    Raises `ModelFileError` where it is missing, damaged, or has other inputs and outputs than `spec` says.
    """
    try:
        model = path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file; export the network first") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
    session = _session(model, path)
    wanted = {spec.input_name: [3, spec.height, spec.width]}
    found = {tensor.name: tensor.shape[1:] for tensor in session.get_inputs()}
    names = [output.name for output in session.get_outputs()]
    if found != wanted or names != [output.name for output in spec.outputs]:
        raise ModelFileError(
            f"{path}: takes {found} and gives {names}, unlike {spec.name} at {spec.height}x{spec.width}; "
            "export it again"
        )
    return _OnnxStage(session, spec)


class _OnnxStage:
    name = "onnx"

    def __init__(self, session: onnxruntime.InferenceSession, spec: NetworkSpec) -> None:
        self._session = session
        self._spec = spec

    def run(self, images: Array) -> tuple[Array, ...]:
        names = [output.name for output in self._spec.outputs]
        outputs = self._session.run(names, {self._spec.input_name: channels_first(images)})
        return tuple(channels_last(output) for output in outputs)


def _exported(network: Network) -> bytes:
    spec = network.spec
    names = [output.name for output in spec.outputs]
    with tempfile.TemporaryDirectory(prefix="janban-") as folder, _without_chatter():
        file = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, spec.height, spec.width),),
            file,
            opset_version=OPSET,
            # The exporter of dynamo=True writes opset 18 whatever is asked for.
            dynamo=False,
            do_constant_folding=True,
            input_names=[spec.input_name],
            output_names=names,
            dynamic_axes={name: {0: "batch"} for name in (spec.input_name, *names)},
        )
        return file.read_bytes()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Silence the exporter: it warns that there is a newer one, and of every constant that it traces."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Converting a tensor to a Python integer")
        yield


def _session(model: bytes, path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime's errors share no base class but this one.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise ModelFileError(
            f"{path}: not an ONNX model, or cut off ({_line(error)}); export it again"
        ) from None


def _agree(spec: NetworkSpec, reference: tuple[Array, ...], exported: tuple[Array, ...]) -> None:
    for output, expected, found in zip(spec.outputs, reference, exported, strict=True):
        if expected.shape != found.shape:
            raise ConvertError(
                f"{spec.name}: ONNX gives {output.name} as {found.shape}, PyTorch {expected.shape}"
            )
        difference = float(np.abs(expected - found).max() / max(float(np.abs(expected).max()), 1e-6))
        if not difference <= LARGEST_DIFFERENCE:
            raise ConvertError(
                f"{spec.name}: ONNX differs from PyTorch by {difference:.1e} of the range of {output.name}; "
                f"at most {LARGEST_DIFFERENCE:.0e} is allowed"
            )


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
