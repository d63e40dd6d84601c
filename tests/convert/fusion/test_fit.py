"""Wells whose best weights, curve and variance are known give them back."""

from collections.abc import Callable

import numpy as np
import pytest

from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS
from convert.errors import ConvertError
from convert.fusion.fit import fit, fit_kind
from convert.fusion.validate import fitted_on, learn
from convert.fusion.wells import Well, shares

SIGMA = (0.05, 0.2, 0.2)
SHA256 = {"midas": "a" * 64}


def wells(
    seed: int,
    count: int = 300,
    *,
    source: str = "synthetic",
    kind: DishKind = "solid",
    seen: Callable[[float], float] = lambda true: true,
) -> list[Well]:
    """Wells that each estimator reads as `seen` makes of the truth, with an error of its own."""
    random = np.random.default_rng(seed)
    found = []
    for index in range(count):
        true = float(random.uniform(0.05, 0.95))
        read = np.clip(seen(true) + random.normal(0, SIGMA), 0, 1)
        estimates = {name: Estimate(float(x), 0.1, 0.9) for name, x in zip(ESTIMATORS, read, strict=True)}
        found.append(Well(source, f"set-up-{index % 5}", kind, true, estimates))
    return found


def equally(of: list[Well]) -> np.ndarray:
    return np.full(len(of), 1 / len(of))


def test_the_estimator_that_errs_least_counts_most() -> None:
    few = wells(1)
    fitted = fit_kind(few, equally(few))
    weights = fitted.weights
    assert weights.back_projection > 0.75
    assert weights.depth == pytest.approx(weights.segmentation, abs=0.08)
    assert abs(fitted.curve.bend) < 0.15


def test_what_all_read_too_high_is_bent_down() -> None:
    high = wells(2, seen=lambda true: true + 0.8 * true * (1 - true))
    fitted = fit_kind(high, equally(high))
    at_half = float(fitted.curve(np.array(0.7)))
    assert at_half == pytest.approx(0.5, abs=0.05)


def test_the_uncertainty_covers_what_it_should() -> None:
    fusion = learn([*wells(3), *wells(4, kind="liquid")], SHA256)
    fresh = wells(5)
    joined = [fusion.join(well.estimates, well.kind).estimate for well in fresh]
    off = np.abs([one.leftover - well.true for one, well in zip(joined, fresh, strict=True)])
    sigma = np.array([one.uncertainty for one in joined])
    assert (off <= sigma).mean() == pytest.approx(0.68, abs=0.1)
    assert (off <= 2 * sigma).mean() == pytest.approx(0.95, abs=0.05)


def test_kinds_are_fitted_apart() -> None:
    solid, liquid = fit(
        [*wells(6), *wells(7, kind="liquid", seen=lambda true: true + 0.8 * true * (1 - true))]
    )
    assert liquid.curve.bend < solid.curve.bend - 0.2


def test_figures_are_of_set_ups_that_were_left_out() -> None:
    all_wells = [*wells(8), *wells(9, kind="liquid"), *wells(10, 60, source="rendered")]
    synthetic, rendered = fitted_on(all_wells, SHA256)
    assert (synthetic.source, synthetic.wells, len(synthetic.set_ups)) == ("synthetic", 600, 5)
    assert (rendered.source, rendered.wells) == ("rendered", 60)
    # The study's rule gives an estimator that errs four times as much nearly as much weight.
    assert synthetic.cross_validated < synthetic.study
    assert 0.5 < synthetic.within_1_sigma < synthetic.within_2_sigma <= 1


def test_renderers_count_alike_and_so_do_their_wells() -> None:
    share = shares(
        [
            *wells(0, 3, source="synthetic, validation"),
            *wells(0, 1, source="synthetic, trained on"),
            *wells(0, 2, source="rendered"),
        ]
    )
    assert share == pytest.approx([1 / 8] * 4 + [1 / 4] * 2)


def test_too_few_wells_are_told() -> None:
    with pytest.raises(ConvertError, match="5 wells of one kind of dish are too few"):
        fit([*wells(0, 40), *wells(0, 5, kind="liquid")])
