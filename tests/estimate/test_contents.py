import numpy as np
import pytest

from appliance.estimate.contents import (
    CLASSES,
    FOREIGN,
    LIQUID,
    NOTHING,
    RESIDUE,
    RICE,
    SOLID,
    contents,
    food_share,
    hiding,
    kinds_not_served,
)
from convert.networks.spec import TRAY_CLASSES
from tests.estimate.network_maps import EVERYWHERE, class_map, places_mm

X, _ = places_mm()
LEFT, MIDDLE = X < 55, (X >= 55) & (X < 110)


def test_classes_are_those_that_the_network_is_trained_on() -> None:
    assert CLASSES == TRAY_CLASSES


def test_shares_are_areas_and_sum_to_one() -> None:
    found = contents(class_map((RICE, LEFT), (FOREIGN, MIDDLE)), X < 220)
    assert found.rice == pytest.approx(0.25, abs=0.01)
    assert found.foreign == pytest.approx(0.25, abs=0.01)
    assert found.clean == pytest.approx(0.5, abs=0.01)
    assert found.food == found.rice
    assert contents(class_map(), np.zeros_like(EVERYWHERE)) == NOTHING


def test_a_film_is_no_food_and_foreign_has_no_say() -> None:
    unsure = class_map((RESIDUE, LEFT)) * 0.5
    unsure[FOREIGN] += 0.5
    assert not food_share(unsure).any()
    unsure[SOLID] += 0.5 * LEFT
    assert food_share(unsure)[LEFT] == pytest.approx(0.5)


def test_what_is_foreign_hides_with_a_margin() -> None:
    hidden = hiding(class_map((FOREIGN, MIDDLE)))
    assert hidden[MIDDLE].all()
    assert np.count_nonzero(hidden) == np.count_nonzero(MIDDLE) + 2 * 256


def test_another_kind_of_food_is_mixed_and_its_own_is_not() -> None:
    soup = contents(class_map((LIQUID, EVERYWHERE)), EVERYWHERE)
    assert kinds_not_served(class_map((LIQUID, EVERYWHERE), (RICE, LEFT)), EVERYWHERE, soup) == ("rice",)
    assert not kinds_not_served(class_map((LIQUID, LEFT)), EVERYWHERE, soup)
    stew = contents(class_map((LIQUID, EVERYWHERE), (SOLID, MIDDLE)), EVERYWHERE)
    assert not kinds_not_served(class_map((SOLID, LEFT)), EVERYWHERE, stew)
    assert not kinds_not_served(class_map((RICE, LEFT)), np.zeros_like(EVERYWHERE), soup)
