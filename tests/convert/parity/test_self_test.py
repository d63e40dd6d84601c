"""What the device has to answer, recorded: the same bytes each time, and nothing where it would mislead."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from appliance.inference import agreement
from appliance.inference.manifest import ModelFile, load_manifest
from appliance.inference.parity import FILE_NAME, STEP_PX, parity_of
from appliance.inference.selection import select
from convert.cli import main
from convert.manifest import model_file
from convert.parity.self_test import known_picture
from convert.tflite.run import tflite_signature
from tests.convert.tflite.networks import SPEC, tiny
from tests.inference.entries import entry, write_manifest

MODELS = Path(__file__).resolve().parents[3] / "models"
LARGEST_KB = 300


def tiny_model(folder: Path, dtype: str) -> ModelFile:
    path = folder / f"tiny-{dtype}.tflite"
    path.write_bytes(tiny(dtype))
    picture, outputs = tflite_signature(path, SPEC)
    return model_file(path, device="cpu", picture=picture, outputs=outputs)


def refused(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    assert main(["self-test", "--models", str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("convert: ")]
    return line


def test_the_same_models_give_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "models", ignore=shutil.ignore_patterns(FILE_NAME))
    records = []
    for _ in range(2):
        assert main(["self-test", "--models", str(folder), "--json"]) == 0
        records.append((folder / FILE_NAME).read_bytes())
        told = json.loads(capsys.readouterr().out)
    assert records[0] == records[1]
    assert len(records[0]) == told["size_bytes"] < 1000 * LARGEST_KB
    names = {file.file for model in load_manifest(folder / "manifest.json").models for file in model.files}
    assert set(told["other_kernels"]) == names
    parity_of(folder, select(folder))


def test_the_shipped_record_is_of_the_shipped_models() -> None:
    record = parity_of(MODELS, select(MODELS))
    (scores, _), (depth,) = record.answers["segmentation"], record.answers["depth"]
    assert set(np.unique(scores.argmax(-1))) == set(range(7)), "a class that is never right is never wrong"
    assert np.ptp(depth.astype(int)) > 50


def test_files_of_every_type_are_recorded_and_those_of_before_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tuple(tiny_model(tmp_path, dtype) for dtype in ("float32", "int8"))
    write_manifest(tmp_path, *(entry(name=file.input.dtype, files=(file,)) for file in files))
    np.savez(tmp_path / FILE_NAME, stale=np.zeros(3))
    assert main(["self-test", "--models", str(tmp_path)]) == 0
    assert "tiny-int8.tflite: other kernels: " in capsys.readouterr().out
    with np.load(tmp_path / FILE_NAME, allow_pickle=False) as arrays:
        shapes = {name: (arrays[name].shape, arrays[name].dtype.name) for name in arrays}
    height, width = SPEC.height // STEP_PX, SPEC.width // STEP_PX
    assert shapes == {
        f"picture-{SPEC.height}x{SPEC.width}": ((height, width, 3), "uint8"),
        **{
            f"{file.sha256}-{output.meaning}": ((height, width, output.shape[-1]), output.dtype)
            for file in files
            for output in file.outputs
        },
    }


def test_what_other_kernels_answer_too_differently_is_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "models")
    before = (folder / FILE_NAME).read_bytes()
    monkeypatch.setitem(agreement.MOST_RAW_DIFFERENCE, "inverse_depth", 0.001)  # type: ignore[arg-type]
    line = refused(capsys, folder)
    assert "other kernels of the runtime alone answer otherwise: midas" in line
    assert (folder / FILE_NAME).read_bytes() == before


def test_wrong_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "manifest.json: missing" in refused(capsys, tmp_path)
    write_manifest(tmp_path)
    assert "no model has a file for the CPU" in refused(capsys, tmp_path)
    write_manifest(tmp_path, entry(files=(tiny_model(tmp_path, "int8"),)))
    (tmp_path / "tiny-int8.tflite").write_bytes(b"other")
    assert "tiny-int8.tflite: has 5 bytes" in refused(capsys, tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("size", [(256, 256), (8, 8), (48, 64)])
def test_the_known_picture_has_every_shade(size: tuple[int, int]) -> None:
    picture = known_picture(size)
    assert (picture.shape, picture.dtype) == ((*size, 3), np.uint8)
    assert np.array_equal(picture, known_picture(size))
    assert np.ptp(picture) > 150
