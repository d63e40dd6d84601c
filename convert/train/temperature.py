"""Scores that say how sure they are: temperature scaling, folded into a network's last layers.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. A classifier's scores are
divided by one number, chosen on pictures it was not trained on: no decision changes, only its confidence.
With a bias per class as well, decisions do change.
"""

import math
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDEST: Final = math.log(100)
"""Temperatures are looked for from a hundredth to a hundred."""

_HALVINGS: Final = 30
_SEARCH_STEPS: Final = 60
_HELD: Final = 1e-3


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


def fit_bias(scores: Tensor, classes: Tensor, temperature: float) -> tuple[float, Tensor]:
    """Return temperature and biases (C,) by which scores (N, C) have the least negative log likelihood.

    Calibrated scores are scores / temperature + bias: bias-corrected temperature scaling (Alexandari et al.,
    ICML 2020). A loss that weighs classes teaches a network that the heavy ones are frequent; the biases take
    that back. `temperature` is where the search begins. The biases are held a little, so that a class that
    happens not to be there is not ruled out.
    """
    wide = scores.double()
    coldness = torch.tensor(-math.log(temperature), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(scores.shape[1], dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([coldness, bias], max_iter=_SEARCH_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        found = functional.cross_entropy(wide * coldness.exp() + bias, classes) + _HELD * bias.square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    search.step(loss)  # type: ignore[no-untyped-call]
    return math.exp(-float(coldness.detach())), bias.detach().float()


def fold(layer: nn.Conv2d | nn.Linear, temperature: float, bias: Tensor) -> None:
    """Let a layer with a bias of its own give what it gave, / `temperature` + `bias` (C,)."""
    with torch.no_grad():
        layer.weight.div_(temperature)
        cast("Tensor", layer.bias).div_(temperature).add_(bias)
