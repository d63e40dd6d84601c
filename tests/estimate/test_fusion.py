from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS, fuse, study_weights
from appliance.estimate.fusion_rule import by_study

subsets = st.sampled_from(
    [frozenset(c) for c in chain.from_iterable(combinations(ESTIMATORS, n) for n in (1, 2, 3))]
)
shares = st.floats(0, 1)
estimates = st.builds(
    Estimate,
    leftover=shares,
    uncertainty=st.floats(0, 0.5),
    confidence=shares,
    flags=st.sampled_from([(), ("cut",)]),
)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (None, (0.4, 0.4, 0.2)),
        (0.5, (0.4, 0.4, 0.2)),
        (0.3, (0.4, 0.4, 0.2)),
        (0.8, (0.4, 0.4, 0.2)),
        (0.81, (0.5, 0.4, 0.1)),
        (0.29, (0.6, 0.3, 0.1)),
    ],
)
def test_the_studys_rule(confidence: float | None, expected: tuple[float, ...]) -> None:
    weights = study_weights(frozenset(ESTIMATORS), confidence)
    assert tuple(weights[name] for name in ESTIMATORS) == pytest.approx(expected)


def test_a_missing_estimators_weight_is_shared_out_in_proportion() -> None:
    assert study_weights({"back_projection", "segmentation"}, 0.5) == pytest.approx(
        {"back_projection": 2 / 3, "segmentation": 1 / 3}
    )
    assert study_weights({"back_projection"}, None) == {"back_projection": 1.0}


@given(subsets, st.none() | shares)
def test_weights_sum_to_one(available: frozenset[str], confidence: float | None) -> None:
    weights = study_weights(available, confidence)
    assert set(weights) == available
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) > 0


@pytest.mark.parametrize(
    ("available", "confidence"),
    [(frozenset(), None), ({"lidar"}, None), ({"depth"}, 1.2), ({"depth"}, float("nan"))],
)
def test_nonsense_is_refused(available: frozenset[str], confidence: float | None) -> None:
    with pytest.raises(ValueError, match=r"estimators must be|confidence lies"):
        study_weights(available, confidence)


@given(st.dictionaries(st.sampled_from(ESTIMATORS), estimates, min_size=1), st.none() | shares)
def test_a_fused_estimate_lies_among_its_parts(parts: dict[str, Estimate], confidence: float | None) -> None:
    fused = fuse(parts, study_weights(frozenset(parts), confidence))
    readings = [e.leftover for e in parts.values()]
    assert min(readings) - 1e-9 <= fused.leftover <= max(readings) + 1e-9
    assert fused.uncertainty >= 0
    assert 0 <= fused.confidence <= 1


def test_agreement_makes_sure_and_contradiction_unsure() -> None:
    sure = {name: Estimate(0.5, 0.1, 0.9) for name in ESTIMATORS}
    weights = study_weights(frozenset(ESTIMATORS), 0.5)
    assert fuse(sure, weights).uncertainty < 0.1
    torn = {**sure, "depth": Estimate(1.0, 0.1, 0.9)}
    assert fuse(torn, weights).uncertainty > 0.2


def test_one_estimate_passes_unchanged() -> None:
    alone = Estimate(0.3, 0.07, 0.6, ("cut",))
    assert fuse({"back_projection": alone}, {"back_projection": 1.0}) == alone


def test_flags_are_united_once() -> None:
    parts = {"back_projection": Estimate(0, 0, 1, ("cut", "mixed")), "depth": Estimate(0, 0, 1, ("cut",))}
    assert fuse(parts, {"back_projection": 0.5, "depth": 0.5}).flags == ("cut", "mixed")


def test_no_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="no estimate has a weight"):
        fuse({"depth": Estimate(0.1, 0.1, 1.0)}, {"back_projection": 1.0})


def test_the_study_joins_by_its_weights_whatever_the_dish() -> None:
    three = dict(zip(ESTIMATORS, (Estimate(x, 0.1, 0.9) for x in (0.2, 0.4, 0.8)), strict=True))
    joined = by_study(three, "liquid")
    assert joined.weights == pytest.approx(dict(zip(ESTIMATORS, (0.5, 0.4, 0.1), strict=True)))
    assert joined.estimate.leftover == pytest.approx(0.34)


def test_the_study_joins_one_estimate_alone() -> None:
    alone = Estimate(0.3, 0.1, 0.9, ("cut",))
    joined = by_study({"back_projection": alone}, "solid")
    assert joined.weights == {"back_projection": 1.0}
    assert joined.estimate == alone
