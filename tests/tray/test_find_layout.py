from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.kinds import TrayKind
from appliance.camera.simulator import SimulatedLine
from appliance.errors import CalibrationError
from appliance.picture import load_picture
from appliance.tray.find_layout import find_layout
from appliance.tray.rectify import project
from tests.tray.drawn_trays import (
    PLASTIC_THREE,
    ROUND_FOUR,
    SEVEN,
    SIX,
    STEEL_FIVE,
    TRAY_MM,
    DrawnTray,
    intersection_over_union,
    photograph,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


@pytest.mark.parametrize(
    ("tray", "angle_deg", "tilt", "size"),
    [
        (STEEL_FIVE, 4, 0.15, (960, 720)),
        (PLASTIC_THREE, 90, 0.0, (720, 960)),
        (ROUND_FOUR, 0, 0.15, (960, 720)),
        (SIX, 4, 0.15, (960, 720)),
        (SEVEN, -7, 0.3, (960, 720)),
    ],
    ids=lambda value: value.name if isinstance(value, DrawnTray) else str(value),
)
def test_every_well_is_found_and_numbered_in_reading_order(
    tray: DrawnTray, angle_deg: float, tilt: float, size: tuple[int, int]
) -> None:
    picture, picture_from_tray = photograph(tray, angle_deg=angle_deg, tilt=tilt, size=size)
    found = find_layout(picture, TRAY_MM)
    openings = [project(c.outline_mm, found.picture_from_tray) for c in found.layout.compartments]
    expected = [project(opening, picture_from_tray) for opening in tray.openings()]
    assert [c.id for c in found.layout.compartments] == list(range(1, len(tray.wells) + 1))
    which = [int(np.argmax([intersection_over_union(e, o) for o in openings])) for e in expected]
    assert sorted(which) == list(range(len(expected)))
    assert min(intersection_over_union(e, openings[i]) for e, i in zip(expected, which, strict=True)) > 0.93
    assert found.layout.tray_mm == (TRAY_MM if angle_deg < 45 else TRAY_MM[::-1])
    if tray in {STEEL_FIVE, SIX}:  # the others are no plain rows
        assert which == sorted(which)
    for compartment in found.layout.compartments:
        assert (compartment.floor_mm.min(axis=0) > compartment.outline_mm.min(axis=0)).all()
        assert (compartment.floor_mm.max(axis=0) < compartment.outline_mm.max(axis=0)).all()


@pytest.mark.parametrize(("tray", "belt"), [("steel-5", "light"), ("steel-6", "dark")])
def test_the_simulated_trays(tray: TrayKind, belt: Literal["dark", "light"]) -> None:
    line = SimulatedLine(SimulatorSettings(tray=tray, belt=belt, width=960, height=720, view_mm=600))
    found = find_layout(line.reference_empty(), line.layout.tray_mm).layout
    assert len(found.compartments) == len(line.layout.compartments)
    for mine, true in zip(found.compartments, line.layout.compartments, strict=True):
        assert intersection_over_union(mine.outline_mm, true.outline_mm) > 0.8


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_plain_picture_has_no_tray(shade: int) -> None:
    with pytest.raises(CalibrationError, match="no tray"):
        find_layout(np.full((480, 640, 3), shade, np.uint8), TRAY_MM)


def test_noise_has_no_tray() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 480, 3), dtype=np.uint8)
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
def test_every_compartment_of_the_reference_photographs(file: str, wells: int) -> None:
    layout = find_layout(load_picture(DATA / file), TRAY_MM).layout
    assert len(layout.compartments) == wells
    areas = [
        abs(np.ptp(c.outline_mm[:, 0]) * np.ptp(c.outline_mm[:, 1])) / (TRAY_MM[0] * TRAY_MM[1])
        for c in layout.compartments
    ]
    assert 0.65 < sum(areas) < 0.95
