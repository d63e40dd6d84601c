"""From scores of the quantity classes to a leftover fraction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convert.networks.resnet import quantity
from convert.networks.spec import QUANTITY_FRACTIONS

scores = arrays(np.float32, st.tuples(st.integers(1, 4), st.just(5)), elements=st.floats(-200, 200, width=32))


@given(scores)
def test_confidence_is_the_probability_of_the_fraction(values: np.ndarray) -> None:
    fractions, confidences = quantity(values)
    assert fractions.shape == confidences.shape == (len(values),)
    assert ((confidences >= 0.2 - 1e-9) & (confidences <= 1)).all()
    best = [QUANTITY_FRACTIONS.index(fraction) for fraction in fractions]
    assert (np.take_along_axis(values, np.array(best)[:, None], 1)[:, 0] == values.max(axis=1)).all()


@given(scores, st.floats(-100, 100))
def test_only_differences_of_scores_count(values: np.ndarray, shift: float) -> None:
    wide = values.astype(np.float64)
    np.testing.assert_allclose(quantity(wide)[1], quantity(wide + shift)[1], rtol=1e-9)


def test_a_known_case() -> None:
    fractions, confidences = quantity(np.log([[0.1, 0.2, 0.4, 0.2, 0.1]]))
    assert fractions == [0.5]
    assert confidences == pytest.approx([0.4])
