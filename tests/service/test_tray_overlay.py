"""Where on the picture what the networks saw is drawn."""

import numpy as np
import pytest

from appliance.estimate.contents import FOREIGN, RICE
from appliance.readings.measurement import CompartmentMeasurement, Estimates, Outcome, Weights
from appliance.service.pipeline import MeasuredTray, Seen
from appliance.service.tray_overlay import overlay

PX_PER_MM = 2.0
TRAY_MM = (200.0, 160.0)
SHIFT = np.array([[PX_PER_MM, 0, 100.0], [0, PX_PER_MM, 60.0], [0, 0, 1]])
"""The tray lies at (100, 60) in a picture of 640x480."""


def tray(classes: np.ndarray | None) -> MeasuredTray:
    well = CompartmentMeasurement(
        id=1,
        outline=((110, 70), (140, 70), (140, 90)),
        leftover=0.5,
        uncertainty=0.1,
        confidence=0.9,
        estimates=Estimates(back_projection=0.5),
        weights=Weights(back_projection=1.0),
    )
    outcome = Outcome(
        status="measured", path="full", compartments=(well,), leftover=0.5, latency_ms={"total": 1.0}
    )
    food = np.zeros((160, 200), np.bool_)
    food[100:, :50] = True
    return MeasuredTray(outcome, Seen(SHIFT, TRAY_MM, 1.0, food, classes))


def changed(classes: np.ndarray | None) -> np.ndarray:
    """Return where the overlay differs from one of a tray with nothing on it, below the well's label."""
    picture = np.full((480, 640, 3), 128, np.uint8)
    bare = overlay(picture, tray(np.zeros((64, 64), np.uint8)))
    different = (overlay(picture, tray(classes)) != bare).any(axis=2)
    different[:130] = False
    return different


@pytest.mark.parametrize("kind", [RICE, FOREIGN])
def test_what_the_segmentation_saw_lies_where_it_is(kind: int) -> None:
    classes = np.zeros((64, 64), np.uint8)
    classes[32:48, 16:48] = kind
    rows, columns = np.nonzero(changed(classes))
    # A quarter and three quarters of 400 px from 100, a half and three quarters of 320 px from 60.
    assert (columns.min(), columns.max()) == (pytest.approx(200, abs=4), pytest.approx(400, abs=4))
    assert (rows.min(), rows.max()) == (pytest.approx(220, abs=4), pytest.approx(300, abs=4))


def test_without_segmentation_what_back_projection_took_for_food_is_tinted() -> None:
    rows, columns = np.nonzero(changed(None))
    assert (columns.min(), columns.max()) == (pytest.approx(100, abs=4), pytest.approx(200, abs=4))
    assert (rows.min(), rows.max()) == (pytest.approx(260, abs=4), pytest.approx(380, abs=4))
