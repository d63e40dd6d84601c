"""Scores that say how sure they are: temperature scaling, folded into a network's last layers.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. A classifier's scores are
divided by one number, chosen on pictures it was not trained on. No decision changes, only its confidence.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDEST: Final = math.log(100)
"""Temperatures are looked for from a hundredth to a hundred."""

_HALVINGS: Final = 30


def negative_log_likelihood(scores: Tensor, classes: Tensor) -> float:
    """Return the mean of minus log probability of the true `classes` (N,) under scores (N, C), in nats."""
    return float(functional.cross_entropy(scores.double(), classes))


def fit_temperature(scores: Tensor, classes: Tensor) -> float:
    """Return the temperature by which scores (N, C) have the least negative log likelihood.

    `classes` (N,) int64, at least one. The likelihood is convex in the inverse temperature: its slope, the
    mean score by the probabilities minus that of the truth, is 0 at one place. Where every score is right, or
    worse than chance, that is at infinity, and the nearest limit is returned.
    """
    wide = scores.double()
    true_mean = wide.gather(1, classes[:, None]).mean()
    low, high = -_WIDEST, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = ((wide * math.exp(middle)).softmax(1) * wide).sum(1).mean()
        low, high = (low, middle) if expected > true_mean else (middle, high)
    return math.exp(-(low + high) / 2)


def fold_temperature(layer: nn.Conv2d | nn.Linear, temperature: float) -> None:
    """Divide what a layer gives by `temperature`, in its weights and biases."""
    with torch.no_grad():
        layer.weight.div_(temperature)
        if layer.bias is not None:
            layer.bias.div_(temperature)
