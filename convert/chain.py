"""The chain of one network: PyTorch, ONNX, SavedModel, TFLite float32 and int8, check, parity, manifest."""

import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.inference.manifest import FILE_NAME, ElementType, ModelEntry, Origin, load_manifest
from appliance.inference.record import TrainingRecord
from convert.cost.cost import cost_of
from convert.errors import ConvertError, GateError
from convert.export import export_onnx, onnx_stage
from convert.manifest import model_file, write_models
from convert.networks.network import Network
from convert.networks.torch_stage import torch_stage
from convert.parity.gates import Gates
from convert.parity.result import ParityResult
from convert.parity.run import run_parity
from convert.pictures import Pictures
from convert.routes import Converted, convert_onnx, saved_model_stage
from convert.tflite.run import tflite_signature, tflite_stage

_TOOLS: Final = ("ai-edge-litert", "numpy", "onnx", "onnxruntime", "torch")
_INT8_STAGE: Final = "tflite int8"


@dataclass(frozen=True)
class Order:
    """What to make of a network; `name` is the model's in the manifest and of the folder of its stages.

    `enforce` of False ships what the gates would refuse. `device_only` leaves out the stages' folder.
    """

    name: str
    network: Network
    origin: Origin
    calibration: Pictures
    parity: Pictures
    gates: Gates
    training: TrainingRecord | None = None
    enforce: bool = True
    route: str = "onnx2tf"
    io: ElementType = "int8"
    device_only: bool = False


def run_chain(order: Order, out: Path) -> ModelEntry:
    """Convert a network and put it into the folder `out`; return its entry in the manifest there.

    `out` gets the int8 model, its card and the manifest, and below `out/<name>` the other stages and the
    parity report. It is changed only when all has succeeded, but for the report of a model that its gates
    refuse, which is kept in `out/<name>-refused`. Raises `ConvertError` and its kinds, and `ModelError` where
    the manifest in `out` is damaged.
    """
    spec = order.network.spec
    if (out / FILE_NAME).exists():
        # A damaged one is to be known now, not after minutes of work.
        load_manifest(out / FILE_NAME)
    with _workplace(out, order.name) as work:
        onnx = work / f"{spec.name}.onnx"
        _say(order, "export to ONNX, and compare it with PyTorch")
        export_onnx(order.network, onnx)
        _say(
            order, f"convert to TFLite by {order.route}, {len(order.calibration.names)} calibration pictures"
        )
        made = convert_onnx(onnx, spec, order.calibration.images, work, route=order.route, io=order.io)
        _say(order, "compare the stages")
        parity = _parity(order, onnx, made, work / "parity")
        if order.enforce and not parity.passed:
            _refuse(order, parity, work, out / f"{order.name}-refused")
        _say(order, "describe the model")
        entry = _entry(order, made, parity)
        written = write_models(out, entry, {f"{order.name}.int8.tflite": made.int8})
        shutil.rmtree(out / f"{order.name}-refused", ignore_errors=True)
        if not order.device_only:
            _replace(work, out / order.name)
    return written


def _parity(order: Order, onnx: Path, made: Converted, folder: Path) -> ParityResult:
    spec = order.network.spec
    stages = [
        torch_stage(order.network),
        onnx_stage(onnx, spec),
        saved_model_stage(made.saved_model, spec, route=order.route),
        tflite_stage(made.float32, spec),
        tflite_stage(made.int8, spec),
    ]
    return run_parity(
        stages, spec, order.parity.images, order.parity.names, folder,
        gates=order.gates, origin=order.parity.origin,
    )  # fmt: skip


def _refuse(order: Order, parity: ParityResult, work: Path, refused: Path) -> None:
    """Raise `GateError`, with the report kept in `refused`."""
    _replace(work / "parity", refused)
    try:
        parity.enforce()
    except GateError as error:
        raise GateError(
            f"{order.name} is not shipped: {error}; see {refused / 'report.md'}, or keep it with --no-gates"
        ) from None


def _entry(order: Order, made: Converted, parity: ParityResult) -> ModelEntry:
    picture, outputs = tflite_signature(made.int8, order.network.spec)
    file = model_file(made.int8, device="cpu", picture=picture, outputs=outputs)
    cost = cost_of(made.int8)
    on_cpu = sum(cost.operators.values()) - cost.mapped
    return ModelEntry(
        name=order.name,
        network=order.network.spec.name,
        origin=order.origin,
        training=order.training,
        files=(file.model_copy(update={"file": f"{order.name}.int8.tflite"}),),
        parity=parity.figures(_INT8_STAGE),
        cost=cost.as_figures() | {"edgetpu_mapped": float(cost.mapped), "edgetpu_cpu": float(on_cpu)},
        tools={name: importlib.metadata.version(name) for name in _TOOLS} | made.tools,
    )


@contextmanager
def _workplace(out: Path, name: str) -> Iterator[Path]:
    """Give a temporary folder on the same disk as `out`; `out` is removed again if it stays empty."""
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=out))
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); name another folder") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if not existed and not any(out.iterdir()):
            out.rmdir()


def _replace(source: Path, target: Path) -> None:
    """Move a folder to its place; what stood there goes."""
    if target.exists():
        shutil.rmtree(target)
    source.chmod(0o755)
    source.rename(target)


def _say(order: Order, step: str) -> None:
    print(f"convert {order.name}: {step}", file=sys.stderr, flush=True)
