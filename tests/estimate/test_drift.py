import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.drift import drift

SHAPE = (96, 176)
DECK = np.zeros(SHAPE, np.bool_)
DECK[:, 80:90] = DECK[:10] = DECK[-10:] = True


@settings(max_examples=12, deadline=None)
@given(st.floats(-10, 10), st.floats(-8, 8), st.floats(-8, 8))
def test_a_plane_is_found_whatever_lies_in_the_wells(offset: float, across: float, down: float) -> None:
    y, x = np.indices(SHAPE, dtype=np.float32)
    plane = offset + across * (x / SHAPE[1] - 0.5) + down * (y / SHAPE[0] - 0.5)
    seen = plane + np.where(DECK, 0, 17).astype(np.float32)
    found, noise = drift(seen, DECK)
    np.testing.assert_allclose(found, plane, atol=0.05)
    assert noise < 0.2


def test_food_on_the_deck_does_not_count_and_noise_does() -> None:
    noise = np.random.default_rng(1).normal(0, 1.5, SHAPE).astype(np.float32)
    noise[:, 80:90][40:60] += 30
    found, spread = drift(noise, DECK)
    assert np.abs(found).max() < 0.5
    assert spread == pytest.approx(1.5, abs=0.2)


def test_without_a_deck_nothing_moves() -> None:
    found, spread = drift(np.full(SHAPE, 3.0, np.float32), np.zeros(SHAPE, np.bool_))
    assert not found.any()
    assert spread == 0.0
