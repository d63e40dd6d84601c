"""New references from trays that came along, on pictures of the simulated line."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.clock import SystemClock
from appliance.errors import CommandError
from appliance.estimate.settings import EstimateSettings
from appliance.picture import Picture
from appliance.service.pipeline import TrayMeasurer
from appliance.service.recalibrate import Recalibration, exchange
from appliance.tray.calibration import Calibration, calibrate, load_calibration, save_calibration

CLOCK = SystemClock()


def line(seed: int) -> SimulatedLine:
    return SimulatedLine(SimulatorSettings(width=1280, height=960, real_time=False, seed=seed))


@cache
def empty(seed: int) -> Picture:
    return line(seed).reference_empty()


@cache
def full(seed: int) -> Picture:
    return line(seed).reference_full()


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(empty(1), full(1), line(1).layout.tray_mm)


@pytest.fixture
def folder(calibration: Calibration, tmp_path: Path) -> Path:
    save_calibration(calibration, tmp_path / "calibration")
    return tmp_path / "calibration"


def recalibration(folder: Path, state_dir: Path | None = None) -> Recalibration:
    return Recalibration(folder, state_dir or folder.parent, EstimateSettings(), CLOCK)


def turned(picture: Picture) -> Picture:
    return np.ascontiguousarray(cv2.rotate(picture, cv2.ROTATE_180), np.uint8)


def test_a_tray_becomes_the_full_serving(folder: Path, calibration: Calibration) -> None:
    served = full(5)
    recalibration(folder).replace("full", turned(served), "a test")
    fresh = load_calibration(folder)
    assert np.array_equal(fresh.empty, calibration.empty)
    assert fresh.full is not None
    measured = TrayMeasurer(fresh, EstimateSettings().parameters(), CLOCK).measure(served).outcome
    assert measured.leftover == pytest.approx(1.0, abs=0.05)
    previous = load_calibration(folder.with_name("calibration-previous"))
    assert calibration.full is not None
    assert previous.full is not None
    assert np.array_equal(previous.full, calibration.full)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["calibration", "calibration-previous"]
    # And again: the one before goes.
    recalibration(folder).replace("full", served, "a test")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["calibration", "calibration-previous"]


def test_a_tray_becomes_the_empty_one(folder: Path, calibration: Calibration) -> None:
    darker = (empty(1) * 0.8).astype(np.uint8)
    recalibration(folder).replace("empty", darker, "a test")
    fresh = load_calibration(folder)
    assert fresh.empty.mean() < 0.9 * calibration.empty.mean()
    assert calibration.full is not None
    assert fresh.full is not None
    assert np.array_equal(fresh.full, calibration.full)


@pytest.mark.parametrize(
    ("what", "picture", "why"),
    [
        ("full", "empty", "there is little or no food on it"),
        ("empty", "full", "there is food on it"),
        ("full", "blurred", "blurred"),
        ("full", "grey", "no colour"),
        ("full", "nothing", "matches the layout"),
        ("full", "half", "matches the layout|not seen whole"),
    ],
)
def test_a_tray_that_is_no_reference_changes_nothing(folder: Path, what: str, picture: str, why: str) -> None:
    served = full(1)
    pictures = {
        "empty": empty(1),
        "full": served,
        "blurred": cv2.GaussianBlur(served, (0, 0), 6),
        "grey": cv2.cvtColor(cv2.cvtColor(served, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
        "nothing": np.random.default_rng(1).integers(0, 255, (960, 1280, 3), dtype=np.uint8),
        "half": np.ascontiguousarray(served[:, 560:]),
    }
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(CommandError, match=f"is no reference: .*({why})") as caught:
        recalibration(folder).replace(what, pictures[picture], "a test")  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["calibration"]


def test_what_a_power_cut_left_is_cleared_away_and_stops_nothing(folder: Path) -> None:
    """A folder of which the half was deleted is no calibration, and would not be overwritten."""
    fresh, unfinished = (
        folder.with_name(name) for name in ("calibration-fresh", ".calibration-fresh-x1y2z3")
    )
    for left in (fresh, unfinished):
        left.mkdir()
        (left / "layout.toml").write_text("", encoding="ascii")
    recalibration(folder).replace("full", full(5), "a test")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["calibration", "calibration-previous"]


def test_nothing_is_written_outside_the_state_folder(folder: Path, tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    (state_dir / "link").symlink_to(folder.parent)
    for outside in (folder, state_dir / ".." / "calibration", state_dir / "link" / "calibration"):
        with pytest.raises(CommandError, match=r"lies outside device\.state_dir"):
            recalibration(outside, state_dir).replace("full", full(1), "a test")


def test_a_calibration_that_is_gone_is_told(folder: Path) -> None:
    with pytest.raises(CommandError, match="no such folder"):
        recalibration(folder.with_name("gone")).replace("full", full(1), "a test")


def test_folders_change_places_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").exists()
    assert (tmp_path / "other" / "one").exists()
    with pytest.raises(OSError, match="No such file"):
        exchange(tmp_path / "one", tmp_path / "missing")


def test_without_a_full_reference_one_is_added(folder: Path, calibration: Calibration) -> None:
    save_calibration(replace(calibration, full=None), folder)
    recalibration(folder).replace("full", full(1), "a test")
    assert load_calibration(folder).full is not None
