"""Confidence against accuracy: bins, their error, and that parts add up to the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from convert.train.reliability import BINS, reliability


def test_predictions_as_often_right_as_they_say_have_no_error() -> None:
    confidence = np.repeat([0.25, 0.75], 400)
    right = np.tile([True, False, False, False], 200)
    right[400:] = ~right[400:]
    found = reliability(confidence, right)
    assert found.expected_calibration_error() == pytest.approx(0)
    assert found.points() == pytest.approx(np.array([[0.25, 0.25, 0.5], [0.75, 0.75, 0.5]]))


def test_overconfidence_is_the_error() -> None:
    found = reliability(np.full(10, 0.9), np.arange(10) < 6)
    assert found.expected_calibration_error() == pytest.approx(0.3)


def test_nothing_was_predicted() -> None:
    empty = reliability(np.zeros(0), np.zeros(0, bool))
    assert empty.points().shape == (0, 3)
    assert empty.expected_calibration_error() == 0


@given(
    arrays.arrays(np.float32, 40, elements=st.floats(0, 1, width=32)),
    arrays.arrays(np.bool_, 40),
    st.integers(0, 40),
)
def test_parts_add_up_and_every_prediction_is_in_a_bin(
    confidence: np.ndarray, right: np.ndarray, split: int
) -> None:
    whole = reliability(confidence, right)
    parts = reliability(confidence[:split], right[:split]) + reliability(confidence[split:], right[split:])
    assert whole.count.sum() == 40
    assert np.array_equal(whole.count, parts.count)
    assert whole.expected_calibration_error() == pytest.approx(parts.expected_calibration_error())
    for low, (mean, accuracy, _) in zip(np.flatnonzero(whole.count) / BINS, whole.points(), strict=True):
        assert low - 1e-6 <= mean <= low + 1 / BINS + 1e-6
        assert 0 <= accuracy <= 1
    assert 0 <= whole.expected_calibration_error() <= 1
