from pathlib import Path

import numpy as np
import pytest

from appliance.errors import CalibrationError
from appliance.picture import load_picture
from appliance.tray.find_layout import find_layout
from appliance.tray.rectify import project
from tests.tray.drawn_trays import (
    STEEL_FIVE,
    TRAY_MM,
    intersection_over_union,
    photograph,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


@pytest.mark.parametrize("tray", [STEEL_FIVE], ids=lambda tray: tray.name)
def test_every_well_is_found_and_numbered_in_reading_order(tray):
    picture, picture_from_tray = photograph(tray, angle_deg=4, tilt=0.15)
    found = find_layout(picture, TRAY_MM)
    openings = [project(c.outline_mm, found.picture_from_tray) for c in found.layout.compartments]
    expected = [project(opening, picture_from_tray) for opening in tray.openings()]
    assert [c.id for c in found.layout.compartments] == list(range(1, len(tray.wells) + 1))
    assert len(openings) == len(expected)
    order = [int(np.argmax([intersection_over_union(e, o) for o in openings])) for e in expected]
    assert sorted(order) == list(range(len(expected)))
    assert min(intersection_over_union(e, openings[i]) for e, i in zip(expected, order, strict=True)) > 0.93
    for compartment in found.layout.compartments:
        assert (compartment.floor_mm.min(axis=0) > compartment.outline_mm.min(axis=0)).all()
        assert (compartment.floor_mm.max(axis=0) < compartment.outline_mm.max(axis=0)).all()


def test_an_upright_tray_has_its_long_side_upright():
    picture, _ = photograph(STEEL_FIVE, angle_deg=90, size=(720, 960))
    layout = find_layout(picture, TRAY_MM).layout
    assert layout.tray_mm == (290, 375)
    assert len(layout.compartments) == 5


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_plain_picture_has_no_tray(shade):
    with pytest.raises(CalibrationError, match="no tray"):
        find_layout(np.full((480, 640, 3), shade, np.uint8), TRAY_MM)


def test_noise_has_no_tray():
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    with pytest.raises(CalibrationError, match="no tray"):
        find_layout(noise, TRAY_MM)


@needs_data
@pytest.mark.parametrize(
    ("file", "wells"),
    [
        ("steel_tray/empty.jpg", 5),
        ("rendered_trays/setup1/empty.jpg", 5),
        ("rendered_trays/setup2/empty.jpg", 6),
        ("rendered_trays/setup3/empty.jpg", 5),
    ],
)
def test_every_compartment_of_the_reference_photographs(file, wells):
    layout = find_layout(load_picture(DATA / file), TRAY_MM).layout
    assert len(layout.compartments) == wells
    areas = [
        abs(np.ptp(c.outline_mm[:, 0]) * np.ptp(c.outline_mm[:, 1])) / (TRAY_MM[0] * TRAY_MM[1])
        for c in layout.compartments
    ]
    assert 0.65 < sum(areas) < 0.95
