"""Steps in bfloat16 learn as those in float32 do, and depthwise convolutions stay exact."""

import pytest
import torch
from torch import nn

from convert.train.dataset import Data, Stream
from convert.train.loop import advance
from convert.train.precision import arithmetic, keep_depthwise_exact
from convert.train.settings import Settings
from convert.train.state import Training
from convert.train.task import DepthTask, SegmentationTask, Task


def test_a_step_in_bfloat16_has_nearly_the_loss_of_one_in_float32(data: Data) -> None:
    losses = []
    for precision in ("float32", "bfloat16"):
        training = Training(Settings("resnet18", data.origins, 4, 2, 3, side=64, precision=precision))
        batch = Stream(data, training.network.spec, 2, 0).batch(0)
        losses.append(advance(training, SegmentationTask(torch.ones(7)), batch)["loss"])
    exact, rough = losses
    assert exact != rough
    assert rough == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize(
    ("network", "task"), [("midas-lite0", DepthTask()), ("resnet18", SegmentationTask(torch.ones(7)))]
)
def test_steps_in_bfloat16_lower_the_loss_of_weights_in_float32(network: str, task: Task, data: Data) -> None:
    training = Training(Settings(network, data.origins, 40, 2, 3, side=64, precision="bfloat16"))
    batch = Stream(data, training.network.spec, 2, 0).batch(0)
    losses = [advance(training, task, batch)["loss"] for _ in range(6)]
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.dtype == torch.float32 for parameter in training.network.parameters())


def test_only_depthwise_convolutions_stay_in_float32() -> None:
    depthwise, dense = nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 3)
    network = nn.Sequential(depthwise, dense)
    keep_depthwise_exact(network)
    features = torch.randn(1, 4, 9, 9)
    with arithmetic("bfloat16"):
        middle = depthwise(features)
        assert middle.dtype == torch.float32
        assert network(features).dtype == torch.bfloat16
    assert torch.equal(middle, nn.functional.conv2d(features, depthwise.weight, depthwise.bias, groups=4))
