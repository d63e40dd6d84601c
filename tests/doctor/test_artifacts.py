import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.artifacts.in_force import InForce
from appliance.artifacts.settings import ArtifactSettings
from appliance.artifacts.shelf import Record, Shelf
from appliance.config import Settings
from appliance.doctor.artifacts import artifacts
from appliance.doctor.examine import examine
from appliance.doctor.instruments import Instruments
from tests.artifacts.test_shelf import artifact
from tests.menu.test_menu import EXAMPLE

BEFORE, AFTER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)


@pytest.fixture
def menu(tmp_path: Path) -> InForce:
    shutil.copy(EXAMPLE, tmp_path / "menu.toml")
    return InForce({"menu": tmp_path}, {"menu": "20261129-a"})


def test_a_box_without_updates_of_their_own() -> None:
    check = artifacts(InForce(), BEFORE)
    assert (check.state, check.found) == ("ok", "the system's own networks, and no menu")


def test_what_is_in_force_is_said(menu: InForce) -> None:
    check = artifacts(menu, BEFORE)
    assert (check.state, check.found) == ("ok", "menu 20261129-a in force, by updates of their own")


def test_a_menu_that_is_over_is_worth_a_word(menu: InForce) -> None:
    check = artifacts(menu, AFTER)
    assert check.state == "warn"
    assert "the menu ended on 2026-12-01" in check.found
    assert check.advice


def test_what_is_not_used_is_said_with_what_to_do() -> None:
    check = artifacts(InForce(faults=("the models 1 of an update are not used: a: missing",)), BEFORE)
    assert (check.state, check.found) == ("warn", "the models 1 of an update are not used: a: missing")
    assert "install the update again" in check.advice


def test_networks_that_are_damaged_cost_the_box_nothing(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.write("models", Record(kept=artifact("a")))
    settings = settings.model_copy(update={"artifacts": ArtifactSettings(folder=tmp_path / "shelf")})
    checks = {check.name: check for check in examine(settings, tools)}
    assert "the models 20261129-a of an update are not used" in checks["artifacts"].found
    assert checks["models"].state == "ok"
