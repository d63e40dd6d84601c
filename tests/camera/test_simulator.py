from itertools import pairwise

import cv2
import numpy as np
import pytest

from appliance.camera.frame import Frame
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.surfaces import tray_field
from appliance.camera.simulation.tray_painter import paint_tray
from appliance.camera.simulator import SimulatedLine
from appliance.errors import CameraError
from tests.camera.fake_clock import FakeClock

FAST = {"real_time": False, "width": 320, "height": 240}


def frames(count: int, **chosen: object) -> tuple[list[Frame], SimulatedLine]:
    line = SimulatedLine(SimulatorSettings.model_validate(FAST | chosen), FakeClock())
    line.open()
    return [line.read(1.0) for _ in range(count)], line


def test_the_same_settings_give_the_same_pictures() -> None:
    first, _ = frames(120, seed=3)
    again, _ = frames(120, seed=3)
    other, _ = frames(120, seed=4)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.image, b.image) for a, b in zip(first, other, strict=True))


def test_frames_run_on_the_lines_own_time() -> None:
    taken, _ = frames(50, fps=20)
    assert [frame.index for frame in taken] == list(range(50))
    for before, after in pairwise(taken):
        assert after.captured_s - before.captured_s == pytest.approx(0.05)
        assert (after.captured_at - before.captured_at).total_seconds() == pytest.approx(0.05)
        assert after.captured_at.tzinfo is not None


def test_no_two_frames_are_alike() -> None:
    """Sensor noise: or else a standing belt would look like a frozen camera."""
    taken, _ = frames(80, glide=0, tailgate=0)
    assert all(not np.array_equal(a.image, b.image) for a, b in pairwise(taken))


def test_truth_says_where_each_tray_is() -> None:
    """Within the true corners the picture differs from the empty belt, and nowhere else."""
    taken, _ = frames(500, noise=0, drift=0, hand=0, napkin=0, lamps=0, set_down=0, nudge=0, stay=0)
    belt = taken[0].image
    assert sum(len(frame.truth) for frame in taken) > 100
    for frame in taken[::7]:
        mask = np.zeros(belt.shape[:2], np.uint8)
        for truth in frame.truth:
            cv2.fillConvexPoly(mask, np.round(truth.corners_px).astype(np.int32), 255)
        inside = cv2.erode(mask, np.ones((15, 15), np.uint8)) > 0
        outside = cv2.dilate(mask, np.ones((25, 25), np.uint8)) == 0
        differs = np.abs(frame.image.astype(int) - np.median(belt, axis=(0, 1))).max(axis=2) > 30
        if any(truth.in_view_fraction > 0.6 for truth in frame.truth):
            assert differs[inside].mean() > 0.7
        assert differs[outside].mean() < 0.01


def test_corners_follow_the_trays_own_order_and_angle() -> None:
    taken, _ = frames(300, noise=0)
    for frame in taken:
        for truth in frame.truth:
            top_left, top_right, bottom_right, bottom_left = np.asarray(truth.corners_px)
            along = top_right - top_left
            angle = np.degrees(np.arctan2(-along[1], along[0]))
            assert (angle - truth.angle_deg + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
            assert np.allclose(bottom_right - bottom_left, along, atol=1e-3)
            assert np.linalg.norm(along) > np.linalg.norm(bottom_left - top_left)


def test_passed_trays_are_those_that_were_whole_and_left() -> None:
    taken, line = frames(900, trays_per_minute=60, fps=10)
    seen_whole = {t.tray for frame in taken for t in frame.truth if t.in_view_fraction >= 0.998}
    still_there = {t.tray for t in taken[-1].truth}
    line.close()
    passed = [truth.tray for truth in line.trays_passed]
    assert len(passed) == len(set(passed))
    assert set(passed) == seen_whole - still_there
    assert len(passed) > 20
    started = {t.tray for frame in taken for t in frame.truth}
    assert started == set(range(len(started)))
    assert started - set(passed) <= still_there, "every tray of the script can be seen whole"


def test_truth_stays_with_its_tray() -> None:
    taken, _ = frames(300)
    known: dict[int, dict[int, float]] = {}
    for frame in taken:
        for truth in frame.truth:
            assert set(truth.leftover) == {1, 2, 3, 4, 5}
            assert all(0 <= value <= 1 for value in truth.leftover.values())
            assert known.setdefault(truth.tray, truth.leftover) == truth.leftover


@pytest.mark.parametrize("kind", ["steel-5", "steel-6", "plastic-4"])
@pytest.mark.parametrize("leftover", [0.05, 0.3, 0.5, 0.9, 1.0])
def test_painted_leftovers_are_the_wanted_volumes(kind: str, leftover: float) -> None:
    line = SimulatedLine(SimulatorSettings.model_validate({"tray": kind}))
    ids = [compartment.id for compartment in line.layout.compartments]
    painted = paint_tray(
        line.settings.tray, dict.fromkeys(ids, leftover), angle_deg=30, px_per_mm=1.0, seed=8
    )
    assert painted.leftover == pytest.approx(dict.fromkeys(ids, leftover), abs=0.01)


@pytest.mark.parametrize("px_per_mm", [0.6, 1.0, 2.0])
def test_a_full_serving_is_as_large_at_any_resolution(px_per_mm: float) -> None:
    """Compared with the prismatoid between the soup's waterline and the floor of its well."""
    field = tray_field("steel-5", px_per_mm)
    volume_cm3 = field.volume_cm3(field.wells[4].full_mm)
    areas = [(166.5 - 2 * inset) * (148 - 2 * inset) for inset in (7.2, 15.6, 24.0)]
    prismatoid_cm3 = 0.7 * 27 / 6 * (areas[0] + 4 * areas[1] + areas[2]) / 1000
    assert volume_cm3 == pytest.approx(prismatoid_cm3, rel=0.06)


def test_clean_trays_hold_next_to_nothing() -> None:
    for seed in range(8):
        painted = paint_tray("steel-5", {}, angle_deg=0, px_per_mm=1.0, seed=seed)
        assert max(painted.leftover.values()) < 0.02


def test_a_sinking_waterline_shrinks_less_than_the_volume() -> None:
    """The soup well tapers: half the volume shows well over half of the area."""
    field = tray_field("steel-5", 1.0)
    soup = 5

    def area(leftover: float) -> int:
        painted = paint_tray("steel-5", {soup: leftover}, angle_deg=0, px_per_mm=1.0, seed=1, spotless=True)
        window = painted.sprite.bgra[field.wells[soup - 1].window]
        return int((cv2.cvtColor(window[:, :, :3], cv2.COLOR_BGR2HSV)[:, :, 1] > 120).sum())

    assert 0.75 < area(0.5) / area(1.0) < 0.95


def test_references_show_the_same_tray() -> None:
    line = SimulatedLine(SimulatorSettings())
    empty, full = line.reference_empty(), line.reference_full()
    assert empty.shape == full.shape == (480, 640, 3)
    outside = np.ones(empty.shape[:2], bool)
    outside[90:390, 130:510] = False
    assert np.abs(empty.astype(int) - full)[outside].max() <= 2
    assert np.abs(empty.astype(int) - full)[~outside].mean() > 25


def test_real_time_waits_for_each_frame_and_skips_what_the_reader_missed() -> None:
    clock = FakeClock()
    line = SimulatedLine(SimulatorSettings(fps=10, width=320, height=240), clock)
    with line:
        first = line.read(1.0)
        second = line.read(1.0)
        assert second.captured_s - first.captured_s == pytest.approx(0.1)
        clock.sleep_s(3.0)
        late = line.read(1.0)
        assert late.captured_s - second.captured_s == pytest.approx(3.0)
        assert late.index == 2
        with pytest.raises(CameraError, match="no frame within"):
            line.read(0.01)


def test_reading_a_closed_line_says_so() -> None:
    line = SimulatedLine(SimulatorSettings())
    line.close()
    with pytest.raises(CameraError, match="not open"):
        line.read(1.0)
