import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.contents import FOREIGN, LIQUID, NOTHING, RESIDUE, RICE, SOLID
from appliance.estimate.profile import well_profile
from appliance.estimate.segmentation import WellContents, estimate, liquid_cm3, prepare, served_kinds
from tests.estimate.network_maps import (
    EVERYWHERE,
    below,
    class_map,
    depth_map,
    empty_mm,
    levels,
    places_mm,
)
from tests.estimate.wells import layout, profile

FULL = class_map((SOLID, below(1, 0.7)), (LIQUID, below(2, 0.8)))
REFERENCES = prepare(layout(), FULL)


def read(
    *where: tuple[int, np.ndarray], valid: np.ndarray = EVERYWHERE, sure: float = 1.0
) -> dict[int, WellContents]:
    probabilities = class_map(*where) * np.float32(sure) + np.float32((1 - sure) / 7)
    return estimate(probabilities, valid, REFERENCES)


def test_full_reads_one_and_clean_nothing() -> None:
    full = estimate(FULL, EVERYWHERE, REFERENCES)
    assert [one.estimate.leftover for one in full.values()] == pytest.approx([1.0, 1.0])
    assert [one.kind for one in full.values()] == ["solid", "liquid"]
    assert [one.estimate.leftover for one in read().values()] == [0.0, 0.0]


@pytest.mark.parametrize(("swims_below", "kind"), [(0.4, "liquid"), (0.75, "solid")])
def test_a_soup_is_one_though_solids_swim_in_it(swims_below: float, kind: str) -> None:
    soup = class_map((SOLID, below(1, 0.7)), (LIQUID, below(2, 0.8)), (SOLID, below(2, swims_below)))
    references = prepare(layout(), soup)
    assert served_kinds(references) == {1: "solid", 2: kind}


def test_no_kind_is_told_of_what_was_not_served() -> None:
    assert served_kinds(prepare(layout(), class_map((SOLID, below(1, 0.7))))) == {1: "solid"}
    assert served_kinds(prepare(layout(), None)) == {}


@pytest.mark.parametrize("up_to", [0.2, 0.5])
def test_a_liquid_is_what_the_well_holds_up_to_its_outline(up_to: float) -> None:
    well = well_profile(layout().compartments[1], 4.0, (480, 880))
    found = read((LIQUID, below(2, up_to)))[2]
    assert found.estimate.leftover == pytest.approx(well.volume_at(up_to) / well.volume_at(0.8), abs=0.03)
    assert found.contents.liquid == pytest.approx(
        np.count_nonzero(below(2, up_to)) / np.count_nonzero(levels(2)[1]), abs=0.02
    )


def test_a_spoon_across_the_soup_changes_little() -> None:
    _, y = places_mm()
    spoon = (y > 50) & (y < 62)
    plain = read((LIQUID, below(2, 0.5)))[2]
    covered = read((LIQUID, below(2, 0.5)), (FOREIGN, spoon))[2]
    assert covered.estimate.leftover == pytest.approx(plain.estimate.leftover, abs=0.04)
    assert covered.estimate.flags == ("foreign",)
    assert covered.contents.foreign == pytest.approx(0.12, abs=0.02)
    assert covered.estimate.uncertainty > plain.estimate.uncertainty


def test_a_film_counts_as_nothing() -> None:
    found = read((RESIDUE, below(1, 0.5)), (RESIDUE, below(2, 0.5)))
    assert [one.estimate.leftover for one in found.values()] == [0.0, 0.0]
    assert all(one.contents.residue > 0.3 for one in found.values())


@settings(max_examples=10, deadline=None)
@given(st.floats(0.05, 0.6), st.floats(0.05, 0.3), st.sampled_from([1, 2]))
def test_a_larger_outline_is_more(up_to: float, more: float, id_: int) -> None:
    kind = (SOLID, LIQUID)[id_ - 1]
    low = read((kind, below(id_, up_to)))[id_].estimate.leftover
    high = read((kind, below(id_, up_to + more)))[id_].estimate.leftover
    assert 0.0 <= low <= high <= 1.0


def test_a_liquid_is_known_by_its_area_wherever_that_lies() -> None:
    well = profile()
    inside = well.opening & (well.level <= 0.4)
    moved = np.roll(inside, 4, axis=1) & well.opening
    assert liquid_cm3(moved, well.opening, well) == pytest.approx(
        liquid_cm3(inside, well.opening, well), rel=0.01
    )
    assert liquid_cm3(inside, well.opening, well) == pytest.approx(well.volume_at(0.4), rel=0.01)
    assert liquid_cm3(np.zeros_like(inside), well.opening, well) == 0.0


def test_a_puddle_that_leaves_floor_bare_is_a_film() -> None:
    well = profile()
    puddle = well.floor & (np.arange(well.floor.shape[1]) < 50)
    area_cm2 = np.count_nonzero(puddle) * well.mm2_per_px / 100
    assert liquid_cm3(puddle, well.opening, well) == pytest.approx(0.15 * area_cm2, rel=0.01)


def test_the_curve_of_the_wall_counts() -> None:
    level, opening = levels(2)
    bent = empty_mm()
    bent[opening] = (level[opening] ** 2 - 1) * 25
    references = prepare(layout(), FULL, depth_map(bent))
    seen = class_map((LIQUID, below(2, 0.4)))
    curved = estimate(seen, EVERYWHERE, references)[2].estimate.leftover
    inside = level[opening].astype(float) ** 2
    volume = [np.maximum(up_to**2 - inside, 0).sum() for up_to in (0.4, 0.8)]
    assert curved == pytest.approx(volume[0] / volume[1], abs=0.03)
    assert curved < estimate(seen, EVERYWHERE, REFERENCES)[2].estimate.leftover


def test_rice_in_the_soup_is_mixed() -> None:
    x, _ = places_mm()
    found = read((LIQUID, below(2, 0.6)), (RICE, below(2, 0.3) & (x < 165)), (SOLID, below(1, 0.3)))
    assert "mixed" in found[2].estimate.flags
    assert "mixed" not in found[1].estimate.flags
    assert found[2].contents.rice > 0.1


def test_confidence_is_the_mean_probability() -> None:
    assert read((SOLID, below(1, 0.5)))[1].estimate.confidence == pytest.approx(1.0, abs=0.01)
    assert read((SOLID, below(1, 0.5)), sure=0.3)[1].estimate.confidence == pytest.approx(0.4, abs=0.01)


def test_what_lies_outside_the_picture_is_unknown() -> None:
    x, _ = places_mm()
    found = read((SOLID, below(1, 0.7)), valid=x > 40)[1]
    assert found.estimate.leftover == pytest.approx(1.0, abs=0.1)
    assert found.estimate.flags == ("cut",)
    gone = read((SOLID, below(1, 0.7)), valid=x > 110)[1]
    assert gone.contents == NOTHING
    assert gone.estimate.confidence == 0.0
    assert gone.estimate.uncertainty == 0.5


def test_without_a_full_reference_it_is_a_guess_that_says_so() -> None:
    found = estimate(class_map((RICE, below(1, 0.3))), EVERYWHERE, prepare(layout(), None))
    assert 0.2 < found[1].estimate.leftover <= 1.0
    assert found[1].estimate.flags == ("no_full_reference",)
    assert found[2].estimate.leftover == 0.0


def test_a_well_with_no_dish_reads_nothing() -> None:
    references = prepare(layout(), class_map((SOLID, below(1, 0.7))))
    found = estimate(class_map((SOLID, below(2, 0.5))), EVERYWHERE, references)[2]
    assert found.kind == "unserved"
    assert found.estimate.leftover == 0.0
    assert "unserved" in found.estimate.flags
