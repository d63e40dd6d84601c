"""Both networks from PyTorch to the models folder and the device's own checks, with the real converters."""

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from appliance.errors import ModelError
from appliance.inference.manifest import load_manifest
from appliance.inference.verify import verify_file, verify_signature
from convert.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SMALL = ("--size", "64x64", "--limit", "8", "4", "--random", "0")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain") / "models"
    for network in ("midas", "resnet"):
        assert main([network, *SMALL, "--out", str(folder)]) == 0
    return folder


def test_the_device_accepts_what_the_chain_made(models: Path) -> None:
    entries = load_manifest(models / "manifest.json").models
    assert [entry.name for entry in entries] == ["midas", "resnet"]
    for entry in entries:
        (file,) = entry.files
        interpreter = Interpreter(str(verify_file(models, file)))
        interpreter.allocate_tensors()
        verify_signature(file, interpreter.get_input_details(), interpreter.get_output_details())
        picture = np.zeros(file.input.shape, np.int8)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
        interpreter.invoke()


def test_a_changed_byte_is_refused(models: Path, tmp_path: Path) -> None:
    (entry, _) = load_manifest(models / "manifest.json").models
    (file,) = entry.files
    content = bytearray((models / file.file).read_bytes())
    content[-1] ^= 1
    (tmp_path / file.file).write_bytes(content)
    with pytest.raises(ModelError, match=file.file):
        verify_file(tmp_path, file)


@pytest.mark.parametrize("network", ["midas", "resnet"])
def test_every_operator_maps_and_nothing_is_transposed(
    network: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,) = (models / network).glob("*-int8.tflite")
    assert main(["check", str(model), "--json", "--require-int8"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cpu"] == 0
    assert found["mapped"] > 30
    assert "TRANSPOSE" not in {row["operator"] for row in found["operators"]}


@pytest.mark.parametrize("network", ["midas", "resnet"])
def test_the_stages_agree(network: str, models: Path) -> None:
    report = json.loads((models / network / "parity" / "report.json").read_text())
    assert [stage["name"] for stage in report["stages"]] == [
        "pytorch", "onnx", "savedmodel", "tflite float32", "tflite int8",
    ]  # fmt: skip
    assert all(gate["passed"] for gate in report["gates"] if "int8" not in gate["stage"])


def test_a_second_run_gives_the_same_bytes(models: Path, tmp_path: Path) -> None:
    for network in ("midas", "resnet"):
        assert main([network, *SMALL, "--out", str(tmp_path), "--device-only"]) == 0
    shipped = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(shipped) == 5
    assert shipped == {name: (models / name).read_bytes() for name in shipped}


def test_the_other_route_gives_the_same_network(tmp_path: Path) -> None:
    ordered = ("resnet", *SMALL, "--out", str(tmp_path))
    assert main([*ordered, "--route", "onnx-tf", "--io", "uint8"]) == 0
    (entry,) = load_manifest(tmp_path / "manifest.json").models
    assert entry.files[0].input.dtype == "uint8"
    assert entry.tools["onnx-tf"] == "1.10.0"
    report = json.loads((tmp_path / "resnet" / "parity" / "report.json").read_text())
    assert all(gate["passed"] for gate in report["gates"] if "int8" not in gate["stage"])
