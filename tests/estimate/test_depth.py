import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.depth import DepthReferences, estimate, prepare
from appliance.estimate.profile import well_profile
from tests.estimate.network_maps import EVERYWHERE, below, depth_map, empty_mm, filled_mm, levels, places_mm
from tests.estimate.wells import layout

FULL = (0.7, 0.8)


def references(*, full: bool = True) -> DepthReferences:
    return prepare(layout(), depth_map(empty_mm()), depth_map(filled_mm(*FULL)) if full else None)


REFERENCES = references()


def read(surface_mm: np.ndarray, valid: np.ndarray = EVERYWHERE) -> list[float]:
    return [found.leftover for found in estimate(depth_map(surface_mm), valid, REFERENCES).values()]


def truth(*to_level: float) -> list[float]:
    wells = [well_profile(c, 4.0, (480, 880)) for c in layout().compartments]
    return [
        well.volume_at(up_to) / well.volume_at(full)
        for well, up_to, full in zip(wells, to_level, FULL, strict=True)
    ]


def test_an_empty_tray_is_empty_and_a_full_one_full() -> None:
    assert read(empty_mm()) == [0.0, 0.0]
    assert read(filled_mm(*FULL)) == pytest.approx([1.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("to_level", [(0.5, 0.3), (0.2, 0.6)])
def test_a_known_filling_is_its_share_of_the_full_one(to_level: tuple[float, float]) -> None:
    assert read(filled_mm(*to_level)) == pytest.approx(truth(*to_level), abs=0.01)


def test_a_block_of_known_volume_is_its_share() -> None:
    x, y = places_mm()
    surface = empty_mm()
    surface[(np.abs(x - 57) < 20) & (np.abs(y - 60) < 15)] += 10
    well = well_profile(layout().compartments[0], 4.0, (480, 880))
    assert read(surface)[0] == pytest.approx(12.0 / well.volume_at(FULL[0]), abs=0.01)


@settings(max_examples=12, deadline=None)
@given(st.floats(-8, 8), st.floats(-5, 5))
def test_a_map_that_moved_or_tilted_as_a_whole_reads_the_same(offset: float, down: float) -> None:
    _, y = places_mm()
    surface = filled_mm(0.4, 0.5)
    moved = surface + offset + down * (y / y.max() - 0.5)  # the deck is a strip along y
    assert read(moved) == pytest.approx(read(surface), abs=0.01)


@settings(max_examples=12, deadline=None)
@given(st.floats(0, 1), st.floats(0, 30))
def test_more_food_never_reads_less(up_to: float, more_mm: float) -> None:
    surface = filled_mm(up_to, up_to)
    _, opening = levels(1)
    higher = surface + np.where(opening, np.float32(more_mm), 0)
    low, high = read(surface)[0], read(higher)[0]
    assert 0.0 <= low <= high + 1e-6 <= 1.0 + 1e-6


def test_hidden_pixels_do_not_matter() -> None:
    surface = filled_mm(0.5, 0.5)
    x, _ = places_mm()
    hidden = (x > 50) & (x < 65)
    disturbed = surface + np.where(hidden, np.float32(40), 0)
    found = estimate(depth_map(disturbed), ~hidden, REFERENCES)
    assert found[1].leftover == pytest.approx(truth(0.5, 0.5)[0], abs=0.02)
    assert found[1].flags == ("hidden",)
    plain = estimate(depth_map(surface), EVERYWHERE, REFERENCES)
    assert plain[1].flags == ()
    assert found[1].uncertainty > plain[1].uncertainty
    assert found[1].confidence < plain[1].confidence


def test_a_well_out_of_sight_is_uncertain() -> None:
    _, opening = levels(2)
    found = estimate(depth_map(filled_mm(0.5, 0.5)), ~opening, REFERENCES)[2]
    assert 0.0 <= found.leftover <= 1.0
    assert found.uncertainty == 0.5
    assert found.confidence == pytest.approx(0.0, abs=0.05)


def test_a_film_is_nothing() -> None:
    surface = empty_mm()
    surface[below(1, 0.3)] += 0.2
    assert read(surface)[0] == 0.0


def test_without_a_full_reference_it_is_a_guess_that_says_so() -> None:
    found = estimate(depth_map(filled_mm(0.6, 0.3)), EVERYWHERE, references(full=False))
    assert found[1].leftover == pytest.approx(1.0, abs=0.03)
    assert 0.2 < found[2].leftover < 0.6
    assert all(one.flags == ("no_full_reference",) and one.uncertainty > 0.3 for one in found.values())


def test_a_well_with_no_dish_reads_nothing() -> None:
    unserved = prepare(layout(), depth_map(empty_mm()), depth_map(filled_mm(0.7, 0.0)))
    found = estimate(depth_map(filled_mm(0.7, 0.4)), EVERYWHERE, unserved)
    assert found[1].leftover == pytest.approx(1.0, abs=1e-5)
    assert found[2].leftover == 0.0
    assert found[2].flags == ("unserved",)


def test_told_where_food_is_heights_elsewhere_do_not_count() -> None:
    full_food = (below(1, 0.7) | below(2, 0.8)).astype(np.float32)
    told = prepare(layout(), depth_map(empty_mm()), depth_map(filled_mm(*FULL)), full_food)
    surface = filled_mm(0.4, 0.0)
    _, soup = levels(2)
    surface[soup] += 6
    found = estimate(depth_map(surface), EVERYWHERE, told, below(1, 0.4).astype(np.float32))
    assert found[1].leftover == pytest.approx(truth(0.4, 0.0)[0], abs=0.02)
    assert found[2].leftover == 0.0
    assert read(surface)[1] > 0.2


def test_food_is_told_of_both_or_of_neither() -> None:
    food = np.ones((256, 256), np.float32)
    with pytest.raises(ValueError, match="both"):
        estimate(depth_map(empty_mm()), EVERYWHERE, REFERENCES, food)
    told = prepare(layout(), depth_map(empty_mm()), depth_map(filled_mm(*FULL)), food)
    with pytest.raises(ValueError, match="both"):
        estimate(depth_map(empty_mm()), EVERYWHERE, told)
