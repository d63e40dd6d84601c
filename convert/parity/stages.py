"""From files of one network to its stages, in the order of the conversion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from appliance.inference.manifest import FILE_NAME
from convert.errors import ConvertError, ModelFileError, ToolError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array, Stage
from convert.parity.spec_of_file import spec_of_onnx, spec_of_tflite
from convert.routes.route import DEFAULT_ROUTE

_ORDER: Final = ("pytorch", "onnx", "savedmodel", "tflite float32", "tflite int8", "edgetpu")
_COMPILED: Final = "_edgetpu.tflite"
"""How the Edge TPU's compiler ends the names of its files."""


@dataclass(frozen=True)
class StageFiles:
    """What there is of one network; `network` as `build` names it, `route` as `ROUTES` does."""

    network: str | None = None
    checkpoint: Path | None = None
    onnx: Path | None = None
    saved_model: Path | None = None
    tflite: tuple[Path, ...] = ()
    edgetpu: Path | None = None
    route: str = DEFAULT_ROUTE


@dataclass(frozen=True)
class Opened:
    """The network's interface, its stages, the most original first, and why others cannot run here."""

    spec: NetworkSpec
    stages: list[Stage]
    absent: list[str]


def files_in(folder: Path) -> StageFiles:
    """Return what a folder of one network holds, as the chain writes it: .onnx, SavedModel, .tflite files.

    Of a folder with a manifest, that is the folder of its one network. Raises `ConvertError` where there is
    nothing, or several networks.
    """
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise ConvertError(f"{folder}: cannot be read ({error.strerror}); name a folder of models") from None
    inside = sorted({str(file.parent) for file in folder.glob("*/*.tflite")})
    if folder / FILE_NAME in files and inside:
        if len(inside) == 1:
            return files_in(Path(inside[0]))
        raise ConvertError(f"{folder}: holds several networks; name one folder, {' or '.join(inside)}")
    exported = [file for file in files if file.suffix == ".onnx"]
    saved = [file for file in files if (file / "saved_model.pb").is_file()]
    compiled = [file for file in files if file.name.endswith(_COMPILED)]
    tflite = tuple(file for file in files if file.suffix == ".tflite" and file not in compiled)
    for found in (exported, saved, compiled):
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise ConvertError(f"{folder}: holds several networks ({names}); name the files of one")
    if not (exported or saved or tflite or compiled):
        hint = f"; did you mean {inside[0]}?" if inside else ""
        raise ConvertError(f"{folder}: holds no .onnx, SavedModel or .tflite{hint}")
    return StageFiles(onnx=_only(exported), saved_model=_only(saved), tflite=tflite, edgetpu=_only(compiled))


def open_stages(files: StageFiles, *, compiled_must_run: bool) -> Opened:
    """Return the stages of one network.

    Its interface is that of the checkpoint's network, else of `network` in the size of the files, else what
    the .onnx or .tflite file tells. Where an Edge TPU is wanted and there is none, this raises `ToolError` if
    `compiled_must_run`, and otherwise leaves the stage out. Raises `CheckpointError`, `ModelFileError` and
    `ConvertError` for what is missing, damaged or of another network.
    """
    told = _told_by_files(files)
    stages: list[Stage] = []
    absent: list[str] = []
    if files.checkpoint is not None:
        spec, stage = _pytorch(files, told)
        stages.append(stage)
    elif files.network is not None:
        spec = _named_spec(files.network, told)
    elif told is not None:
        spec = told
    else:
        raise ConvertError("no file tells the network's outputs; give --network too")
    if files.onnx is not None:
        from convert.export import onnx_stage  # noqa: PLC0415 - brings torch, which .tflite files do not need

        stages.append(onnx_stage(files.onnx, spec))
    if files.saved_model is not None:
        from convert.routes.saved_model import saved_model_stage  # noqa: PLC0415 - only where it is used

        stages.append(saved_model_stage(files.saved_model, spec, route=files.route))
    named = [(_tflite(path, spec), path.stem) for path in files.tflite]
    if files.edgetpu is not None:
        try:
            named.append((_compiled(files.edgetpu, spec), files.edgetpu.stem))
        except ToolError as error:
            if compiled_must_run:
                raise
            absent.append(str(error))
    return Opened(spec, sorted([*stages, *_told_apart(named)], key=_place), absent)


def _told_by_files(files: StageFiles) -> NetworkSpec | None:
    if files.onnx is not None:
        return spec_of_onnx(files.onnx)
    known = (*files.tflite, *(() if files.edgetpu is None else (files.edgetpu,)))
    return spec_of_tflite(known[0]) if known else None


def _pytorch(files: StageFiles, told: NetworkSpec | None) -> tuple[NetworkSpec, Stage]:
    from convert.networks.recognise import Family, open_checkpoint  # noqa: PLC0415 - brings torch
    from convert.networks.torch_stage import torch_stage  # noqa: PLC0415

    checkpoint = cast("Path", files.checkpoint)
    family: Family | None = None
    if files.network is not None:
        family = "midas" if _named_spec(files.network, told).name.startswith("midas") else "resnet"
    height, width = (256, 256) if told is None else (told.height, told.width)
    network = open_checkpoint(checkpoint, family, height=height, width=width)
    if files.network not in (None, network.spec.name):
        raise ConvertError(f"{checkpoint}: is of {network.spec.name}, not of {files.network}")
    return network.spec, torch_stage(network)


def _named_spec(network: str, told: NetworkSpec | None) -> NetworkSpec:
    from convert.networks.build import build  # noqa: PLC0415 - brings torch

    return build(network).spec if told is None else build(network, height=told.height, width=told.width).spec


def _tflite(path: Path, spec: NetworkSpec) -> Stage:
    from convert.tflite.run import tflite_stage  # noqa: PLC0415 - brings LiteRT

    return tflite_stage(path, spec)


def _compiled(path: Path, spec: NetworkSpec) -> Stage:
    stage = _tflite(path, spec)
    if stage.name != _ORDER[-1]:
        raise ModelFileError(f"{path}: is not compiled for the Edge TPU; give it with --tflite")
    return stage


def _told_apart(stages: Sequence[tuple[Stage, str]]) -> list[Stage]:
    """Return stages, those of one kind with their files' names behind."""
    counts = Counter(stage.name for stage, _ in stages)
    return [
        stage if counts[stage.name] == 1 else _Named(f"{stage.name} {stem}", stage) for stage, stem in stages
    ]


@dataclass(frozen=True)
class _Named:
    """One of several stages of one kind."""

    name: str
    stage: Stage

    def run(self, images: Array) -> tuple[Array, ...]:
        return self.stage.run(images)


def _place(stage: Stage) -> int:
    return next((i for i, kind in enumerate(_ORDER) if stage.name.startswith(kind)), len(_ORDER))


def _only(files: Sequence[Path]) -> Path | None:
    return files[0] if files else None
