"""The mean of two networks' weights: what training further taught, without forgetting what was known before.

Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022 (WiSE-FT): between the weights that a
training began with and those that it ended with lie some that do as well on its own data, and better on
others. They have to be of one line: weights of trainings that began apart have no meaningful mean.
"""

from pathlib import Path
from typing import Final

import torch
from torch import nn

from convert.errors import CheckpointError
from convert.networks.network import Network
from convert.networks.recognise import open_checkpoint
from convert.networks.state import read_record, save_checkpoint
from convert.train.dataset import Data, Stream, validation_batches
from convert.train.task import DepthTask, Figures, SegmentationTask, Task

SIDE_PX: Final = 256
"""The networks are trained at this."""

_BATCH: Final = 16
_BATCHES: Final = 16
"""To measure the statistics of BatchNorm on: those of two networks have no meaning for a third."""

_VALIDATED: Final = 100


def average_checkpoints(before: Path, after: Path, out: Path, data: Data) -> Figures:
    """Write the mean of two checkpoints' weights to `out`, and return its figures of validation.

    `after` is a training that began with `before`; its record goes on, with these figures. Raises
    `CheckpointError` where the two are not of one network, `ConvertError` where `out` cannot be written.
    """
    network = open_checkpoint(before, height=SIDE_PX, width=SIDE_PX)
    other = open_checkpoint(after, height=SIDE_PX, width=SIDE_PX)
    mix(network, other, f"{before} and {after}")
    measure_statistics(network, data)
    figures = _figures(network, data)
    record = read_record(after)
    if record is not None:
        begun = f"{record.begun_with}; of the weights before and after, the mean is taken"
        record = record.model_copy(update={"begun_with": begun, "validation": figures})
    save_checkpoint(network, out, record)
    return figures


def mix(network: Network, other: Network, where: str = "the networks") -> None:
    """Give `network` the mean of both networks' weights; raises `CheckpointError` if they are not alike."""
    ours, theirs = network.state_dict(), other.state_dict()
    alike = network.options == other.options and {name: value.shape for name, value in ours.items()} == {
        name: value.shape for name, value in theirs.items()
    }
    if not alike:
        raise CheckpointError(f"{where}: are of different networks; name a training and what it began with")
    network.load_state_dict(
        {
            name: torch.lerp(value, theirs[name], 0.5) if value.is_floating_point() else value
            for name, value in ours.items()
        }
    )


def measure_statistics(network: Network, data: Data) -> None:
    """Measure the means and variances of every BatchNorm anew, on augmented pictures to train on."""
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over all batches
        layer.train()
    stream = Stream(data, network.spec, _BATCH, seed=0)
    with torch.inference_mode():
        for step in range(_BATCHES):
            network(stream.batch(step).images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()


def _figures(network: Network, data: Data) -> Figures:
    task: Task = (
        DepthTask()
        if network.spec.outputs[0].meaning == "inverse_depth"
        else SegmentationTask(torch.ones(len(network.spec.outputs[0].classes)))
    )
    score = task.score()
    with torch.inference_mode():
        for batch in validation_batches(data, network.spec, _BATCH, _VALIDATED):
            score.add(network(batch.images), batch)
    return score.figures()
