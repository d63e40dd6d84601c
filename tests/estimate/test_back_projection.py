from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.back_projection import (
    BackProjectionParameters,
    References,
    estimate,
    prepare,
    told_kinds,
)
from appliance.picture import Picture
from tests.estimate.wells import below, calibration, steel, with_chopped, with_soup

CALIBRATION = calibration()
SHAPE = CALIBRATION.empty.shape[:2]
ALL = np.ones(SHAPE, np.bool_)


@pytest.fixture(scope="module")
def references() -> References:
    return prepare(CALIBRATION, BackProjectionParameters())


def left(picture: Picture, references: References, valid: np.ndarray = ALL) -> dict[int, float]:
    return {id_: e.estimate.leftover for id_, e in estimate(picture, valid, references).items()}


def test_the_references_read_as_themselves(references: References) -> None:
    assert CALIBRATION.full is not None
    assert left(CALIBRATION.full, references) == pytest.approx({1: 1.0, 2: 1.0}, abs=0.05)
    assert left(CALIBRATION.empty, references) == pytest.approx({1: 0.0, 2: 0.0}, abs=0.02)


def test_kinds_are_told_apart_and_volumes_are_plausible(references: References) -> None:
    found = estimate(CALIBRATION.empty, ALL, references)
    assert [found[1].kind, found[2].kind] == ["solid", "liquid"]
    true_cm3 = references.dishes[2].profile.volume_at(0.7)
    assert found[2].full_cm3 == pytest.approx(true_cm3, rel=0.1)


def test_a_kind_that_is_told_is_believed(references: References) -> None:
    told = told_kinds(references, CALIBRATION, {1: "liquid", 2: "liquid"})
    assert [dish.kind for dish in told.dishes.values()] == ["liquid", "liquid"]
    assert told.dishes[2] is references.dishes[2]
    assert told.dishes[1].full_cm3 != references.dishes[1].full_cm3
    back = told_kinds(told, CALIBRATION, {1: "solid"})
    assert back.dishes[1].full_cm3 == references.dishes[1].full_cm3
    assert left(CALIBRATION.full, told)[1] == pytest.approx(1.0, abs=0.05)


def test_without_a_full_reference_no_kind_is_told() -> None:
    guessed = prepare(replace(CALIBRATION, full=None), BackProjectionParameters())
    assert told_kinds(guessed, replace(CALIBRATION, full=None), {1: "liquid"}) is guessed


@pytest.mark.parametrize("seed", [2, 5])
def test_a_clean_tray_under_other_lamps_reads_nothing(references: References, seed: int) -> None:
    assert left(steel(seed), references) == pytest.approx({1: 0.0, 2: 0.0}, abs=0.02)


@pytest.mark.parametrize("level", [0.2, 0.35, 0.5])
def test_soup_reads_its_volume_not_its_area(references: References, level: float) -> None:
    well = references.dishes[2].profile
    read = left(with_soup(steel(4), below(level, 2)), references)[2]
    assert read == pytest.approx(well.volume_at(level) / well.volume_at(0.7), abs=0.08)


def test_half_of_a_solid_reads_about_half(references: References) -> None:
    half = below(0.7, 1) & (np.arange(SHAPE[0])[:, None] < SHAPE[0] // 2)
    assert left(with_chopped(steel(4), half), references)[1] == pytest.approx(0.45, abs=0.15)


def test_a_film_of_sauce_is_nothing(references: References) -> None:
    clean = steel(4).astype(np.float64)
    film = np.where(below(0.6, 1)[..., None], 0.7 * clean + 0.3 * np.array([40.0, 90.0, 190.0]), clean)
    assert left(film.astype(np.uint8), references)[1] < 0.05


def test_blown_out_lamps_are_nothing(references: References) -> None:
    blown = steel(4)
    blown[below(0.1, 1) | below(0.1, 2)] = 255
    assert left(blown, references) == pytest.approx({1: 0.0, 2: 0.0}, abs=0.03)


@pytest.mark.parametrize("gains", [(1.2, 1.0, 0.85), (0.8, 1.0, 1.15)])
def test_the_lamps_colour_does_not_matter(references: References, gains: tuple[float, ...]) -> None:
    tinted = np.clip(steel(4) * np.array(gains), 0, 255).astype(np.uint8)
    assert left(tinted, references) == pytest.approx({1: 0.0, 2: 0.0}, abs=0.03)


def test_what_is_not_shown_is_flagged_and_taken_to_be_like_the_rest(
    references: References,
) -> None:
    assert CALIBRATION.full is not None
    valid = np.ones(SHAPE, np.bool_)
    valid[:, : SHAPE[1] // 8] = False
    cut = np.where(valid[..., None], CALIBRATION.full, 0).astype(np.uint8)
    found = estimate(cut, valid, references)
    assert found[1].estimate.leftover == pytest.approx(1.0, abs=0.1)
    assert "cut" in found[1].estimate.flags
    assert "cut" not in found[2].estimate.flags
    whole = estimate(CALIBRATION.full, ALL, references)
    assert found[1].estimate.uncertainty > whole[1].estimate.uncertainty
    assert found[1].estimate.confidence < whole[1].estimate.confidence


def test_without_a_full_reference_the_answer_is_unsure_and_says_so() -> None:
    references = prepare(calibration(full=False), BackProjectionParameters())
    assert CALIBRATION.full is not None
    clean = estimate(steel(4), ALL, references)
    full = estimate(CALIBRATION.full, ALL, references)
    for id_ in (1, 2):
        assert clean[id_].estimate.leftover < 0.1
        assert full[id_].estimate.leftover > 0.7
        assert full[id_].estimate.uncertainty >= 0.15
        assert "no_full_reference" in full[id_].estimate.flags


def test_a_well_that_is_not_served_reads_nothing_and_says_so() -> None:
    served = with_chopped(steel(1), below(0.7, 1))
    references = prepare(replace(CALIBRATION, full=served), BackProjectionParameters())
    found = estimate(with_chopped(steel(4), below(0.7, 2)), ALL, references)
    assert found[2].kind == "unserved"
    assert found[2].estimate.leftover == 0.0
    assert "unserved" in found[2].estimate.flags


def test_leftovers_scraped_into_the_soup_are_flagged_and_not_mistaken_for_its_level(
    references: References,
) -> None:
    well = references.dishes[2].profile
    soup = with_soup(steel(4), below(0.4, 2))
    middle = np.zeros(SHAPE, np.bool_)
    middle[SHAPE[0] // 2 - 30 : SHAPE[0] // 2 + 30, 225:295] = True
    dumped = estimate(with_chopped(soup, middle), ALL, references)[2].estimate
    assert dumped.flags == ("mixed",)
    assert dumped.leftover == pytest.approx(well.volume_at(0.4) / well.volume_at(0.7), abs=0.1)
    assert estimate(soup, ALL, references)[2].estimate.flags == ()


pictures = st.sampled_from(["black", "white", "noise", "half", "red"])


@settings(max_examples=10)
@given(pictures, st.booleans(), st.sampled_from(["ratio", "study"]))
def test_any_picture_gives_bounded_numbers(kind: str, hidden: bool, method: str) -> None:  # noqa: FBT001
    picture = {
        "black": np.zeros((*SHAPE, 3), np.uint8),
        "white": np.full((*SHAPE, 3), 255, np.uint8),
        "noise": np.random.default_rng(1).integers(0, 256, (*SHAPE, 3), np.uint8),
        "half": np.full((*SHAPE, 3), 128, np.uint8),
        "red": np.broadcast_to(np.array([0, 0, 255], np.uint8), (*SHAPE, 3)).copy(),
    }[kind]
    references = PREPARED[method]
    for one in estimate(picture, ALL & (not hidden), references).values():
        assert 0.0 <= one.estimate.leftover <= 1.0
        assert 0.0 <= one.estimate.uncertainty <= 0.5
        assert 0.0 <= one.estimate.confidence <= 1.0
        assert one.food_mask.shape == SHAPE


@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_any_reference_can_be_prepared(kind: str) -> None:
    picture = {
        "black": np.zeros((*SHAPE, 3), np.uint8),
        "white": np.full((*SHAPE, 3), 255, np.uint8),
        "noise": np.random.default_rng(1).integers(0, 256, (*SHAPE, 3), np.uint8),
    }[kind]
    references = prepare(replace(CALIBRATION, empty=picture, full=picture), BackProjectionParameters())
    for one in estimate(steel(4), ALL, references).values():
        assert 0.0 <= one.estimate.leftover <= 1.0
        assert np.isfinite(one.estimate.uncertainty)


PREPARED = {
    "ratio": prepare(CALIBRATION, BackProjectionParameters()),
    "study": prepare(CALIBRATION, BackProjectionParameters(method="study")),
}
