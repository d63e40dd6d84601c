"""Heaps and waterlines have the volume that was asked for, wherever food was taken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.synth.grid import CELL_MM
from convert.synth.heap import EATEN, Bowl, bowl, eaten, served, waterline
from convert.synth.tray import draw_tray

TRAY = draw_tray(np.random.default_rng(5))
BOWL = bowl(TRAY, max(TRAY.wells, key=lambda well: well.mask.sum()))
SEEDS = st.integers(0, 2**32 - 1)


def volume(thickness: np.typing.NDArray[np.float32]) -> float:
    return float(thickness.sum()) * CELL_MM**2


def full(into: Bowl, seed: int) -> np.typing.NDArray[np.float32]:
    return served(np.random.default_rng(seed), into, 0.7 * into.capacity_mm3, 8.0, 2.0)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, share=st.floats(0.2, 0.9))
def test_a_serving_has_its_volume(seed: int, share: float) -> None:
    wanted = share * BOWL.capacity_mm3
    assert volume(served(np.random.default_rng(seed), BOWL, wanted, 6.0, 2.0)) == pytest.approx(
        wanted, rel=0.01
    )


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, share=st.floats(0.05, 0.75), way=st.sampled_from(EATEN))
def test_what_is_left_has_its_volume_and_lies_in_the_well(seed: int, share: float, way: str) -> None:
    before = full(BOWL, seed)
    wanted = share * volume(before)
    rng = np.random.default_rng(seed + 1)
    left = eaten(rng, BOWL, before, volume_mm3=wanted, way=way, slope=2.0)
    assert volume(left) == pytest.approx(wanted, rel=0.02)
    assert left.min() >= 0
    assert not left[BOWL.inside < -0.5].any()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, share=st.floats(0.15, 0.9))
def test_liquids_are_level_and_fill_up_to_their_volume(seed: int, share: float) -> None:
    wanted = share * BOWL.capacity_mm3
    depth = waterline(np.random.default_rng(seed), BOWL, wanted, BOWL.floor.copy())
    assert volume(depth) == pytest.approx(wanted, rel=0.01)
    surface = (BOWL.floor + depth)[depth > 3]
    tilted = 0.02 * max(BOWL.shape)
    assert surface.max() - surface.min() < 2 * tilted + 1


def test_pieces_in_a_soup_raise_its_waterline() -> None:
    wanted = 0.4 * BOWL.capacity_mm3
    stone = BOWL.floor + np.where(BOWL.inside > 25, 5, 0).astype(np.float32)
    alone = waterline(np.random.default_rng(1), BOWL, wanted, BOWL.floor.copy())
    above = waterline(np.random.default_rng(1), BOWL, wanted, stone)
    assert volume(above) == pytest.approx(wanted - volume(stone - BOWL.floor), rel=0.02)
    both = BOWL.inside > 30
    assert np.allclose((BOWL.floor + alone)[both], (stone + above)[both], atol=0.05)
