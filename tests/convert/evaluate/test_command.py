"""The command: wrong input is one line, and the whole of it runs."""

import json
from pathlib import Path

import pytest

from convert.cli import main
from convert.networks.build import midas, resnet
from convert.networks.state import save_checkpoint


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["evaluate", *options]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("convert: ")]
    return line


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    save_checkpoint(midas("lite0"), folder / "midas.pt")
    save_checkpoint(resnet(18), folder / "resnet.pt")
    return folder / "midas.pt", folder / "resnet.pt"


def test_wrong_input_is_one_line(
    capsys: pytest.CaptureFixture[str], trays: Path, tmp_path: Path, checkpoints: tuple[Path, Path]
) -> None:
    out = ("--out", str(tmp_path / "out"))
    synth = ("--synth", str(trays))
    assert "no trays are named" in refused(capsys, *out)
    assert "no such folder" in refused(capsys, "--synth", str(tmp_path / "none"), *out)
    assert "has no manifest.json" in refused(capsys, *synth, "--models", str(tmp_path), *out)
    assert "no networks give depth" in refused(capsys, *synth, "--float", str(checkpoints[1]), *out)
    assert "2 networks give segmentation" in refused(
        capsys, *synth, "--float", str(checkpoints[1]), str(checkpoints[1]), str(checkpoints[0]), *out
    )
    assert "no such file" in refused(capsys, *synth, "--float", str(tmp_path / "none.pt"), *out)
    assert "steel_tray" in refused(capsys, "--photographs", str(tmp_path), *out)
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(capsys, *synth, "--limit", "1", "--out", str(tmp_path / "file"))
    assert not (tmp_path / "out").exists()


def test_random_networks_are_judged_from_checkpoints(
    capsys: pytest.CaptureFixture[str], trays: Path, tmp_path: Path, checkpoints: tuple[Path, Path]
) -> None:
    files = [str(path) for path in checkpoints]
    options = ["--synth", str(trays), "--float", *files, "--limit", "1", "--out", str(tmp_path)]
    assert main(["evaluate", *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [network["file"] for network in said["runs"][0]["networks"]] == ["midas.pt", "resnet.pt"]
    assert said["sources"][0]["trays"] == 1
    assert json.loads((tmp_path / "report.json").read_text()) == said
