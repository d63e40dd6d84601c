"""From an ONNX file to a SavedModel and TFLite, float32 and int8."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from appliance.inference.manifest import ElementType
from convert.environment import folder_of, python_of, versions_of
from convert.errors import ModelFileError, ToolError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array
from convert.routes.route import DEFAULT_ROUTE, Route, route_of
from convert.routes.script import run_script

_DEADLINE_S: Final = 1800.0
"""Of one step; the largest network of the device takes minutes."""


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote, and the versions of the tools that did, by package."""

    saved_model: Path
    float32: Path
    int8: Path
    tools: dict[str, str]


def convert_onnx(
    onnx: Path,
    spec: NetworkSpec,
    calibration: Array,
    out: Path,
    *,
    route: str = DEFAULT_ROUTE,
    io: ElementType = "int8",
) -> Converted:
    """Convert an ONNX file: write `NAME-saved-model/`, `NAME-float32.tflite` and `NAME-int8.tflite` to `out`.

    `onnx` takes `spec.input_name` (N, 3, H, W) and gives `spec.outputs` by their names. `calibration`:
    float32 (N, H, W, 3), normalised as `spec` says; the ranges of its activations become those of int8. `io`
    is the type of the int8 file's input and outputs. All that is written takes one picture, channels last,
    and keeps the names and the order of the spec's outputs. The same file and pictures give the same .tflite
    files, byte for byte; in the SavedModel, `fingerprint.pb` may differ, where TensorFlow puts a random id.

    The first use builds the converter's environment. Raises `ToolError`: one line with the reason and the
    converter's log, which is kept beside its environment; `out` is then as it was. Raises `ModelFileError`
    where there is no `onnx`.
    """
    chosen = route_of(route)
    _judge(calibration, spec)
    if not onnx.is_file():
        raise ModelFileError(f"{onnx}: no such file; export the network first")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=out) as name:
            scratch = Path(name).absolute()
            python_of(chosen.environment)
            np.save(scratch / "pictures.npy", calibration)
            return _keep(_convert(onnx.absolute(), spec, scratch, chosen, io), spec, out)
    except OSError as error:
        raise ToolError(
            f"{error.filename or out}: the conversion cannot be written ({error.strerror})"
        ) from None


def _convert(onnx: Path, spec: NetworkSpec, scratch: Path, route: Route, io: ElementType) -> Converted:
    names = ("--input", spec.input_name, "--outputs", *(output.name for output in spec.outputs))
    pictures = ("--pictures", scratch / "pictures.npy")
    made = Converted(
        scratch / "saved-model",
        scratch / "float32.tflite",
        scratch / "int8.tflite",
        {package: versions_of(route.environment)[package] for package in route.packages},
    )
    steps: tuple[tuple[str, str, Sequence[str | Path]], ...] = (
        (f"{route.name} on {onnx.name}", route.script, ("--onnx", onnx, "--out", made.saved_model)),
        (
            f"the TFLite converter on {onnx.name}",
            "saved_model_tflite.py",
            ("--saved-model", made.saved_model, "--float32", made.float32, "--int8", made.int8, "--io", io),
        ),
    )
    with tqdm(steps, desc=f"convert {spec.name}", unit="step", file=sys.stderr) as progress:
        for what, script, arguments in progress:
            progress.set_postfix_str(script.removesuffix(".py"))
            try:
                run_script(
                    route.environment, script, (*arguments, *pictures, *names), scratch,
                    what=what, deadline_s=_DEADLINE_S,
                )  # fmt: skip
            except ToolError as error:
                kept = folder_of(route.environment).with_name(f"{spec.name}-{route.name}.log")
                shutil.copyfile(scratch / "log", kept)
                raise ToolError(f"{error}; see {kept}") from None
    return made


def _keep(made: Converted, spec: NetworkSpec, out: Path) -> Converted:
    """Move the results to their names; each is replaced as a whole."""
    kept = Converted(
        out / f"{spec.name}-saved-model",
        out / f"{spec.name}-float32.tflite",
        out / f"{spec.name}-int8.tflite",
        made.tools,
    )
    if kept.saved_model.exists():
        shutil.rmtree(kept.saved_model)
    made.saved_model.rename(kept.saved_model)
    made.float32.replace(kept.float32)
    made.int8.replace(kept.int8)
    return kept


def _judge(calibration: Array, spec: NetworkSpec) -> None:
    wanted = (spec.height, spec.width, 3)
    if calibration.dtype != np.float32 or calibration.ndim != 4 or calibration.shape[1:] != wanted:
        raise ToolError(
            f"calibration pictures of shape {calibration.shape}, {calibration.dtype}, where {spec.name} takes"
            f" (N, {spec.height}, {spec.width}, 3), float32"
        )
    if len(calibration) == 0:
        raise ToolError("no calibration pictures; int8 ranges cannot be known without")
    if not np.isfinite(calibration).all():
        raise ToolError("a calibration picture has values that are no finite numbers")
