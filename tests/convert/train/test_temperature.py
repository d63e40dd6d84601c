"""Temperature scaling: the right temperature is found, and folding it changes confidence alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from convert.train.temperature import fit_bias, fit_temperature, fold, negative_log_likelihood


def drawn(count: int = 20000) -> tuple[Tensor, Tensor]:
    """Scores, and classes that are drawn by their softmax: calibrated as they are."""
    generator = torch.Generator().manual_seed(3)
    scores = 3 * torch.randn(count, 4, generator=generator)
    return scores, torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]


@given(st.floats(0.05, 20))
def test_scores_that_were_scaled_get_their_scale_as_temperature(scale: float) -> None:
    scores, classes = drawn(200)
    assert fit_temperature(scale * scores, classes) == pytest.approx(
        scale * fit_temperature(scores, classes), rel=1e-4
    )


def test_no_other_temperature_is_likelier() -> None:
    scores, classes = drawn()
    temperature = fit_temperature(scores, classes)
    assert temperature == pytest.approx(1, abs=0.05)
    best = negative_log_likelihood(scores / temperature, classes)
    for other in (0.5, 0.9, 1.1, 2):
        assert negative_log_likelihood(scores / (temperature * other), classes) > best


@pytest.mark.parametrize(("classes", "limit"), [([0, 0], 0.01), ([1, 1], 100)])
def test_scores_that_are_always_right_or_wrong_get_a_limit(classes: list[int], limit: float) -> None:
    scores = torch.tensor([[2.0, 1.0], [3.0, 1.0]])
    assert fit_temperature(scores, torch.tensor(classes)) == pytest.approx(limit)


def test_weights_of_classes_are_taken_back() -> None:
    scores, classes = drawn()
    weighted = 2 * (scores + torch.tensor([3.0, 1.0, 1.0, 0.3]).log())
    temperature, bias = fit_bias(weighted, classes, fit_temperature(weighted, classes))
    found = weighted / temperature + bias
    assert temperature == pytest.approx(2, rel=0.1)
    assert torch.allclose(
        found - found.mean(1, keepdim=True), scores - scores.mean(1, keepdim=True), atol=0.5
    )
    assert negative_log_likelihood(found, classes) < negative_log_likelihood(scores, classes) + 1e-3


def test_a_class_that_is_not_there_is_not_ruled_out() -> None:
    scores, classes = drawn(2000)
    _, bias = fit_bias(scores[classes != 3], classes[classes != 3], 1.0)
    assert -10 < bias[3] < -1


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 5, 1), nn.Linear(8, 5)])
def test_a_folded_layer_gives_calibrated_scores(layer: nn.Conv2d | nn.Linear) -> None:
    given = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        before = layer(given)
        bias = torch.arange(5.0)
        fold(layer, 2.5, bias)
        shaped = bias[:, None, None] if before.shape[1] == 5 else bias
        assert torch.allclose(layer(given), before / 2.5 + shaped, atol=1e-6)
