"""Compiles the models of a models folder for the Edge TPU, and puts the results into its manifest."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from appliance.inference.manifest import FILE_NAME, ModelEntry, ModelFile, load_manifest
from appliance.inference.verify import verify_file
from convert.atomic import write_whole
from convert.edgetpu.compiler import FAILED_LOG_NAME, LOG_NAME, Compilation, Compiled, compile_models
from convert.errors import ConvertError, ToolError
from convert.manifest import model_file, write_models
from convert.networks.spec import NetworkSpec, Output
from convert.tflite.run import tflite_signature


def compile_folder(folder: Path, *, deadline_s: float, require_all_mapped: bool = False) -> Compilation:
    """Compile every int8 model of the folder's manifest, all together, and add the compiled files to it.

    Compiled together, the models share the on-chip memory; the manifest's first gets it first. Files compiled
    before are replaced; the compiler's log is kept beside them. Raises `ModelError` where a file is not what
    the manifest says, `ToolError` and `ModelFileError` as `compile_models` does; no model and no entry has
    changed then, and what a failed compiler printed is in FAILED_LOG_NAME.
    """
    entries = load_manifest(folder / FILE_NAME).models
    sources = {entry.name: _integer_file(entry) for entry in entries}
    if not sources:
        raise ConvertError(
            f"{folder / FILE_NAME}: lists no models; run convert midas and convert resnet first"
        )
    with tempfile.TemporaryDirectory(prefix="janban-edgetpu-") as name:
        work = Path(name)
        copies = []
        for entry in entries:
            copies.append(work / f"{entry.name}.tflite")
            shutil.copyfile(verify_file(folder, sources[entry.name]), copies[-1])
        made = compile_models(
            copies,
            work / "compiled",
            deadline_s=deadline_s,
            require_all_mapped=require_all_mapped,
            failed_log=folder / FAILED_LOG_NAME,
        )
        # All are judged before the first is added.
        described = [
            _described(entry, sources[entry.name], compiled)
            for entry, compiled in zip(entries, made.models, strict=True)
        ]
        results = tuple(
            _added(folder, entry, sources[entry.name], compiled, file)
            for entry, compiled, file in zip(entries, made.models, described, strict=True)
        )
        write_whole(folder / LOG_NAME, made.log_file.read_bytes())
        (folder / FAILED_LOG_NAME).unlink(missing_ok=True)
    return replace(made, models=results, log_file=folder / LOG_NAME)


def _integer_file(entry: ModelEntry) -> ModelFile:
    for file in entry.files:
        if file.device == "cpu" and file.input.dtype != "float32":
            return file
    raise ConvertError(f"{entry.name}: has no int8 model to compile; convert it with --io int8 or uint8")


def _described(entry: ModelEntry, source: ModelFile, compiled: Compiled) -> ModelFile:
    """Describe a compiled file; raises `ToolError` where it does not take and give what its source does."""
    picture, outputs = tflite_signature(compiled.output, _spec(entry, source))
    if (picture, outputs) != (source.input, source.outputs):
        raise ToolError(
            f"{entry.name}: the compiled model has another input or other outputs than {source.file}; report"
            " it with both files"
        )
    made = model_file(compiled.output, device="edgetpu", picture=picture, outputs=outputs)
    return made.model_copy(update={"file": f"{entry.name}.edgetpu.tflite"})


def _added(
    folder: Path, entry: ModelEntry, source: ModelFile, compiled: Compiled, made: ModelFile
) -> Compiled:
    """Put a compiled file into the folder and the manifest; return where it and its model are now."""
    kept = tuple(file for file in entry.files if file.device == "cpu")
    files = {file.file: folder / file.file for file in kept} | {made.file: compiled.output}
    written = write_models(folder, entry.model_copy(update={"files": (*kept, made)}), files)
    (name,) = (file.file for file in written.files if file.device == "edgetpu")
    return replace(compiled, model=folder / source.file, output=folder / name)


def _spec(entry: ModelEntry, file: ModelFile) -> NetworkSpec:
    _, height, width, _ = file.input.shape
    outputs = tuple(Output(output.name, output.meaning, output.classes) for output in file.outputs)
    return NetworkSpec(
        entry.network, height, width, outputs, file.input.mean, file.input.std, input_name=file.input.name
    )
