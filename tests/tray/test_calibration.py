from collections.abc import Callable

import cv2
import numpy as np
import pytest

from appliance.errors import CalibrationError
from appliance.picture import Picture
from appliance.tray.calibration import calibrate
from appliance.tray.reference_quality import check_reference
from tests.tray.drawn_trays import PLASTIC_THREE, STEEL_FIVE, TRAY_MM, photograph


@pytest.fixture(scope="module")
def empty() -> Picture:
    return photograph(STEEL_FIVE, angle_deg=3)[0]


def test_both_references_come_into_one_frame(empty: Picture) -> None:
    full, _ = photograph(STEEL_FIVE, angle_deg=217, tilt=0.1, seed=4)
    calibration = calibrate(empty, full, TRAY_MM)
    assert calibration.full is not None
    assert calibration.empty.shape == calibration.full.shape == (464, 600, 3)
    grey = [
        cv2.GaussianBlur(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), (0, 0), 3)
        for p in (calibration.empty, calibration.full)
    ]
    assert np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1] > 0.9


def test_a_full_reference_of_another_tray_is_refused(empty: Picture) -> None:
    other, _ = photograph(PLASTIC_THREE, angle_deg=40)
    with pytest.raises(CalibrationError, match="does not show the tray"):
        calibrate(empty, other, TRAY_MM)


def test_a_senseless_tray_size_is_refused(empty: Picture) -> None:
    with pytest.raises(CalibrationError, match="50 to 1000 mm"):
        calibrate(empty, None, (375, 0))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda p: cv2.GaussianBlur(p, (0, 0), 4), "blurred"),
        (lambda p: cv2.blur(p, (25, 1)), "blurred"),
        (lambda p: cv2.blur(p, (1, 12)), "blurred"),
        (lambda p: np.clip(p.astype(np.float32) * 6, 0, 255).astype(np.uint8), "over-exposed"),
        (lambda p: p // 8, "too dark"),
        (lambda p: np.full_like(p, 120), "one shade"),
        (lambda p: cv2.resize(p, (240, 180)), "too small"),
    ],
)
def test_a_poor_reference_is_refused_with_the_reason(
    empty: Picture, harm: Callable[[Picture], Picture], reason: str
) -> None:
    with pytest.raises(CalibrationError, match=reason) as caught:
        check_reference(harm(empty), "the empty reference")
    assert str(caught.value).startswith("the empty reference")
    assert "\n" not in str(caught.value)


def test_a_good_reference_passes(empty: Picture) -> None:
    check_reference(empty, "the empty reference")
