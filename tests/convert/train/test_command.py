"""`convert train` from the command line."""

from pathlib import Path

import pytest

from convert.cli import main

SMALL = ["--steps", "2", "--batch", "2", "--threads", "1"]


def test_a_training_stops_resumes_and_ends(
    trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "weights" / "resnet.pt"
    base = ["train", "resnet", "--data", str(trays), "--out", str(out), *SMALL]
    assert main([*base, "--minutes", "0.0001"]) == 0
    assert "stopped at step 0 (time is up)" in capsys.readouterr().out
    assert main(base) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*base, "--resume", "--seed", "1"]) == 1
    assert "seed 0 there and 1 here" in capsys.readouterr().err
    assert main([*base, "--resume"]) == 0
    assert "trained 2 steps: miou" in capsys.readouterr().out
    assert out.exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"--steps": "0"}, "--steps"),
        ({"--batch": "1"}, "--batch"),
        ({"--minutes": "-1"}, "--minutes"),
        ({"--encoder": "lite0"}, "resnet has resnet18, resnet50"),
        ({"--out": "resnet.onnx"}, "ends in .pt"),
        ({"--data": "absent"}, "no such folder"),
        ({"--out": "/dev/null/resnet.pt"}, "cannot be written"),
    ],
)
def test_mistakes_are_one_line(
    changed: dict[str, str],
    told: str,
    trays: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {"--data": str(trays), "--out": str(tmp_path / "resnet.pt")} | changed
    assert main(["train", "resnet", *(word for pair in options.items() for word in pair)]) == 1
    said = capsys.readouterr()
    assert told in said.err
    assert said.err.count("\n") == 1
    assert not said.out
    assert not list(tmp_path.iterdir())


def test_resuming_needs_a_training(trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "midas", "--data", str(trays), "--out", str(tmp_path / "m.pt"), "--resume"]) == 1
    assert "leave --resume out" in capsys.readouterr().err
