"""The command: wrong input is one line, and nothing is written then."""

import json
import shutil
from pathlib import Path

import pytest

from appliance.inference.manifest import FILE_NAME
from convert.cli import main

MODELS = Path(__file__).parents[3] / "models"


def refused(capsys: pytest.CaptureFixture[str], *options: object) -> str:
    assert main(["fusion", *map(str, options)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("convert: ")]
    return line


def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no trays are named" in refused(capsys, "--models", tmp_path)
    assert f"has no {FILE_NAME}" in refused(capsys, "--models", tmp_path, "--synth", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not (MODELS / FILE_NAME).is_file(), reason="the project has no models")
def test_nothing_is_fitted_to_random_networks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    models = shutil.copytree(MODELS, tmp_path / "models", ignore=shutil.ignore_patterns("fusion.json"))
    manifest = json.loads((models / FILE_NAME).read_text())
    manifest["models"][0]["origin"]["weights_sha256"] = None
    (models / FILE_NAME).write_text(json.dumps(manifest))
    assert "has random weights" in refused(capsys, "--models", models, "--synth", tmp_path)
    assert not (models / "fusion.json").exists()
