import hashlib
import shutil
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.update import record
from appliance.update.autoboot import Autoboot
from appliance.update.install import find
from appliance.update.record import Attempt
from tests.update.boxes import Box, FakeMachine, installer


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "janban.raucb"
    file.write_text("1")
    return file


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    return tmp_path / "state" / "last-system.json"


def test_a_bundle_is_installed_and_tried(box: Box, bundle: Path, noted: Path) -> None:
    machine = FakeMachine(box.bootloader)
    said = installer(machine, box.bootloader, noted.parent).install(bundle)
    assert said == "janban is in slot B; restarting into it, on trial"
    assert machine.rebooted == ["0 tryboot"]
    assert box.start() == "A"
    assert record.load(noted) == Attempt(hashlib.sha256(b"1").hexdigest(), "janban")
    assert machine.installed == ["1"]
    assert [file.name for file in noted.parent.iterdir()] == ["last-system.json"]


def test_a_stick_that_stays_in_is_installed_once(box: Box, bundle: Path, noted: Path) -> None:
    installer(FakeMachine(box.bootloader), box.bootloader, noted.parent).install(bundle)
    machine = FakeMachine(box.bootloader)
    assert "was installed before" in installer(machine, box.bootloader, noted.parent).install(bundle.parent)
    assert machine.installed == machine.rebooted == []
    assert "on trial" in installer(machine, box.bootloader, noted.parent).install(bundle, again=True)
    bundle.write_text("2")
    assert "on trial" in installer(machine, box.bootloader, noted.parent).install(bundle)


def test_a_forged_bundle_changes_nothing(box: Box, bundle: Path, noted: Path) -> None:
    before = box.text
    bundle.write_text("forged")
    with pytest.raises(UpdateError, match="signature verification failed"):
        installer(FakeMachine(box.bootloader), box.bootloader, noted.parent).install(bundle)
    assert box.text == before
    assert not noted.exists()


def test_an_installation_that_fails_starts_nothing(box: Box, bundle: Path, noted: Path) -> None:
    machine = FakeMachine(box.bootloader, fails="rauc install failed: no space")
    with pytest.raises(UpdateError, match="no space"):
        installer(machine, box.bootloader, noted.parent).install(bundle)
    assert machine.rebooted == []
    assert box.start() == "A"
    assert not box.bootloader.load().spare_good
    assert not noted.exists()
    assert list(noted.parent.iterdir()) == []


def test_a_bundle_that_changes_under_our_hands_is_not_installed(
    box: Box, bundle: Path, noted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick may give something else the second time it is read."""
    free = shutil.disk_usage

    def swap(folder: Path) -> object:
        bundle.write_text("another")
        return free(folder)

    monkeypatch.setattr(shutil, "disk_usage", swap)
    machine = FakeMachine(box.bootloader)
    with pytest.raises(UpdateError, match="changed while it was read"):
        installer(machine, box.bootloader, noted.parent).install(bundle)
    assert machine.installed == machine.rebooted == []


def test_readings_keep_their_room(
    box: Box, bundle: Path, noted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=50_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(UpdateError, match="has 50 MB free, and 100 MB are needed"):
        installer(FakeMachine(box.bootloader), box.bootloader, noted.parent).install(bundle)


def test_during_a_trial_nothing_is_installed(box: Box, bundle: Path, noted: Path) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    box.start(tryboot=True)
    machine = FakeMachine(box.bootloader)
    with pytest.raises(UpdateError, match="is on trial itself"):
        installer(machine, box.bootloader, noted.parent).install(bundle)
    assert machine.installed == []


def test_what_is_older_than_the_system_that_runs_is_refused_unless_asked_for(
    box: Box, bundle: Path, noted: Path
) -> None:
    """An old bundle is signed like all; its faults must not come back with a forgotten stick."""
    machine = FakeMachine(box.bootloader)
    built = "20261129120000"
    bundle.write_text("system 20261129115959")
    refused = r"was made at 2026-11-29 11:59:59 UTC, before the system that runs, 2026-11-29 12:00:00 UTC"
    with pytest.raises(UpdateError, match=refused):
        installer(machine, box.bootloader, noted.parent, built).install(bundle)
    assert machine.installed == machine.rebooted == []
    assert not noted.exists()
    said = installer(machine, box.bootloader, noted.parent, built).install(bundle, older=True)
    assert "on trial" in said


@pytest.mark.parametrize("when", ["20261129120000", "20261129120001"])
def test_what_is_as_old_as_the_system_or_younger_is_installed(
    box: Box, bundle: Path, noted: Path, when: str
) -> None:
    bundle.write_text(f"system {when}")
    machine = FakeMachine(box.bootloader)
    assert "on trial" in installer(machine, box.bootloader, noted.parent, "20261129120000").install(bundle)


def test_a_bundle_without_a_date_is_refused_where_the_date_counts(
    box: Box, bundle: Path, noted: Path
) -> None:
    machine = FakeMachine(box.bootloader)
    with pytest.raises(UpdateError, match="does not say when it was made"):
        installer(machine, box.bootloader, noted.parent, "20261129120000").install(bundle)


def test_while_a_restart_for_a_trial_is_due_nothing_is_tried_beside(
    box: Box, bundle: Path, noted: Path
) -> None:
    bundle.write_text("models 20261129-2 20261129120000")
    box.bootloader.save(Autoboot("A").wanting("B"))
    with pytest.raises(UpdateError, match="slot B is to be tried"):
        installer(FakeMachine(box.bootloader), box.bootloader, noted.parent).install(bundle)


def test_a_stick_has_one_bundle(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="there is none"):
        find(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "a.raucb").touch()
    assert find(tmp_path) == tmp_path / "a.raucb"
    (tmp_path / "b.raucb").touch()
    with pytest.raises(UpdateError, match=r"there is a\.raucb, b\.raucb"):
        find(tmp_path)
    with pytest.raises(UpdateError, match="no such bundle"):
        find(tmp_path / "c.raucb")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"digest": "x", "name": "1", "outcome": ""}', b"\xff"]
)
def test_a_damaged_record_is_none(noted: Path, content: bytes) -> None:
    noted.parent.mkdir()
    noted.write_bytes(content)
    assert record.load(noted) is None
