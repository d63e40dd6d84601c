"""Calibrates a trained classifier by the set-ups to validate on: temperatures, and biases of classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor, nn

from convert.networks.recognise import open_checkpoint
from convert.networks.resnet import ResNetTray
from convert.networks.state import read_record, save_checkpoint
from convert.parity.metrics import confusion_matrix, mean_iou
from convert.train.dataset import Batch, Data, validation_batches
from convert.train.rectify import UNSEEN
from convert.train.reliability import Reliability, reliability
from convert.train.temperature import fit_bias, fit_temperature, fold, negative_log_likelihood

SIDE_PX: Final = 256
"""Of the network's input, as in training."""

MOST_PICTURES: Final = 500

_BATCH: Final = 8
_APART_PX: Final = 4
"""Every fourth pixel in both directions: neighbours tell the same, and all together fill the memory."""


@dataclass(frozen=True, eq=False)
class Belief:
    """How far a head can be believed: `nll` in nats, reliability, mean IoU of its classes and share right."""

    nll: float
    reliability: Reliability
    miou: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What was done to the head of an output: its scores / `temperature` + `bias` (C,)."""

    output: str
    temperature: float
    bias: Tensor
    before: Belief
    after: Belief

    def figures(self) -> dict[str, float]:
        """Return the temperature, and how far the head can now be believed, by names with the output's."""
        return {
            f"{self.output}_temperature": self.temperature,
            f"{self.output}_nll": self.after.nll,
            f"{self.output}_calibration_error": self.after.reliability.expected_calibration_error(),
            f"{self.output}_miou": self.after.miou,
            f"{self.output}_accuracy": self.after.accuracy,
        }

    def told(self) -> str:
        """Return what changed, in one line."""
        before, after = self.before, self.after
        errors = [100 * belief.reliability.expected_calibration_error() for belief in (before, after)]
        return (
            f"{self.output}: temperature {self.temperature:.3f}, calibration error {errors[0]:.2f} to"
            f" {errors[1]:.2f} points, negative log likelihood {before.nll:.4f} to {after.nll:.4f}, right"
            f" {before.accuracy:.2%} to {after.accuracy:.2%}, mean IoU {before.miou:.4f} to {after.miou:.4f}"
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
    """Fit every head of `network` to the pictures to validate on, fold it in, and return what that did.

    Segmentation gets a temperature and a bias per class, since it is trained with weighted classes; the
    quantity, of which there is one per picture, a temperature. At most `MOST_PICTURES` are looked at; pixels
    without a truth do not count.
    """
    scores: dict[str, list[Tensor]] = {name: [] for name in network.heads}
    truths: dict[str, list[Tensor]] = {name: [] for name in network.heads}
    with torch.inference_mode():
        for batch in validation_batches(data, network.spec, _BATCH, MOST_PICTURES):
            for name, output in zip(network.heads, network.eval()(batch.images), strict=True):
                found, truth = _pixels(output, batch) if output.ndim == 4 else (output, batch.quantity)
                scores[name].append(found)
                truths[name].append(truth)
    # Not of inference mode, for a gradient goes through them.
    return tuple(
        _calibrated(name, layer, torch.cat(scores[name]).clone(), torch.cat(truths[name]).clone())
        for name, layer in network.classifiers.items()
    )


def _calibrated(name: str, layer: nn.Conv2d | nn.Linear, scores: Tensor, classes: Tensor) -> Calibrated:
    temperature, bias = fit_temperature(scores, classes), torch.zeros(scores.shape[1])
    if name == "segmentation":
        temperature, bias = fit_bias(scores, classes, temperature)
    fold(layer, temperature, bias)
    before, after = _belief(scores, classes), _belief(scores / temperature + bias, classes)
    return Calibrated(name, temperature, bias, before, after)


def _belief(scores: Tensor, classes: Tensor) -> Belief:
    confidence, best = scores.softmax(1).max(1)
    right = best == classes
    truth = torch.eye(scores.shape[1])[classes]
    return Belief(
        negative_log_likelihood(scores, classes),
        reliability(confidence.numpy(), right.numpy()),
        mean_iou(confusion_matrix(scores.numpy(), truth.numpy())),
        float(right.double().mean()),
    )


def _pixels(scores: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return scores (N, C) and classes (N,) of pixels that have a truth."""
    begin = _APART_PX // 2
    classes = batch.classes[:, begin::_APART_PX, begin::_APART_PX]
    seen = classes != UNSEEN
    return scores[:, :, begin::_APART_PX, begin::_APART_PX].permute(0, 2, 3, 1)[seen], classes[seen]
