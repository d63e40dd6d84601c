import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.profile import WellProfile
from appliance.estimate.waterline import below_waterline, fit_waterline, wall_map
from tests.estimate.wells import profile

WELL = profile()
WALL = wall_map(WELL)


def odds_below(level: float, well: WellProfile = WELL) -> np.ndarray:
    return np.where(well.level <= level, 4.0, -4.0).astype(np.float32)


@settings(max_examples=40)
@given(st.floats(0.1, 0.9))
def test_a_level_is_found_again(level: float) -> None:
    line = fit_waterline(odds_below(level), WELL.opening, WALL)
    assert line.level == pytest.approx(level, abs=0.05)
    assert line.sectors > 0.9
    covered = below_waterline(line, WALL, WELL)
    wrong = np.count_nonzero(covered != (WELL.opening & (WELL.level <= level)))
    assert wrong < 0.06 * np.count_nonzero(WELL.opening)


@settings(max_examples=20)
@given(st.floats(0.1, 0.8), st.floats(0.05, 0.15))
def test_a_higher_liquid_reads_higher(level: float, step: float) -> None:
    low = fit_waterline(odds_below(level), WELL.opening, WALL)
    high = fit_waterline(odds_below(level + step), WELL.opening, WALL)
    assert WELL.volume_at(high.level) > WELL.volume_at(low.level)


def test_a_lamp_mirrored_across_half_the_surface_does_not_matter() -> None:
    odds = odds_below(0.5)
    odds[:, : odds.shape[1] // 2] = -4.0
    assert fit_waterline(odds, WELL.opening, WALL).level == pytest.approx(0.5, abs=0.06)


def test_sauce_on_a_third_of_the_wall_does_not_matter() -> None:
    odds = odds_below(0.4)
    third = odds.shape[0] // 3
    odds[:third] = np.where(WELL.level[:third] <= 0.9, 4.0, -4.0)
    assert fit_waterline(odds, WELL.opening, WALL).level == pytest.approx(0.4, abs=0.08)


def test_a_shifted_outline_keeps_its_level() -> None:
    odds = np.roll(odds_below(0.5), 4, axis=1)
    line = fit_waterline(odds, WELL.opening, WALL)
    assert line.level == pytest.approx(0.5, abs=0.05)
    assert np.hypot(*line.lean) > 0.03


@pytest.mark.parametrize("odds", [-4.0, 4.0, 0.0])
def test_no_line_means_no_level(odds: float) -> None:
    line = fit_waterline(np.full(WELL.level.shape, odds, np.float32), WELL.opening, WALL)
    assert line.level == 0.0
    assert line.sectors == 0.0


def test_a_puddle_on_part_of_the_floor_stands_nowhere() -> None:
    odds = np.full(WELL.level.shape, -4.0, np.float32)
    rows, _ = np.nonzero(WELL.floor)
    odds[(WELL.floor) & (np.arange(odds.shape[0])[:, None] < rows.mean())] = 4.0
    assert WELL.volume_at(fit_waterline(odds, WELL.opening, WALL).level) < 0.05 * WELL.volume_at(0.7)


def test_nothing_known_is_no_liquid() -> None:
    assert fit_waterline(odds_below(0.5), np.zeros_like(WELL.opening), WALL).level == 0.0
