import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import TrayNotFoundError
from appliance.picture import Picture, load_picture
from appliance.tray.calibration import Calibration, calibrate
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Compartment, Layout
from appliance.tray.locate import locate
from appliance.tray.rectify import project, rectify
from tests.tray.drawn_trays import (
    STEEL_FIVE,
    TRAY_MM,
    intersection_over_union,
    photograph,
    reprojection_error_px,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
RENDERED = DATA / "rendered_trays"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


@cache
def drawn_calibration() -> Calibration:
    """Calibrate with the true layout, so that what is measured is locating alone."""
    picture, picture_from_tray = photograph(STEEL_FIVE)
    compartments = tuple(
        Compartment(i, f"well {i}", rounded_rectangle(*well), rounded_rectangle(*well), 25.0)
        for i, well in enumerate(STEEL_FIVE.wells, start=1)
    )
    view, _ = rectify(picture, picture_from_tray, TRAY_MM, 1.6)
    return Calibration(Layout(TRAY_MM, 38.0, compartments), 1.6, view, None)


@settings(max_examples=12)
@given(
    st.floats(0, 360),
    st.floats(-0.25, 0.25),
    st.tuples(st.floats(-60, 60), st.floats(-30, 30)),
    st.floats(1.15, 1.5),
    st.integers(0, 50),
)
def test_any_angle_place_size_and_tilt(
    angle_deg: float, tilt: float, shift_px: tuple[float, float], px_per_mm: float, seed: int
) -> None:
    picture, truth = photograph(
        STEEL_FIVE, angle_deg, tilt=tilt, shift_px=shift_px, px_per_mm=px_per_mm, seed=seed
    )
    found = locate(picture, drawn_calibration())
    assert reprojection_error_px(STEEL_FIVE, found.picture_from_tray, truth) < 2


@pytest.mark.parametrize("angle_deg", [10, 130, 250])
def test_hands_napkins_and_food_in_the_way(angle_deg: float) -> None:
    picture, truth = photograph(STEEL_FIVE, angle_deg, tilt=0.1)
    rng = np.random.default_rng(3)
    food = project(np.array([[100, 200], [260, 70], [300, 210.0]]), truth)
    for (x, y), colour in zip(food.astype(int), [(40, 60, 150), (60, 140, 60), (220, 225, 230)], strict=True):
        cv2.circle(picture, (int(x), int(y)), 60, colour, -1)
    x, y = project(np.array([[375.0, 145.0]]), truth)[0].astype(int)
    cv2.ellipse(picture, (int(x), int(y)), (50, 30), float(rng.uniform(0, 180)), 0, 360, (120, 150, 200), -1)
    found = locate(picture, drawn_calibration())
    assert reprojection_error_px(STEEL_FIVE, found.picture_from_tray, truth) < 4


def test_the_share_inside_the_picture() -> None:
    picture, truth = photograph(STEEL_FIVE, shift_px=(0, -163))
    found = locate(picture, drawn_calibration())
    above = project(np.array([[0.0, 0.0]]), truth)[0, 1]
    assert above < 0
    assert found.in_frame_fraction == pytest.approx(1 + above / (290 * 1.4), abs=0.01)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((720, 960, 3), np.uint8),
        np.full((720, 960, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (720, 960, 3), dtype=np.uint8),
        cv2.rectangle(np.full((720, 960, 3), 60, np.uint8), (200, 150), (740, 565), (180, 180, 180), -1),
        cv2.circle(np.full((720, 960, 3), 60, np.uint8), (480, 360), 250, (240, 240, 240), -1),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((64, 2000, 3), np.uint8),
    ],
    ids=["black", "white", "noise", "plain board", "plate", "one pixel", "strip"],
)
def test_no_tray_is_found_where_none_is(picture: Picture) -> None:
    with pytest.raises(TrayNotFoundError) as caught:
        locate(picture, drawn_calibration())
    assert "\n" not in str(caught.value)


@cache
def data_calibration(file: str) -> Calibration:
    return calibrate(load_picture(DATA / file), None, TRAY_MM)


@needs_data
@pytest.mark.parametrize("setup", [1, 2, 3])
def test_rendered_returns_are_located_the_right_way_round(setup: int) -> None:
    calibration = data_calibration(f"rendered_trays/setup{setup}/empty.jpg")
    numbers = _matching_wells(calibration, setup, "empty")
    for number in range(1, 13):
        assert _matching_wells(calibration, setup, f"return_{number:02d}") == numbers


def _matching_wells(calibration: Calibration, setup: int, name: str) -> list[int]:
    truth = json.loads((RENDERED / f"setup{setup}" / f"{name}.json").read_text())
    located = locate(load_picture(RENDERED / f"setup{setup}" / f"{name}.jpg"), calibration)
    found = [project(c.outline_mm, located.picture_from_tray) for c in calibration.layout.compartments]
    numbers = []
    for compartment in truth["compartments"]:
        overlaps = [
            intersection_over_union(np.array(compartment["opening_px"]), outline) for outline in found
        ]
        assert max(overlaps) > 0.75
        numbers.append(int(np.argmax(overlaps)))
    return numbers


@needs_data
def test_the_steel_tray_turned_by_a_quarter() -> None:
    calibration = data_calibration("steel_tray/empty.jpg")
    heading = []
    for name in ("empty", "full", "half"):
        located = locate(load_picture(DATA / "steel_tray" / f"{name}.jpg"), calibration)
        start, end = project(np.array([[50.0, 180], [200, 180]]), located.picture_from_tray)
        heading.append(np.degrees(np.arctan2(*(end - start)[::-1])))
    # As photographed: upright, its right side up, upright.
    assert heading == pytest.approx([0, -90, 0], abs=6)


@needs_data
def test_other_peoples_trays_are_not_taken_for_ours() -> None:
    calibration = data_calibration("rendered_trays/setup1/empty.jpg")
    files = sorted((DATA / "canteen_tray_leftovers").glob("*/images/*.jpg"))[::40]
    assert files
    for file in files:
        with pytest.raises(TrayNotFoundError):
            locate(load_picture(file), calibration)
