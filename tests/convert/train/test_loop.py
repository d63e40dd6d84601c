"""Training lowers the loss, can be interrupted anywhere, and goes on as if it had not been."""

import json
import signal
from pathlib import Path

import pytest
import torch

from convert.errors import CheckpointError, ConvertError
from convert.networks.build import build, initialise, resnet
from convert.networks.recognise import open_checkpoint
from convert.networks.state import save_checkpoint
from convert.train.dataset import Data, Stream
from convert.train.log import log_path
from convert.train.loop import Pace, advance, train
from convert.train.settings import Settings, rate_at
from convert.train.state import Training, state_path
from convert.train.stop import Stop, stopping
from convert.train.task import DepthTask, SegmentationTask, Task, depth_target

NETWORKS = ("midas-lite0", "resnet18")
QUICK = Pace(validate_steps=2, log_steps=1, validated=2)


def settings(network: str, data: Data, **other: int) -> Settings:
    return Settings(network, data.origins, **{"steps": 4, "batch": 2, "seed": 3, "side": 64} | other)  # type: ignore[arg-type]


class After(Stop):
    """Stops before the batch of that number."""

    def __init__(self, batches: int) -> None:
        super().__init__(None)
        self._left = batches

    def __bool__(self) -> bool:
        self._left -= 1
        return self._left < 0


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("network", NETWORKS)
def test_steps_on_one_batch_lower_its_loss(network: str, data: Data) -> None:
    training = Training(settings(network, data, steps=40))
    batch = Stream(data, training.network.spec, 2, 0).batch(0)
    task: Task = DepthTask() if network.startswith("midas") else SegmentationTask(torch.ones(7))
    losses = [advance(training, task, batch)["loss"] for _ in range(8)]
    assert losses[-1] < 0.9 * losses[0]
    assert training.step == 8


@pytest.mark.parametrize("network", NETWORKS)
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    network: str, data: Data, tmp_path: Path
) -> None:
    whole = Training(settings(network, data))
    train(whole, data, tmp_path / "whole.pt", Stop(None), QUICK)

    out = tmp_path / "parts.pt"
    begun = Training(settings(network, data))
    train(begun, data, out, After(3), QUICK)
    assert begun.step == 3
    torch.rand(5)
    resumed = Training(settings(network, data))
    resumed.restore(state_path(out))
    assert resumed.step == 3
    train(resumed, data, out, Stop(None), QUICK)

    assert resumed.step == whole.step == 4
    for mine, theirs in ((resumed.network, whole.network), (resumed.averaged, whole.averaged)):
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(mine.state_dict()[key], value, rtol=1e-5, atol=1e-7, msg=key)
    events = [json.loads(line)["event"] for line in log_path(out).read_text().splitlines()]
    begun_events = ["began", "step", "step", "validation", "step", "validation"]
    assert events == [*begun_events, "resumed", "step", "validation"]


def test_the_best_weights_open_as_a_checkpoint(data: Data, tmp_path: Path) -> None:
    for network, family in zip(NETWORKS, ("midas", "resnet"), strict=True):
        out = tmp_path / f"{network}.pt"
        training = Training(settings(network, data, steps=2))
        figures = train(training, data, out, Stop(None), QUICK)
        opened = open_checkpoint(out, family, height=64, width=64)  # type: ignore[arg-type]
        assert opened.spec.name == network
        lines = [json.loads(line) for line in log_path(out).read_text().splitlines()]
        assert {key: lines[-1][key] for key in figures} == figures
        assert all(line["samples_per_s"] > 0 for line in lines if line["event"] == "step")


def test_other_settings_are_refused_in_one_line(data: Data, tmp_path: Path) -> None:
    state = tmp_path / "a.training.pt"
    Training(settings("resnet18", data)).save(state)
    with pytest.raises(ConvertError, match=r"other settings \(seed 3 there and 4 here\)"):
        Training(settings("resnet18", data, seed=4)).restore(state)
    with pytest.raises(ConvertError, match="network resnet18 there and midas-lite0 here"):
        Training(settings("midas-lite0", data)).restore(state)
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="damaged"):
        Training(settings("resnet18", data)).restore(state)


def test_an_odd_batch_of_pairs_is_refused_in_one_line(data: Data) -> None:
    with pytest.raises(ConvertError, match="--batch 3: pairs need an even number"):
        settings("midas-lite0", data, batch=3, pairs=True)


def test_depth_learns_from_pairs(data: Data) -> None:
    training = Training(settings("midas-lite0", data, pairs=True))
    batch = Stream(data, training.network.spec, 2, 0, pairs=True).batch(0)
    first = advance(training, DepthTask(pairs=True), batch)
    for _ in range(12):
        last = advance(training, DepthTask(pairs=True), batch)
    assert last["difference"] < first["difference"]


def test_a_loss_that_is_no_number_ends_the_training(data: Data) -> None:
    training = Training(settings("resnet18", data))
    batch = Stream(data, training.network.spec, 2, 0).batch(0)
    batch.images[0, 0, 0, 0] = float("nan")
    before = [parameter.clone() for parameter in training.network.parameters()]
    with pytest.raises(ConvertError, match="no number"):
        advance(training, SegmentationTask(torch.ones(7)), batch)
    assert all(torch.equal(*pair) for pair in zip(before, training.network.parameters(), strict=True))


def test_scores_of_perfect_answers(data: Data) -> None:
    batch = Stream(data, Training(settings("resnet18", data)).network.spec, 3, 0).batch(0)
    depth = DepthTask().score()
    depth.add((depth_target(batch.surface_mm)[:, None],), batch)
    assert depth.figures()["height_mae_mm"] == 0
    assert depth.figures()["invariant_error"] == 0
    off = DepthTask().score()
    off.add((depth_target(batch.surface_mm)[:, None] + 0.1,), batch)
    assert off.figures()["height_mae_mm"] == pytest.approx(5, abs=1e-4)
    assert off.figures()["height_bias_mm_clean"] == pytest.approx(5, abs=1e-4)
    assert off.figures()["invariant_error"] == pytest.approx(0, abs=1e-5)
    assert off.merit() < depth.merit()

    score = SegmentationTask(torch.ones(7)).score()
    known = torch.where(batch.classes < 7, batch.classes, 0)
    pixels = torch.nn.functional.one_hot(known, 7).permute(0, 3, 1, 2).float()
    score.add((pixels, torch.nn.functional.one_hot(batch.quantity, 5).float()), batch)
    assert score.figures()["miou"] == 1
    assert score.figures()["quantity_top1"] == 1
    assert score.figures()["quantity_mae"] == 0


def test_the_rate_warms_up_and_falls(data: Data) -> None:
    chosen = settings("resnet18", data, steps=100)
    rates = [rate_at(step, chosen) for step in range(100)]
    assert max(rates) == chosen.rate == rates[5]
    assert rates[:5] == sorted(rates[:5])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.02 * chosen.rate


def test_a_signal_asks_to_stop_once_the_step_is_done() -> None:
    with stopping(None) as stop:
        assert not stop
        signal.raise_signal(signal.SIGTERM)
        assert stop
        assert stop.why == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with stopping(0.0) as stop:
        assert stop
        assert stop.why == "time is up"


@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_begins_with_other_weights(network: str, data: Data, tmp_path: Path) -> None:
    trained = build(network, height=64, width=64)
    initialise(trained, 5)
    path = tmp_path / "earlier.pt"
    save_checkpoint(trained, path)
    training = Training(settings(network, data), begin_with=path)
    assert training.beginning == "all of earlier.pt"
    for weights in (training.network, training.averaged):
        ours = weights.state_dict()
        assert all(torch.equal(value, ours[key]) for key, value in trained.state_dict().items())
    assert {group["share"] for group in training.optimiser.param_groups} == {1.0}
    other = NETWORKS[1 - NETWORKS.index(network)]
    with pytest.raises(CheckpointError, match=r"earlier\.pt"):
        Training(settings(other, data), begin_with=path)


def test_a_classifiers_weights_become_a_slower_encoder(data: Data, tmp_path: Path) -> None:
    encoder = resnet(18, stages=4).encoder
    path = tmp_path / "resnet18.pth"
    state = encoder.state_dict() | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    torch.save(state, path)
    training = Training(settings("resnet18", data), begin_with=path)
    assert training.beginning == "encoder of resnet18.pth"
    assert torch.equal(training.network.backbone.state_dict()["conv1.weight"], state["conv1.weight"])
    assert {group["share"] for group in training.optimiser.param_groups} == {0.3, 1.0}
    training.save(tmp_path / "a.training.pt")
    resumed = Training(settings("resnet18", data))
    resumed.restore(tmp_path / "a.training.pt")
    assert {group["share"] for group in resumed.optimiser.param_groups} == {0.3, 1.0}
