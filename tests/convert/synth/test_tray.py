"""Drawn trays: wells that fit, do not meet, and are as deep as they say."""

import numpy as np
import pytest

from convert.synth.tray import Tray, draw_tray


@pytest.fixture(scope="module", params=range(12))
def tray(request: pytest.FixtureRequest) -> Tray:
    return draw_tray(np.random.default_rng(request.param))


def test_wells_are_three_to_seven_and_do_not_meet(tray: Tray) -> None:
    assert 3 <= len(tray.wells) <= 7
    covered = np.sum([well.mask for well in tray.wells], axis=0)
    assert covered.max() == 1
    assert not (covered.astype(bool) & (tray.inside < 3)).any()


def test_floors_lie_at_their_depth_and_the_deck_at_zero(tray: Tray) -> None:
    for well in tray.wells:
        floor = well.inside > well.taper_mm + 2
        if floor.sum() > 50:
            assert np.median(tray.height[floor]) == pytest.approx(-well.depth_mm, abs=0.8)
    inside = np.max([well.inside for well in tray.wells], axis=0)
    deck = (inside < -2) & (tray.inside > 22)
    assert np.abs(tray.height[deck]).max() < 2
    assert tray.height[tray.inside < -4] == pytest.approx(tray.counter_mm)
    assert tray.counter_mm < tray.height[tray.inside > 0].min()


def test_outlines_are_the_wells(tray: Tray) -> None:
    for well in tray.wells:
        x, y = well.opening_mm.T
        area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        assert area == pytest.approx(well.mask.sum(), rel=0.06)


def test_trays_differ() -> None:
    sizes = {draw_tray(np.random.default_rng(seed)).size_mm for seed in range(5)}
    assert len(sizes) == 5
