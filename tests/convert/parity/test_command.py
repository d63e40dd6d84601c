"""`convert parity` as people run it: files of small networks, and everything that can be wrong with them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from convert.cli import main
from convert.export import export_onnx
from convert.networks.build import build
from convert.networks.initialise import initialise
from convert.parity.result import ParityResult
from convert.parity.spec_of_file import spec_of_onnx, spec_of_tflite
from tests.convert.tflite.models import Builder
from tests.convert.tflite.networks import CLASSES, DEPTH, SPEC, tiny

SIZE = replace(SPEC, height=32, width=48)


@pytest.fixture(scope="module")
def midas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of a small MiDaS and its ONNX file."""
    folder = tmp_path_factory.mktemp("midas")
    network = build("midas-lite0", height=64, width=64)
    initialise(network, 0)
    torch.save(network.state_dict(), folder / "midas.pt")
    export_onnx(network, folder / "midas.onnx")
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a float32 and an int8 file of a tiny network."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny-float32.tflite").write_bytes(tiny(spec=SIZE))
    (folder / "tiny-int8.tflite").write_bytes(tiny("int8", spec=SIZE))
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
        picture = cv2.resize(coarse, (96, 80), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.fixture
def desk(models: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the models and the photos in it."""
    assert models.parent == photos.parent
    monkeypatch.chdir(models.parent)
    return models.parent


def parity(*words: str | Path) -> int:
    return main(["parity", *map(str, words)])


def line_of(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on standard error that says why the command failed."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("convert: ")]
    assert len(lines) == 1
    return lines[0]


def test_a_checkpoint_and_its_onnx_file_agree(
    midas: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("--checkpoint", midas / "midas.pt", "--onnx", midas / "midas.onnx", "--pictures", photos)
    assert parity(*words, "--network", "midas-lite0", "--out", out, "--json") == 0
    printed = ParityResult.model_validate_json(capsys.readouterr().out)
    assert printed == ParityResult.model_validate_json((out / "report.json").read_bytes())
    assert [stage.name for stage in printed.stages] == ["pytorch", "onnx"]
    assert printed.network == "midas-lite0"
    assert printed.input_px == (64, 64)
    assert printed.pictures == ("0.png", "1.png", "2.png")
    assert printed.passed
    assert printed.figures("onnx")["aligned_error_worst"] < 1e-3


def test_two_tflite_files_tell_all_by_themselves(
    models: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "--tflite",
        models / "tiny-int8.tflite",
        models / "tiny-float32.tflite",
        "--out",
        tmp_path / "out",
    )
    assert parity(*words, "--pictures", photos / "0.png", photos / "2.png") == 0
    text = capsys.readouterr().out
    assert "tflite int8 against tflite float32, inverse_depth: aligned_error" in text
    assert "2 pictures (from 0.png, 2.png)" in text
    assert str(tmp_path / "out" / "report.md") in text
    result = ParityResult.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert result.network == "tiny"
    assert result.reference == "tflite float32"


def test_a_folder_of_models_and_simulated_trays(models: Path, tmp_path: Path) -> None:
    assert parity("--models", models, "--limit", "2", "--out", tmp_path / "out") == 0
    result = ParityResult.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert result.pictures == ("simulated 1", "simulated 2")
    assert "simulated" in result.picture_origin


def test_several_files_of_a_kind_are_told_apart(models: Path, photos: Path, tmp_path: Path) -> None:
    (models / "other.tflite").write_bytes(tiny("uint8", spec=SIZE))
    parity("--models", models, "--pictures", photos, "--out", tmp_path / "out")
    result = ParityResult.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert [s.name for s in result.stages] == ["tflite float32", "tflite int8 other", "tflite int8 tiny-int8"]


def test_a_failed_gate_is_status_1_and_the_report_is_there(
    models: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text("[inverse_depth.int8]\naligned_error.mean = 0.0\n")
    words = ("--models", models, "--pictures", photos, "--gates", gates)
    assert parity(*words, "--out", tmp_path / "out") == 1
    assert "aligned_error (mean)" in line_of(capsys)
    assert not json.loads((tmp_path / "out" / "report.json").read_bytes())["passed"]


def test_a_compiled_file_in_the_folder_is_left_out_where_there_is_no_device(
    models: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = Builder()
    image = b.tensor((1, 32, 48, 3), name="image")
    outputs = (b.tensor((1, 32, 48, 2), name=CLASSES.name), b.tensor((1, 32, 48, 1), name=DEPTH.name))
    b.operator("edgetpu-custom-op", (image,), outputs[:1])
    b.operator("edgetpu-custom-op", (image,), outputs[1:])
    compiled = models / "tiny-int8_edgetpu.tflite"
    compiled.write_bytes(b.pack([image], list(outputs)))
    words = ("--models", models, "--pictures", photos, "--out", tmp_path / "out")
    assert parity(*words) == 0
    assert "left out: " in capsys.readouterr().err
    assert parity(*words, "--edgetpu", compiled) == 1
    assert "compiled for the Edge TPU" in line_of(capsys)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "out"), "no file tells"),
        (("--out", "out", "--network", "resnet18"), "no stage is given"),
        (("--out", "out", "--tflite", "models/tiny-int8.tflite"), "only tflite int8 is given"),
        (("--out", "out", "--models", "none"), "cannot be read"),
        (("--out", "out", "--models", "photos"), "holds no .onnx"),
        (("--out", "out", "--models", "."), "did you mean models"),
        (("--out", "out", "--models", "models", "--onnx", "none.onnx"), "no such file"),
        (("--out", "out", "--models", "models", "--onnx", "photos/0.png"), "no ONNX file"),
        (("--out", "out", "--tflite", "models/tiny-int8.tflite", "photos/0.png"), "photos/0.png"),
        (("--out", "out", "--models", "models", "--saved-model", "photos"), "no SavedModel"),
        (("--out", "out", "--models", "models", "--checkpoint", "photos/0.png"), "photos/0.png"),
        (("--out", "out", "--models", "models", "--network", "midas"), "no such network"),
        (("--out", "out", "--models", "models", "--network", "midas-lite0"), "32"),
        (("--out", "out", "--models", "models", "--edgetpu", "models/tiny-int8.tflite"), "not compiled"),
        (("--out", "out", "--models", "models", "--pictures", "models"), "no pictures"),
        (("--out", "out", "--models", "models", "--pictures", "none.jpg"), "none.jpg"),
        (("--out", "out", "--models", "models", "--gates", "none.toml"), "none.toml"),
        (("--out", "photos/0.png/out", "--models", "models"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_one_clear_line_and_nothing_is_written(
    words: tuple[str, ...], says: str, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parity(*words, "--limit", "1") == 1
    assert says in line_of(capsys)
    assert not (desk / "out").exists()


def test_a_folder_with_a_manifest_leads_to_its_networks(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk / "manifest.json").touch()
    (desk / "tiny.int8.tflite").touch()
    assert parity("--models", desk, "--limit", "1", "--out", "out") == 0
    (desk / "more").mkdir()
    (desk / "more" / "other.tflite").touch()
    capsys.readouterr()
    assert parity("--models", desk, "--limit", "1", "--out", "new") == 1
    assert f"{desk / 'models'} or {desk / 'more'}" in line_of(capsys)


def test_files_of_different_sizes_are_refused(
    models: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "large.tflite").write_bytes(tiny(spec=replace(SPEC, height=64, width=48)))
    assert parity("--models", models, "--pictures", photos, "--out", tmp_path / "out") == 1
    assert "1x32x48x3" in line_of(capsys)


def test_a_checkpoint_of_another_network_is_named(
    midas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--checkpoint", midas / "midas.pt", "--onnx", midas / "midas.onnx", "--network", "midas-lite3")
    assert parity(*words, "--out", tmp_path / "out") == 1
    assert "is of midas-lite0, not of midas-lite3" in line_of(capsys)


def test_the_interface_is_told_from_files(midas: Path, models: Path) -> None:
    onnx = spec_of_onnx(midas / "midas.onnx")
    assert replace(onnx, name="midas-lite0") == build("midas-lite0", height=64, width=64).spec
    assert onnx.name == "midas"
    tflite = spec_of_tflite(models / "tiny-int8.tflite")
    assert (tflite.height, tflite.width, tflite.name) == (32, 48, "tiny")
    assert {(o.name, o.meaning, len(o.classes)) for o in tflite.outputs} == {
        ("segmentation", "segmentation", 2),
        ("inverse_depth", "inverse_depth", 0),
    }


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.97, 0.9999])
def test_an_onnx_file_that_is_cut_off_is_one_line(
    kept: float, midas: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (midas / "midas.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: int(kept * len(whole))])
    words = ("--onnx", tmp_path / "cut.onnx", "--models", models, "--out", tmp_path / "out")
    assert parity(*words) == 1
    assert "cut.onnx: " in line_of(capsys)
    assert not (tmp_path / "out").exists()


def test_two_tflite_files_need_no_torch(models: Path, photos: Path, tmp_path: Path) -> None:
    """A maintainer compares two .tflite files where only LiteRT is installed."""
    program = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; from convert.cli import main;"
        " sys.exit(main(sys.argv[1:]))"
    )
    words = ("parity", "--models", models, "--pictures", photos, "--out", tmp_path / "out")
    subprocess.run([sys.executable, "-c", program, *map(str, words)], check=True, capture_output=True)
