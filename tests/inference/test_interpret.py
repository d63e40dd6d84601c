import numpy as np
import pytest

from appliance.errors import BrokenRunError
from appliance.inference.interpret import by_meaning, class_probabilities, depth_map, softmax
from tests.inference.entries import output_signature

DEPTH = output_signature(shape=(1, 2, 3, 1), scale=0.5, zero_point=-128)
FLOAT_QUANTITY = output_signature(
    name="quantity",
    shape=(1, 2),
    dtype="float32",
    scale=None,
    zero_point=None,
    meaning="quantity",
    classes=("little", "much"),
)


def test_integers_become_real_numbers() -> None:
    tensor = np.array([[-128, -127, 0], [1, 126, 127]], np.int8).reshape(1, 2, 3, 1)
    values = by_meaning([tensor], [DEPTH])["inverse_depth"]
    assert depth_map(values).tolist() == [[0.0, 0.5, 64.0], [64.5, 127.0, 127.5]]


def test_outputs_are_told_apart_by_their_meaning() -> None:
    quantity = np.array([[1.0, 2.0]], np.float32)
    found = by_meaning([quantity, np.zeros((1, 2, 3, 1), np.int8)], [FLOAT_QUANTITY, DEPTH])
    assert found["quantity"].tolist() == [1.0, 2.0]
    assert found["inverse_depth"].shape == (2, 3, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_is_a_broken_run(value: float) -> None:
    with pytest.raises(BrokenRunError, match="its quantity has values that are no finite numbers"):
        by_meaning([np.array([[0.0, value]], np.float32)], [FLOAT_QUANTITY])


def test_probabilities_are_channels_first_and_those_of_a_softmax_over_the_last_axis() -> None:
    scores = np.random.default_rng(3).normal(0, 5, (9, 11, 7)).astype(np.float32)
    probabilities = class_probabilities(scores)
    assert (probabilities.shape, probabilities.dtype) == ((7, 9, 11), np.float32)
    assert np.array_equal(probabilities, softmax(scores).transpose(2, 0, 1).astype(np.float32))
    assert np.allclose(probabilities.sum(axis=0), 1, atol=1e-6)
    powers = np.exp(scores[4, 5].astype(np.float64))
    assert np.allclose(probabilities[:, 4, 5], powers / powers.sum(), atol=1e-7)


def test_large_scores_do_not_overflow() -> None:
    assert softmax(np.array([1000.0, 0.0])).tolist() == [1.0, 0.0]
