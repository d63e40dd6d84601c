"""`convert train` from the command line."""

from pathlib import Path

import pytest

from convert.card import model_card
from convert.cli import main
from convert.networks import imagenet
from convert.networks.state import read_record
from convert.train.log import log_path
from convert.train.stop import Stop
from tests.inference.entries import entry

TRAYS = """
count = 1000
seed = 8
size = "96x72"
"""
RECIPE = """
network = "midas-lite0"
trays = "trays.toml"
steps = 4
batch = 2
side = 64
threads = 1
[validation]
every_steps = 2
pictures = 2
"""


def test_a_training_stops_resumes_and_ends(
    trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "weights" / "resnet.pt"
    recipe = tmp_path / "resnet.toml"
    recipe.write_text('network = "resnet18"\nside = 64\nthreads = 1\n', encoding="utf-8")
    base = ["train", "resnet", "--config", str(recipe), "--data", str(trays), "--out", str(out)]
    base += ["--steps", "2", "--batch", "2"]
    assert main([*base, "--minutes", "0.0001"]) == 0
    assert "stopped at step 0 (time is up)" in capsys.readouterr().out
    assert main(base) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*base, "--resume", "--seed", "1"]) == 1
    assert "seed 0 there and 1 here" in capsys.readouterr().err
    assert main([*base, "--resume"]) == 0
    assert "trained 2 steps: miou" in capsys.readouterr().out
    assert out.exists()


def test_a_recipe_is_trained_interrupted_resumed_and_told_by_the_card(
    trays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trays.toml").write_text(TRAYS, encoding="utf-8")
    recipe = tmp_path / "midas.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    out = tmp_path / "weights" / "midas.pt"
    train = ["train", "midas", "--config", str(recipe), "--data", str(trays), "--out", str(out)]
    asked = iter((False, False, False))
    with monkeypatch.context() as patched:
        patched.setattr(Stop, "__bool__", lambda _: next(asked, True))
        assert main(train) == 0
    assert "stopped at step 3 (time is up)" in capsys.readouterr().out
    assert main([*train, "--resume", "--steps", "5"]) == 1
    assert "steps 4 there and 5 here" in capsys.readouterr().err
    assert main([*train, "--resume"]) == 0
    assert "trained 4 steps: invariant_error" in capsys.readouterr().out

    record = read_record(out)
    assert record is not None
    assert (record.settings["side"], record.settings["batch"]) == (64, 2)
    assert log_path(out).with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    card = model_card(entry(network="midas-lite0", training=record))
    assert f"after step {record.step} of 4" in card
    assert "seed 8, 96x72" in card


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"--steps": "0"}, "--steps"),
        ({"--batch": "1"}, "--batch"),
        ({"--minutes": "-1"}, "--minutes"),
        ({"--encoder": "lite0"}, "resnet has resnet18, resnet50"),
        ({"--out": "resnet.onnx"}, "ends in .pt"),
        ({"--config": "absent.toml"}, "absent.toml: does not exist"),
        ({"--begin-with": "absent.pt"}, "absent.pt: no such file"),
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


def test_a_recipe_may_insist_on_imagenet_weights(
    trays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(imagenet.PACKAGES, "midas-lite0", "absent-model")
    recipe = tmp_path / "midas.toml"
    recipe.write_text('network = "midas-lite0"\nimagenet = true\n', encoding="utf-8")
    train = ["train", "midas", "--config", str(recipe), "--data", str(trays)]
    assert main([*train, "--out", str(tmp_path / "midas.pt")]) == 1
    said = capsys.readouterr().err
    assert "imagenet is true, but the encoder's is random" in said
    assert "pip install absent-model" in said
    assert said.count("\n") == 1


def test_resuming_needs_a_training(trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "midas", "--data", str(trays), "--out", str(tmp_path / "m.pt"), "--resume"]) == 1
    assert "leave --resume out" in capsys.readouterr().err
