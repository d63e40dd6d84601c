"""Calibrating a network's heads, and `convert confidence`."""

import json
from pathlib import Path

import pytest
import torch

from appliance.inference.record import Stretch, TrainingRecord
from convert.cli import main
from convert.networks.build import midas, resnet
from convert.networks.initialise import initialise
from convert.networks.recognise import open_checkpoint
from convert.networks.resnet import ResNetTray
from convert.networks.state import read_record, save_checkpoint
from convert.train.confidence import calibrate
from convert.train.dataset import Data, validation_batches

RECORD = TrainingRecord(
    step=1,
    settings={},
    data=("a",),
    begun_with="random",
    stretches=(Stretch(step=0, pictures=1, validation_pictures=1),),
    validation={"miou": 0.5},
)


@pytest.fixture
def network() -> ResNetTray:
    network = resnet(18, height=64, width=64)
    initialise(network, 1)
    return network


def test_every_head_gives_calibrated_scores_and_is_believed_more(network: ResNetTray, data: Data) -> None:
    (batch,) = validation_batches(data, network.spec, 8, 8)
    with torch.no_grad():
        before = network(batch.images)
        done = calibrate(network, data)
        after = network(batch.images)
    assert [head.output for head in done] == ["segmentation", "quantity"]
    for head, old, new in zip(done, before, after, strict=True):
        bias = head.bias if old.ndim == 2 else head.bias[:, None, None]
        assert torch.allclose(new, old / head.temperature + bias, atol=1e-3)
        assert head.after.nll < head.before.nll
    assert done[0].bias.abs().max() > 0.1
    assert not done[1].bias.any()


def test_what_is_calibrated_stays(network: ResNetTray, data: Data) -> None:
    segmentation, quantity = calibrate(network, data)
    again = calibrate(network, data)
    assert again[0].after.nll == pytest.approx(segmentation.after.nll, abs=0.01)
    assert again[1].temperature == pytest.approx(1, rel=1e-3)
    assert quantity.after.nll == pytest.approx(again[1].after.nll, abs=1e-6)


def test_pixels_that_the_picture_does_not_reach_do_not_count(
    network: ResNetTray, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = calibrate(network, data)[0].before.reliability.count.sum()
    assert whole <= 2 * (64 / 4) ** 2
    monkeypatch.setattr("convert.train.confidence.UNSEEN", 1)
    assert calibrate(network, data)[0].before.reliability.count.sum() < 0.7 * whole


def test_the_command_writes_calibrated_weights_that_tell_so(
    trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = resnet(18)
    initialise(network, 1)
    path, out = tmp_path / "resnet.pt", tmp_path / "calibrated.pt"
    save_checkpoint(network, path, RECORD)
    assert main(["confidence", str(path), "--data", str(trays), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    calibrated = open_checkpoint(out, "resnet", height=64, width=64)
    bias = calibrated.state_dict()["heads.quantity.fc.weight"]
    wanted = network.state_dict()["heads.quantity.fc.weight"] / told["quantity_temperature"]
    assert torch.allclose(bias, wanted, atol=1e-5)
    record = read_record(out)
    assert record is not None
    assert record.validation == {"miou": 0.5} | told


def test_a_depth_network_has_no_confidence(
    trays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "midas.pt", tmp_path / "calibrated.pt"
    save_checkpoint(midas("lite0"), path)
    assert main(["confidence", str(path), "--data", str(trays), "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()
