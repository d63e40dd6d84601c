import numpy as np
import pytest

from appliance.estimate.network_grid import PX_PER_MM, network_grid
from tests.estimate.network_maps import EVERYWHERE, places_mm
from tests.estimate.wells import layout


def test_a_map_comes_to_lie_where_the_tray_has_it() -> None:
    grid = network_grid(layout())
    for along, place in zip((1, 0), places_mm(), strict=True):
        moved = grid.resampled(place)
        wanted = np.broadcast_to(
            np.expand_dims(np.arange(grid.shape[along]) / PX_PER_MM, 1 - along), grid.shape
        )
        inside = (slice(3, -3), slice(3, -3))
        np.testing.assert_allclose(moved[inside], wanted[inside], atol=0.05)


def test_the_deck_is_no_well_and_no_rim() -> None:
    grid = network_grid(layout())
    assert grid.deck.any()
    assert not grid.deck[:5].any()
    for well in grid.wells.values():
        assert not (grid.deck[well.crop] & well.opening).any()


def test_a_pixel_beside_an_unknown_one_is_unknown() -> None:
    grid = network_grid(layout())
    valid = EVERYWHERE.copy()
    valid[:, 128:] = False
    known = grid.known(valid)
    middle = grid.shape[1] // 2
    assert known[:, : middle - 2].all()
    assert not known[:, middle:].any()
    assert grid.known(EVERYWHERE).all()


@pytest.mark.parametrize("shape", [(256, 256), (192, 320)])
def test_maps_of_any_size_cover_the_whole_tray(shape: tuple[int, int]) -> None:
    grid = network_grid(layout())
    assert grid.resampled(np.full(shape, 0.7, np.float32)) == pytest.approx(0.7)
