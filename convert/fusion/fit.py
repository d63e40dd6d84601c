"""Weights, a curve and a variance for each kind of dish, by which wells read best.

Mean absolute error is minimised by a quasi-Newton method, and the negative log likelihood of a normal
distribution for the variance. Both are held towards what needs no data: equal weights and no curve. With a
few hundred wells of each kind that is what keeps set-ups that were left out as good as those that were not.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from appliance.estimate.amount import DishKind
from appliance.estimate.fusion import ESTIMATORS
from appliance.estimate.learned_fusion import Curve, DishCoefficients, Spread, Weights, spread_terms
from convert.errors import ConvertError
from convert.fusion.wells import Numbers, Well, shares

_LEAST_WELLS: Final = 30
_HELD: Final = 1e-3
_SMOOTH: Final = 0.01
"""Errors below this count as squares, so that the sum has a slope everywhere."""

_STEPS: Final = 300
_LEAST_VARIANCE: Final = 0.01**2
_FLATTER: Final = 0.9
_DIGITS: Final = 4


def fit_kind(wells: Sequence[Well], share: Numbers) -> DishCoefficients:
    """Return the coefficients by which wells of one kind read best; `share` (N,) is how much each counts.

    Raises `ConvertError` for too few wells.
    """
    if len(wells) < _LEAST_WELLS:
        raise ConvertError(
            f"{len(wells)} wells of one kind of dish are too few to fit to, {_LEAST_WELLS} are needed; make"
            " more trays with convert synth"
        )
    read = np.array([well.read for well in wells])
    true = np.array([well.true for well in wells])
    weights, curve = _fit_mean(read, true, share / share.sum())
    leftover = np.clip(curve(read @ np.array(list(weights.by_name.values()))), 0, 1)
    terms = np.array(
        [
            spread_terms(well.estimates, weights.by_name, value)
            for well, value in zip(wells, leftover, strict=True)
        ]
    )
    spread = _fit_spread(terms, leftover - true, share / share.sum())
    return DishCoefficients(weights=weights, curve=curve, spread=spread)


def fit(wells: Sequence[Well]) -> tuple[DishCoefficients, DishCoefficients]:
    """Return the coefficients of solids and of liquids; raises `ConvertError` for too few wells."""
    share = shares(wells)

    def of(kind: DishKind) -> DishCoefficients:
        mine = [index for index, well in enumerate(wells) if well.kind == kind]
        return fit_kind([wells[index] for index in mine], share[mine])

    return of("solid"), of("liquid")


def _fit_mean(read: Numbers, true: Numbers, share: Numbers) -> tuple[Weights, Curve]:
    reads, truth, counts = (torch.tensor(values) for values in (read, true, share))
    scores, bends = (torch.zeros(size, dtype=torch.float64, requires_grad=True) for size in (3, 2))

    def loss() -> Tensor:
        mean = reads @ scores.softmax(0)
        bent = mean + mean * (1 - mean) * (bends[0] + bends[1] * (1 - 2 * mean))
        off = ((bent - truth).square() + _SMOOTH**2).sqrt()
        return (counts * off).sum() + _HELD * (scores.square().sum() + bends.square().sum())

    _minimise(loss, [scores, bends])
    weight = np.round(scores.detach().softmax(0).numpy(), _DIGITS)
    weight[weight.argmax()] += 1 - weight.sum()
    weights = Weights(**dict(zip(ESTIMATORS, np.round(weight, _DIGITS).tolist(), strict=True)))
    return weights, _rising(*bends.detach().tolist())


def _rising(bend: float, tilt: float) -> Curve:
    """Return the curve, flattened until it never falls."""
    while True:
        try:
            return Curve(bend=round(bend, _DIGITS), tilt=round(tilt, _DIGITS))
        except ValueError:
            bend, tilt = _FLATTER * bend, _FLATTER * tilt


def _fit_spread(terms: Numbers, off: Numbers, share: Numbers) -> Spread:
    parts, squares, counts = (torch.tensor(values) for values in (terms, off**2, share))
    roots = torch.full((4,), 0.2, dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        variance = parts @ roots.square() + _LEAST_VARIANCE
        return (counts * (variance.log() + squares / variance)).sum() / 2

    _minimise(loss, [roots])
    least, middle, apart, own = (round(value, 6) for value in roots.detach().square().tolist())
    return Spread(least=least + _LEAST_VARIANCE, middle=middle, apart=apart, own=own)


def _minimise(loss: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    search = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def step() -> float:
        search.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return float(value.detach())

    search.step(step)  # type: ignore[no-untyped-call]
