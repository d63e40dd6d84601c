"""`convert` as a maintainer starts it: what it refuses, it refuses in one line, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from convert.cli import COMMANDS, main
from convert.networks.build import midas
from tests.convert.tflite.models import small_model
from tests.publish.listener import eventually

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that has to refuse, and return its one line."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert (status, said.out) == (1, "")
        (line,) = said.err.strip().splitlines()
        assert line.startswith("convert: ")
        return line

    return run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "midas.pt"
    torch.save(midas("lite0").state_dict(), path)
    return path


def test_help_names_every_command() -> None:
    command = [sys.executable, "-m", "convert", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0
    assert set(COMMANDS) <= set(result.stdout.split())


@pytest.fixture
def no_nohup() -> Iterator[None]:
    """Let children end on SIGHUP, also where the tests themselves were started with `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("no_nohup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside_it_leaves_no_folder_and_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(f"#!/bin/sh\necho $$ > part\nmv part '{tmp_path}/started'\nexec sleep 100\n")
    compiler.chmod(0o755)
    (tmp_path / "model.tflite").write_bytes(small_model())
    out = tmp_path / "out"
    command = [sys.executable, "-m", "convert", "edgetpu", "model.tflite", "--out", str(out)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"EDGETPU_COMPILER": str(compiler)}, stderr=subprocess.DEVNULL
    ) as process:
        eventually((tmp_path / "started").exists, "the compiler's start")
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert not list(out.glob("*")) + list(out.glob(".*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "started").read_text()), 0)


def test_a_checkpoint_that_is_none_is_refused(refused: Refused, tmp_path: Path) -> None:
    out = tmp_path / "models"
    (tmp_path / "text.pt").write_text("not a checkpoint")
    assert "text.pt" in refused("midas", "--checkpoint", tmp_path / "text.pt", "--out", out)
    assert "absent.pt" in refused("resnet", "--checkpoint", tmp_path / "absent.pt", "--out", out)
    assert not out.exists()


def test_missing_and_extra_keys_are_counted_and_named(
    refused: Refused, checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    state.pop("scratch.output_conv.4.bias")
    state["surprise"] = torch.zeros(1)
    torch.save(state, tmp_path / "other.pt")
    line = refused("midas", "--checkpoint", tmp_path / "other.pt", "--out", tmp_path / "models")
    assert "1 keys missing (scratch.output_conv.4.bias)" in line
    assert "1 keys unexpected (surprise)" in line
    assert not (tmp_path / "models").exists()


def test_folders_without_pictures_are_refused_before_the_work(
    refused: Refused, checkpoint: Path, tmp_path: Path
) -> None:
    empty, out = tmp_path / "empty", tmp_path / "models"
    empty.mkdir()
    ordered = ("midas", "--checkpoint", checkpoint, "--out", out)
    assert str(empty) in refused(*ordered, "--calibration", empty)
    assert str(tmp_path / "none") in refused(*ordered, "--pictures", tmp_path / "none")
    (empty / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert "cut.jpg" in refused(*ordered, "--calibration", empty)
    assert not out.exists()


def test_an_unwritable_folder_is_refused(refused: Refused, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    line = refused("midas", "--checkpoint", checkpoint, "--out", tmp_path / "file" / "models")
    assert str(tmp_path / "file") in line


def test_models_that_are_cut_off_are_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3\x14\x00")
    for command in ("check", "cost"):
        assert "cut.tflite" in refused(command, tmp_path / "cut.tflite")
    (tmp_path / "cut.onnx").write_bytes(b"\x08\x06\x12")
    line = refused("parity", "--onnx", tmp_path / "cut.onnx", "--out", tmp_path / "report")
    assert "cut.onnx" in line
    assert not (tmp_path / "report").exists()
