import cv2
import numpy as np
import pytest

from appliance.tray.busiest import busiest_rectangle
from appliance.tray.gradient import gradient


def counter(angle_deg: float) -> np.ndarray:
    """Draw a striped thing of 160x110 pixels on a plain counter, and an arm that reaches into it."""
    picture = np.full((240, 320, 3), 90, np.uint8)
    cv2.line(picture, (160, 120), (319, 20), (150, 170, 200), 24)
    thing = np.zeros((110, 160), np.uint8)
    thing[::6] = 200
    thing[1::6] = 160
    onto = cv2.getRotationMatrix2D((80, 55), angle_deg, 1.0)
    onto[:, 2] += (80, 65)
    covered = cv2.warpAffine(np.full_like(thing, 255), onto, (320, 240)) > 127
    picture[covered] = cv2.warpAffine(thing, onto, (320, 240))[covered][:, None]
    return picture


@pytest.mark.parametrize("angle_deg", [0.0, 17.0, 45.0, 90.0, 131.0])
def test_the_thing_is_found_without_its_arm(angle_deg: float) -> None:
    field = gradient(counter(angle_deg), 320)
    [quad] = busiest_rectangle(field)
    assert quad.mean(axis=0) == pytest.approx([160, 120], abs=8)
    sides = sorted(np.hypot(*(np.roll(quad, -1, axis=0) - quad).T))
    assert sides == pytest.approx([110, 110, 160, 160], abs=16)


def test_a_bare_counter_has_none() -> None:
    noise = np.random.default_rng(1).integers(88, 93, (240, 320, 3), dtype=np.uint8)
    assert busiest_rectangle(gradient(noise, 320)) == []
