import shutil
from pathlib import Path

import pytest

from appliance.artifacts.shelf import Record, Shelf
from appliance.config import Settings
from appliance.service.in_force import look_in_force, with_networks
from tests.artifacts.test_shelf import artifact
from tests.e2e.test_networks import MODELS


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return a shelf with the shipped networks in force."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.write("models", Record(kept=artifact("a", "")))
    shutil.copytree(MODELS, shelf.place("models", artifact("a")))
    return shelf


def settings(folder: Path, models: dict[str, str]) -> Settings:
    device = {
        "site": "canteen",
        "name": "line-1",
        "state_dir": str(folder),
        "calibration_dir": str(folder / "calibration"),
    }
    return Settings.model_validate(
        {
            "device": device,
            "camera": {"kind": "simulator"},
            "artifacts": {"folder": str(folder / "shelf")},
            "models": models,
            "mqtt": {"host": "127.0.0.1"},
        }
    )


def test_networks_take_the_place_of_the_systems_own(shelf: Shelf, tmp_path: Path) -> None:
    wanted = settings(tmp_path, {"folder": "/opt/janban/models"})
    found = look_in_force(wanted, tmp_path)
    assert found.versions == {"models": "20261129-a"}
    assert with_networks(wanted, found).models.folder == shelf.place("models", artifact("a"))


@pytest.mark.usefixtures("shelf")
def test_a_box_that_was_told_to_do_without_networks_does_and_says_so(tmp_path: Path) -> None:
    wanted = settings(tmp_path, {})
    found = look_in_force(wanted, tmp_path)
    assert found.versions == {}, "health must not say that they are in force"
    assert with_networks(wanted, found) is wanted
