from pathlib import Path
from uuid import uuid4

import pytest

from appliance.artifacts.in_force import InForce, in_force
from appliance.artifacts.settings import ArtifactSettings
from appliance.artifacts.shelf import Record, Shelf
from appliance.errors import MenuError, ModelError
from tests.artifacts.test_shelf import artifact

BOOT = uuid4()


def fine(_: Path) -> None:
    """Find nothing wrong with a folder."""


FINE = {"models": fine, "menu": fine}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="Debian"\nIMAGE_ID=janban\nIMAGE_VERSION=0.1.0-gabc\n')
    return tmp_path


def test_a_box_without_a_folder_has_its_own_things(root: Path) -> None:
    assert in_force(ArtifactSettings(), {}, root=root, boot=BOOT) == InForce()
    assert in_force(ArtifactSettings(folder=root / "none"), FINE, root=root, boot=BOOT) == InForce()


def test_networks_are_in_force_with_the_system_that_they_were_tried_with(root: Path) -> None:
    settings = ArtifactSettings(folder=root / "shelf")
    shelf = Shelf(root / "shelf")
    shelf.write("models", Record(kept=artifact("a", "0.1.0-gabc")))
    shelf.write("menu", Record(kept=artifact("b")))
    found = in_force(settings, FINE, root=root, boot=BOOT)
    assert found.versions == {"models": "20261129-a", "menu": "20261129-b"}
    assert found.folders["models"] == shelf.place("models", artifact("a"))
    (root / "etc/os-release").write_text("IMAGE_VERSION=0.2.0-gdef\n")
    assert in_force(settings, FINE, root=root, boot=BOOT).versions == {"menu": "20261129-b"}


def test_a_trial_counts_until_the_next_boot(root: Path) -> None:
    settings = ArtifactSettings(folder=root / "shelf")
    record = Record(kept=artifact("a")).trying(artifact("b"), BOOT)
    Shelf(root / "shelf").write("menu", record)
    assert in_force(settings, FINE, root=root, boot=BOOT).versions == {"menu": "20261129-b"}
    assert in_force(settings, FINE, root=root, boot=uuid4()).versions == {"menu": "20261129-a"}


def test_what_is_damaged_is_left_out_and_said(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    def damaged(folder: Path) -> None:
        raise ModelError(f"{folder.name}: missing")

    shelf = Shelf(root / "shelf")
    for kind in ("models", "menu"):
        shelf.write(kind, Record(kept=artifact("a")))  # type: ignore[arg-type]
    found = in_force(
        ArtifactSettings(folder=root / "shelf"), {**FINE, "models": damaged}, root=root, boot=BOOT
    )
    assert found.versions == {"menu": "20261129-a"}
    said = f"the models 20261129-a of an update are not used: {'a' * 12}: missing"
    assert found.faults == (said,)
    assert said in caplog.text


def test_a_menu_for_another_box_is_no_menu(root: Path) -> None:
    def strange(_: Path) -> None:
        raise MenuError("the menu is for the site b, and this is a")

    Shelf(root / "shelf").write("menu", Record(kept=artifact("a")))
    found = in_force(ArtifactSettings(folder=root / "shelf"), {**FINE, "menu": strange}, root=root, boot=BOOT)
    assert found.folders == {}
    assert "is for the site b" in found.faults[0]
