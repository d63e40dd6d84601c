"""Calibrates a trained classifier: scores on set-ups it was not trained on, a temperature for each head."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor, nn

from convert.networks.recognise import open_checkpoint
from convert.networks.resnet import ResNetTray
from convert.networks.state import read_record, save_checkpoint
from convert.train.dataset import Batch, Data, validation_batches
from convert.train.rectify import UNSEEN
from convert.train.reliability import Reliability, reliability
from convert.train.temperature import fit_temperature, fold_temperature, negative_log_likelihood

SIDE_PX: Final = 256
"""Of the network's input, as in training."""

MOST_PICTURES: Final = 500

_BATCH: Final = 8
_APART_PX: Final = 4
"""Every fourth pixel in both directions: neighbours tell the same, and all together fill the memory."""


@dataclass(frozen=True, eq=False)
class Belief:
    """How far a head can be believed: `nll` in nats, and its reliability; lower and closer are better."""

    nll: float
    reliability: Reliability


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What was done to the head of an output."""

    output: str
    temperature: float
    before: Belief
    after: Belief

    def figures(self) -> dict[str, float]:
        """Return temperature, and nll and expected calibration error after it, by names with the output's."""
        return {
            f"{self.output}_temperature": self.temperature,
            f"{self.output}_nll": self.after.nll,
            f"{self.output}_calibration_error": self.after.reliability.expected_calibration_error(),
        }

    def told(self) -> str:
        """Return the figures in one line."""
        before, after = (
            (belief.nll, 100 * belief.reliability.expected_calibration_error())
            for belief in (self.before, self.after)
        )
        return (
            f"{self.output}: temperature {self.temperature:.3f}, negative log likelihood {before[0]:.4f} to"
            f" {after[0]:.4f}, calibration error {before[1]:.2f} to {after[1]:.2f} points"
        )


def calibrate_checkpoint(path: Path, out: Path, data: Data) -> tuple[Calibrated, ...]:
    """Write a ResNet's checkpoint `path` to `out`, calibrated; return what that did.

    The record of its training, if it has one, tells the figures beside those of validation. Raises
    `CheckpointError` where `path` is no ResNet with weights of its own, `ConvertError` where `out` cannot be
    written.
    """
    network = open_checkpoint(path, "resnet", height=SIDE_PX, width=SIDE_PX)
    record = read_record(path)
    done = calibrate(cast("ResNetTray", network), data)
    if record is not None:
        figures = {name: value for head in done for name, value in head.figures().items()}
        record = record.model_copy(update={"validation": record.validation | figures})
    save_checkpoint(network, out, record)
    return done


def calibrate(network: ResNetTray, data: Data) -> tuple[Calibrated, ...]:
    """Fit a temperature to every head of `network` and fold it in; return what that did.

    At most `MOST_PICTURES` to validate on are looked at. Pixels without a truth do not count.
    """
    scores: dict[str, list[Tensor]] = {name: [] for name in network.heads}
    truths: dict[str, list[Tensor]] = {name: [] for name in network.heads}
    with torch.inference_mode():
        for batch in validation_batches(data, network.spec, _BATCH, MOST_PICTURES):
            for name, output in zip(network.heads, network.eval()(batch.images), strict=True):
                found, truth = _pixels(output, batch) if output.ndim == 4 else (output, batch.quantity)
                scores[name].append(found)
                truths[name].append(truth)
    return tuple(
        _calibrated(name, layer, torch.cat(scores[name]), torch.cat(truths[name]))
        for name, layer in network.classifiers.items()
    )


def _calibrated(name: str, layer: nn.Conv2d | nn.Linear, scores: Tensor, classes: Tensor) -> Calibrated:
    temperature = fit_temperature(scores, classes)
    fold_temperature(layer, temperature)
    return Calibrated(name, temperature, _belief(scores, classes), _belief(scores / temperature, classes))


def _belief(scores: Tensor, classes: Tensor) -> Belief:
    confidence, best = scores.softmax(1).max(1)
    return Belief(
        negative_log_likelihood(scores, classes),
        reliability(confidence.numpy(), (best == classes).numpy()),
    )


def _pixels(scores: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return scores (N, C) and classes (N,) of pixels that have a truth."""
    begin = _APART_PX // 2
    classes = batch.classes[:, begin::_APART_PX, begin::_APART_PX]
    seen = classes != UNSEEN
    return scores[:, :, begin::_APART_PX, begin::_APART_PX].permute(0, 2, 3, 1)[seen], classes[seen]
