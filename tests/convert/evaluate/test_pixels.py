"""Figures of maps: known answers, and what holds for any."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.estimate.depth import DECK, MM_PER_UNIT
from convert.evaluate.pixels import ClassTally, HeightTally, QuantityTally
from convert.evaluate.trays import MapTruth
from convert.networks.spec import TRAY_CLASSES
from convert.train.rectify import UNSEEN

SHAPE = (24, 32)
RICE, LIQUID, SOLID = (TRAY_CLASSES.index(name) for name in ("rice", "liquid", "solid"))


def some_classes(seed: int = 1) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, len(TRAY_CLASSES), SHAPE).astype(np.uint8)


def sure_of(classes: npt.NDArray[np.uint8], confidence: float = 1.0) -> npt.NDArray[np.float32]:
    rest = (1 - confidence) / (len(TRAY_CLASSES) - 1)
    chosen = np.arange(len(TRAY_CLASSES))[:, None, None] == classes
    return np.where(chosen, confidence, rest).astype(np.float32)


def map_of(surface_mm: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    return (DECK + surface_mm / MM_PER_UNIT).astype(np.float32)


def test_right_classes_have_a_mean_iou_of_1() -> None:
    tally = ClassTally()
    for seed in (1, 2):
        tally.add(sure_of(some_classes(seed)), some_classes(seed))
    found = tally.figures()
    assert found is not None
    assert (found.miou, found.accuracy, found.food_kind, found.food_kind_of_found) == (1, 1, 1, 1)
    assert found.calibration_error == 0
    assert found.pixels == 2 * SHAPE[0] * SHAPE[1]
    assert set(found.iou) == set(TRAY_CLASSES)


def test_each_confusion_costs_what_it_should() -> None:
    truth = np.zeros((1, 8), np.uint8)
    truth[0] = [RICE, RICE, RICE, RICE, LIQUID, LIQUID, 1, UNSEEN]
    given_ = np.array([[RICE, RICE, RICE, LIQUID, LIQUID, 1, 1, RICE]], np.uint8)
    tally = ClassTally()
    tally.add(sure_of(given_, 0.9), truth)
    found = tally.figures()
    assert found is not None
    assert found.iou == pytest.approx({"clean": 1 / 2, "rice": 3 / 4, "liquid": 1 / 3}, abs=1e-4)
    assert found.miou == pytest.approx((1 / 2 + 3 / 4 + 1 / 3) / 3, abs=1e-4)
    assert found.food_kind == pytest.approx(4 / 6, abs=1e-4)
    assert found.food_kind_of_found == pytest.approx(4 / 5, abs=1e-4)
    assert found.food_kind_by == {"rice": 0.75, "liquid": 0.5}
    assert found.confusion[RICE][LIQUID] == 1
    assert found.calibration_error == pytest.approx(0.9 - 5 / 7, abs=1e-4)
    assert found.reliability == ((0.9, pytest.approx(5 / 7, abs=1e-4), 1),)


@given(shift=st.floats(-20, 20), scale=st.floats(0.2, 3))
def test_a_shift_is_an_error_of_heights_but_not_of_aligned_ones(shift: float, scale: float) -> None:
    classes = some_classes()
    surface = np.random.default_rng(3).uniform(-30, 20, SHAPE).astype(np.float32)
    empty = np.full(SHAPE, -30, np.float32)
    truth = MapTruth(classes, surface, surface - empty)
    shifted, scaled = HeightTally(), HeightTally()
    shifted.add(map_of(surface + shift), map_of(empty + shift), truth)
    scaled.add(map_of(scale * surface + shift), map_of(empty), truth)
    found = shifted.figures()
    assert found is not None
    assert found.surface.mae == pytest.approx(abs(shift), abs=1e-3)
    assert found.surface.bias == pytest.approx(shift, abs=1e-3)
    assert found.food is not None
    assert found.food.mae == pytest.approx(0, abs=1e-3)
    assert set(found.surface_by_class) == set(TRAY_CLASSES) - {"outside", "foreign"}
    assert set(found.food_by_class) == {"rice", "liquid", "solid"}
    other = scaled.figures()
    assert other is not None
    assert other.aligned_mae == pytest.approx(0, abs=2e-3)


def test_what_is_foreign_outside_or_unseen_has_no_height() -> None:
    classes = np.full(SHAPE, TRAY_CLASSES.index("outside"), np.uint8)
    classes[:8], classes[8:12] = TRAY_CLASSES.index("foreign"), UNSEEN
    nothing = np.zeros(SHAPE, np.float32)
    tally = HeightTally()
    tally.add(map_of(nothing + 40), map_of(nothing), MapTruth(classes, nothing, nothing))
    assert tally.figures() is None
    assert ClassTally().figures() is None
    assert QuantityTally().figures() is None


def test_quantity_is_judged_by_its_class_and_expected_fraction() -> None:
    tally = QuantityTally()
    sure = np.eye(5, dtype=np.float32)
    tally.add(sure[2], 0.55)
    tally.add(sure[4], 1.0)
    tally.add(np.full(5, 0.2, np.float32), 0.5)
    found = tally.figures()
    assert found is not None
    assert found.trays == 3
    assert found.top_1 == pytest.approx(2 / 3, abs=1e-4)
    assert found.mae == pytest.approx((5 + 10 + 0) / 3, abs=1e-3)
