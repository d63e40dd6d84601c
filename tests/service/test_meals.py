from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.menu.menu import Meal, Menu
from appliance.picture import save_picture
from appliance.service.meals import LEAST_S, Meals
from appliance.tray.calibration import Calibration, calibrate

NOON = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock that shows what it is told."""

    def __init__(self) -> None:
        self.now = NOON

    def utc(self) -> datetime:
        return self.now

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def sleep_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Note:
    """An operator's word."""

    said: str | None = None

    def meal(self, moment: datetime) -> str | None:
        assert moment.tzinfo is not None
        return self.said


@pytest.fixture(scope="module")
def line() -> SimulatedLine:
    return SimulatedLine(SimulatorSettings(width=1280, height=960))


@pytest.fixture(scope="module")
def calibration(line: SimulatedLine) -> Calibration:
    return calibrate(line.reference_empty(), None, line.layout.tray_mm)


@pytest.fixture
def folder(line: SimulatedLine, tmp_path: Path) -> Path:
    save_picture(tmp_path / "served.png", line.reference_full())
    save_picture(tmp_path / "empty.png", line.reference_empty())
    return tmp_path


def menu(lunch: str | None, dinner: str | None) -> Menu:
    meals = (
        Meal(name="lunch", begins=NOON, ends=NOON + HOUR, full=lunch),
        Meal(name="dinner", begins=NOON + 6 * HOUR, ends=NOON + 7 * HOUR, full=dinner),
    )
    return Menu(schema_id="janban.menu/1", device="box", meals=meals)


def test_readings_carry_the_meal_of_their_time_unless_an_operator_says_another() -> None:
    meals, note = Meals(Clock(), menu(None, None)), Note()
    assert [meals.at(NOON + hours * HOUR) for hours in (0, 1, 6)] == ["lunch", None, "dinner"]
    meals.note = note
    assert meals.at(NOON) == "lunch"
    note.said = "soup"
    assert [meals.at(NOON + hours * HOUR) for hours in (0, 1, 6)] == ["soup"] * 3


def test_without_a_menu_the_operator_has_the_only_word() -> None:
    meals, note = Meals(Clock()), Note()
    assert meals.at(NOON) is None
    meals.note, note.said = note, "soup"
    assert meals.at(NOON) == "soup"
    assert not meals.changed


def test_a_meal_is_compared_with_its_own_full_serving(folder: Path, calibration: Calibration) -> None:
    clock = Clock()
    meals = Meals(clock, menu("served.png", None), folder)
    found = meals.served(calibration)
    assert found.full is not None
    assert found.full.shape == calibration.empty.shape
    assert np.abs(found.full.astype(int) - calibration.empty).mean() > 5
    assert meals.fault is None
    assert not meals.changed


def test_when_the_meal_ends_the_service_is_to_start_anew(folder: Path, calibration: Calibration) -> None:
    clock = Clock()
    meals = Meals(clock, menu("served.png", None), folder)
    meals.served(calibration)
    clock.now = NOON + HOUR
    assert meals.changed
    assert meals.served(calibration) is calibration
    assert not meals.changed
    clock.now = NOON + 6 * HOUR
    assert not meals.changed


def test_the_serving_follows_an_operator_who_moves_a_meal(folder: Path, calibration: Calibration) -> None:
    clock, note = Clock(), Note()
    meals = Meals(clock, menu(None, "served.png"), folder)
    meals.note = note
    meals.served(calibration)
    assert meals.picture is None
    note.said = "dinner"
    clock.sleep_s(LEAST_S - 1)
    assert not meals.changed, "whoever changes the meal again and again must not have the machine reboot"
    clock.sleep_s(1)
    assert meals.changed
    meals.served(calibration)
    assert meals.picture == "served.png"


@pytest.mark.parametrize("picture", ["empty.png", "none.png"])
def test_a_picture_of_no_use_is_said_and_tried_once(
    folder: Path, calibration: Calibration, picture: str, caplog: pytest.LogCaptureFixture
) -> None:
    meals = Meals(Clock(), menu(picture, None), folder)
    assert meals.served(calibration) is calibration
    assert meals.fault is not None
    assert f"the menu's picture {picture} is no full serving" in meals.fault
    assert meals.fault in caplog.text
    assert not meals.changed
