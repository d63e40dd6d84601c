"""The mean of two trainings' weights is a network of its own, with statistics of its own."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from convert.cli import main
from convert.errors import CheckpointError
from convert.networks.build import build
from convert.networks.initialise import initialise
from convert.networks.recognise import open_checkpoint
from convert.networks.state import save_checkpoint
from convert.train import average
from convert.train.average import measure_statistics, mix
from convert.train.dataset import Data


@pytest.fixture(autouse=True)
def _few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(average, "_BATCHES", 1)
    monkeypatch.setattr(average, "_BATCH", 4)


def test_every_weight_is_the_mean() -> None:
    before, after = build("resnet18", height=64, width=64), build("resnet18", height=64, width=64)
    wanted = {
        name: (value + after.state_dict()[name]) / 2
        for name, value in before.state_dict().items()
        if value.is_floating_point()
    }
    mix(before, after)
    for name, value in wanted.items():
        assert torch.allclose(before.state_dict()[name], value, atol=1e-6)


def test_different_networks_have_no_mean() -> None:
    small, large = build("midas-lite0", height=64, width=64), build("midas-lite1", height=64, width=64)
    with pytest.raises(CheckpointError, match="are of different networks"):
        mix(small, large)


def test_statistics_are_those_of_the_pictures(data: Data) -> None:
    network = build("resnet18", height=64, width=64)
    off = copy.deepcopy(network)
    for layer in off.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.fill_(7.0)
    for one in (network, off):
        measure_statistics(one, data)
    first = next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    assert not network.training
    assert float(first.running_var.mean()) != pytest.approx(1.0)
    for name, value in network.state_dict().items():
        assert torch.equal(value, off.state_dict()[name])


@pytest.mark.parametrize("name", ["midas-lite0", "resnet18"])
def test_the_command_writes_a_checkpoint_that_opens(
    name: str, trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "before.pt", tmp_path / "after.pt"]
    for seed, path in enumerate(paths):
        network = build(name)
        initialise(network, seed)
        save_checkpoint(network, path)
    out = tmp_path / "mean.pt"
    assert main(["average", *map(str, paths), "--data", str(trays), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert open_checkpoint(out, height=256, width=256).spec.name == name


def test_wrong_input_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["average", "a.pt", "b.pt", "--data", str(tmp_path), "--out", "mean.onnx"]) != 0
    assert (
        capsys.readouterr().err == "convert: mean.onnx: the weights' file ends in .pt, as weights/midas.pt\n"
    )
