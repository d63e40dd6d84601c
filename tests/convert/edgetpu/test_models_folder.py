"""A models folder gets its compiled files, and the manifest says so."""

import stat
import sys
from pathlib import Path

import pytest

from appliance.inference.manifest import ModelEntry, ModelFile, Origin, load_manifest
from appliance.inference.verify import verify_file
from convert.cli import main
from convert.manifest import model_file, write_models
from convert.tflite.run import tflite_signature
from tests.convert.tflite.models import Builder
from tests.convert.tflite.networks import SPEC, tiny

COMPILER = """#!{python}
import pathlib, sys
from tests.convert.edgetpu.test_models_folder import compiled, said
words = sys.argv[1:]
out = pathlib.Path(words[words.index("-o") + 1])
models = [pathlib.Path(word) for word in words if word.endswith(".tflite")]
for model in models:
    (out / (model.stem + "_edgetpu.tflite")).write_bytes(compiled(model.stem))
print(said(models))
"""


def compiled(stem: str) -> bytes:
    """What a compiler makes of `tiny`: its input and outputs around one operator; `strange` gets others."""
    b = Builder()
    shape = (1, SPEC.height, SPEC.width)
    image = b.tensor((*shape, 3), name="image", scales=(0.02,), zero_points=(-3,))
    scale = 0.05 if stem != "strange" else 0.5
    outputs = [
        b.tensor((*shape, channels), name=name, scales=(scale,), zero_points=(7,))
        for name, channels in (("inverse_depth", 1), ("segmentation", 2))
    ]
    b.operator("edgetpu-custom-op", (image,), outputs, custom=stem.encode() + b"\0" * 20)
    return b.pack([image], outputs)


def said(models: list[Path]) -> str:
    parts = [
        f"Input model: {model.name}\nInput size: 1.00KiB\nOutput model: {model.stem}_edgetpu.tflite\n"
        "Output size: 2.00KiB\nOn-chip memory used for caching model parameters: 1.00KiB\n"
        "On-chip memory remaining for caching model parameters: 7.00MiB\n"
        "Off-chip memory used for streaming uncached model parameters: 0.00B\n"
        "Number of Edge TPU subgraphs: 1\nTotal number of operations: 2\n"
        f"Operation log: {model.stem}_edgetpu.log\n\n"
        "Operator                       Count      Status\n\n"
        "CONV_2D                        2          Mapped to Edge TPU\n"
        for model in models
    ]
    head = "Edge TPU Compiler version 16.0.384591198\nModels compiled successfully in 5 ms.\n\n"
    return head + "\n".join(parts)


@pytest.fixture(autouse=True)
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "edgetpu_compiler"
    program.write_text(COMPILER.format(python=sys.executable))
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("EDGETPU_COMPILER", str(program))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def shelve(folder: Path, name: str) -> None:
    source = folder.parent / f"{name}.int8.tflite"
    source.write_bytes(tiny("int8") + name.encode())
    picture, outputs = tflite_signature(source, SPEC)
    file = model_file(source, device="cpu", picture=picture, outputs=outputs)
    origin = Origin(weights="a test's", trained=True, licence="Apache-2.0")
    write_models(
        folder, ModelEntry(name=name, network="tiny", origin=origin, files=(file,)), {file.file: source}
    )


def on(device: str, entry: ModelEntry) -> list[ModelFile]:
    return [file for file in entry.files if file.device == device]


def test_every_model_gets_its_compiled_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "models"
    shelve(folder, "midas")
    shelve(folder, "resnet")
    assert main(["edgetpu", "--models", str(folder)]) == 0
    printed = capsys.readouterr().out
    entries = load_manifest(folder / "manifest.json").models
    assert [entry.name for entry in entries] == ["midas", "resnet"]
    for entry in entries:
        (integer,), (edgetpu,) = on("cpu", entry), on("edgetpu", entry)
        assert verify_file(folder, edgetpu).read_bytes() == compiled(entry.name)
        verify_file(folder, integer)
        assert (edgetpu.input, edgetpu.outputs) == (integer.input, integer.outputs)
        assert f"wrote {folder / edgetpu.file}" in printed
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["edgetpu", "--models", str(folder)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_compiled_model_of_another_signature_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models"
    shelve(folder, "midas")
    shelve(folder, "strange")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["edgetpu", "--models", str(folder)]) == 1
    assert "strange: the compiled model has another input" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_a_failed_compiler_printed_is_kept_where_it_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models"
    shelve(folder, "midas")
    compiler = tmp_path / "edgetpu_compiler"
    works = compiler.read_text()
    compiler.write_text("#!/bin/sh\necho Internal compiler error. Aborting!\nexit 1\n")
    assert main(["edgetpu", "--models", str(folder)]) == 1
    failed = folder / "edgetpu_compiler.failed.log"
    assert str(failed) in capsys.readouterr().err
    assert failed.read_text() == "Internal compiler error. Aborting!\n"
    compiler.write_text(works)
    assert main(["edgetpu", "--models", str(folder)]) == 0
    assert not failed.exists()


@pytest.mark.parametrize(
    "arguments",
    [(), ("--models", "models", "--out", "out"), ("a.tflite",), ("--models", "models", "a.tflite")],
)
def test_half_an_order_is_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edgetpu", *arguments]) == 1
    assert "--models DIR alone" in capsys.readouterr().err


def test_a_folder_without_models_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edgetpu", "--models", str(tmp_path)]) == 1
    assert str(tmp_path / "manifest.json") in capsys.readouterr().err


def test_compiling_leaves_the_record_of_what_to_answer_as_true_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shelve(folder, "one")
    record = folder / "parity.npz"
    assert main(["self-test", "--models", str(folder)]) == 0
    before = record.read_bytes()
    assert main(["edgetpu", "--models", str(folder)]) == 0
    assert record.read_bytes() == before
    assert main(["self-test", "--models", str(folder)]) == 0
    assert record.read_bytes() == before
