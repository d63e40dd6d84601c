import hashlib
import shutil
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.update import record
from appliance.update.autoboot import Autoboot
from appliance.update.install import find, install
from appliance.update.record import Attempt
from tests.update.boxes import Box, FakeMachine


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "janban.raucb"
    file.write_text("1")
    return file


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    return tmp_path / "state" / "last.json"


def test_a_bundle_is_installed_and_tried(box: Box, bundle: Path, noted: Path) -> None:
    machine = FakeMachine(box.bootloader)
    said = install(bundle, box.bootloader, machine, noted)
    assert said == "janban is in slot B; restarting into it, on trial"
    assert machine.rebooted == ["0 tryboot"]
    assert box.start() == "A"
    assert record.load(noted) == Attempt(hashlib.sha256(b"1").hexdigest(), "janban")
    assert machine.installed == ["1"]
    assert [file.name for file in noted.parent.iterdir()] == ["last.json"]


def test_a_stick_that_stays_in_is_installed_once(box: Box, bundle: Path, noted: Path) -> None:
    install(bundle, box.bootloader, FakeMachine(box.bootloader), noted)
    machine = FakeMachine(box.bootloader)
    assert "was installed before" in install(bundle.parent, box.bootloader, machine, noted)
    assert machine.installed == machine.rebooted == []
    assert "on trial" in install(bundle, box.bootloader, machine, noted, again=True)
    bundle.write_text("2")
    assert "on trial" in install(bundle, box.bootloader, machine, noted)


def test_a_forged_bundle_changes_nothing(box: Box, bundle: Path, noted: Path) -> None:
    before = box.text
    bundle.write_text("forged")
    with pytest.raises(UpdateError, match="signature verification failed"):
        install(bundle, box.bootloader, FakeMachine(box.bootloader), noted)
    assert box.text == before
    assert not noted.exists()


def test_an_installation_that_fails_starts_nothing(box: Box, bundle: Path, noted: Path) -> None:
    machine = FakeMachine(box.bootloader, fails="rauc install failed: no space")
    with pytest.raises(UpdateError, match="no space"):
        install(bundle, box.bootloader, machine, noted)
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
        install(bundle, box.bootloader, machine, noted)
    assert machine.installed == machine.rebooted == []


def test_readings_keep_their_room(
    box: Box, bundle: Path, noted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=50_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(UpdateError, match="has 50 MB free, and 100 MB are needed"):
        install(bundle, box.bootloader, FakeMachine(box.bootloader), noted)


def test_during_a_trial_nothing_is_installed(box: Box, bundle: Path, noted: Path) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    box.start(tryboot=True)
    machine = FakeMachine(box.bootloader)
    with pytest.raises(UpdateError, match="is on trial itself"):
        install(bundle, box.bootloader, machine, noted)
    assert machine.installed == []


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
