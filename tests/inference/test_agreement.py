import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.inference.agreement import LEAST_AGREEMENT, MOST_RAW_DIFFERENCE, Agreement, agreement_of
from appliance.inference.manifest import Meaning

SHAPES: dict[Meaning, tuple[int, ...]] = {
    "inverse_depth": (16, 12, 1),
    "segmentation": (16, 12, 7),
    "quantity": (5,),
}
MEANINGS = list(SHAPES)


def answers(meaning: Meaning, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=SHAPES[meaning]).astype(np.float32)


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_same_answers_agree_in_full(meaning: Meaning) -> None:
    found = agreement_of(meaning, answers(meaning), answers(meaning))
    assert found == Agreement(meaning, 0.0, 1.0 if meaning == "segmentation" else None)
    assert found.fault is None


@pytest.mark.parametrize("meaning", MEANINGS)
@given(rounding=st.floats(0, 0.05), seed=st.integers(0, 1000))
def test_the_difference_is_in_deviations_of_what_is_expected(
    meaning: Meaning, rounding: float, seed: int
) -> None:
    expected = 30 * answers(meaning) + 100
    signs = np.random.default_rng(seed).choice([-1, 1], SHAPES[meaning])
    values = expected + signs * rounding * expected.std()
    found = agreement_of(meaning, values, expected)
    assert found.raw_difference == pytest.approx(rounding, abs=1e-4)
    if meaning != "segmentation":
        assert found.fault is None


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize(
    "wrong", [lambda x: -x, lambda x: x * 0, lambda x: x[::-1], lambda x: x + 1, lambda x: x * np.nan]
)
def test_answers_that_mean_something_else_are_a_fault(meaning: Meaning, wrong: object) -> None:
    expected = answers(meaning)
    found = agreement_of(meaning, wrong(expected), expected)  # type: ignore[operator]
    assert found.fault is not None
    assert found.fault.startswith(meaning)
    assert 0 <= found.raw_difference <= 1


def test_classes_may_not_flip_however_little_the_scores_differ() -> None:
    expected = np.zeros(SHAPES["segmentation"], np.float32)
    expected[..., 3] = 100
    expected[..., 5] = 99.9
    flipped = expected.copy()
    flipped[0, :6, 5] = 100.1
    found = agreement_of("segmentation", flipped, expected)
    assert found.raw_difference < 0.001
    assert found.agreement == pytest.approx(1 - 6 / 192)
    assert found.fault == f"segmentation has an agreement of 0.969, under {LEAST_AGREEMENT}"


def test_a_constant_map_agrees_with_itself_alone() -> None:
    flat = np.full(SHAPES["inverse_depth"], 3, np.float32)
    assert agreement_of("inverse_depth", flat, flat).fault is None
    assert agreement_of("inverse_depth", flat + 1, flat).raw_difference == 1


def test_a_value_at_its_limit_passes() -> None:
    assert Agreement("segmentation", MOST_RAW_DIFFERENCE["segmentation"], LEAST_AGREEMENT).fault is None
    assert Agreement("quantity", float("nan")).fault is not None


def test_it_is_told_to_people() -> None:
    assert str(Agreement("segmentation", 0.016, 0.9953)) == "segmentation off by 1.6%, 99.5% of pixels alike"
    assert str(Agreement("inverse_depth", 0.0)) == "inverse depth off by 0.0%"
