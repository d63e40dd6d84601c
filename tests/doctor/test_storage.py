import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.doctor.instruments import Instruments
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.assemble import STORE_FILE
from tests.doctor.boxes import changed, checked, service
from tests.inference.roots import put
from tests.readings.examples import draft


@pytest.mark.parametrize(
    ("free_mb", "state"), [(10, "fail"), (100, "warn"), (300, "ok")], ids=["full", "tight", "roomy"]
)
def test_disk(settings: Settings, tools: Instruments, free_mb: int, state: str) -> None:
    check = checked(settings, changed(tools, free_bytes=lambda _folder: free_mb * 1_000_000))["disk"]
    assert check.state == state
    assert f"{free_mb} MB" in check.found


def test_a_state_folder_that_is_not_there(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    (tmp_path / "state").rmdir()
    check = checked(settings, tools)["disk"]
    assert (check.state, check.found) == ("fail", f"{tmp_path / 'state'} cannot be written")


@pytest.mark.parametrize("option", ["ro", "rw,emergency_ro"])
def test_a_file_system_that_went_read_only_is_told_from_a_missing_right(
    settings: Settings, tools: Instruments, tmp_path: Path, option: str
) -> None:
    state = settings.device.state_dir
    put(
        tmp_path,
        "proc/mounts",
        f"/dev/root / ext4 rw 0 0\n/dev/mmcblk0p3 {state} ext4 {option},noatime 0 0\n",
    )
    check = checked(settings, tools)["disk"]
    assert check.state == "fail"
    assert "read-only" in check.found
    assert "SD card" in check.advice


def test_a_read_only_root_is_no_fault_where_the_state_is_elsewhere(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    put(tmp_path, "proc/mounts", f"/dev/root / ext4 ro 0 0\n/dev/mmcblk0p3 {tmp_path} ext4 rw 0 0\n")
    assert checked(settings, tools)["disk"].state == "ok"


def test_errors_of_the_file_system_are_the_cards(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    put(tmp_path, "sys/fs/ext4/mmcblk0p2/errors_count", "3\n")
    check = checked(settings, tools)["disk"]
    assert check.state == "warn"
    assert "3 errors" in check.found


@pytest.fixture
def readings(settings: Settings) -> Iterator[Store]:
    with Store(settings.device.state_dir / STORE_FILE, StoreSettings()) as store:
        yield store


def test_a_store_beside_a_running_service(settings: Settings, tools: Instruments, readings: Store) -> None:
    assert checked(settings, tools)["store"].found == "0 readings wait, 0 sent ones kept"
    readings.add(draft())
    check = checked(settings, tools)["store"]
    assert check.found.startswith("1 readings wait, 0 sent ones kept")
    assert check.state == "warn"
    assert "the oldest for" in check.found


def test_a_store_that_refuses_writes_is_a_failure(settings: Settings, tools: Instruments) -> None:
    running = service(store_in_memory=1, readings_waiting=4)
    check = checked(settings, changed(tools, running=lambda _port: running))["store"]
    assert check.state == "fail"
    assert "memory, where 4 wait" in check.found


def test_without_a_store_there_is_nothing_to_say(settings: Settings, tools: Instruments) -> None:
    check = checked(settings, tools)["store"]
    assert (check.state, check.advice) == ("ok", "")
    assert not (settings.device.state_dir / STORE_FILE).exists()


def test_readings_that_were_lost_are_not_hidden(
    settings: Settings, tools: Instruments, readings: Store
) -> None:
    assert readings.counts().lost == 0
    with closing(sqlite3.connect(settings.device.state_dir / STORE_FILE)) as database, database:
        database.execute("UPDATE loss SET readings = 12")
    check = checked(settings, tools)["store"]
    assert check.state == "warn"
    assert "12 were lost unsent" in check.found


def test_a_damaged_store_that_was_set_aside_is_named(
    settings: Settings, tools: Instruments, readings: Store
) -> None:
    readings.close()
    (settings.device.state_dir / STORE_FILE).write_bytes(b"nonsense" * 1000)
    readings.open()
    check = checked(settings, tools)["store"]
    assert check.state == "warn"
    assert f"{STORE_FILE}.damaged-" in check.found


def test_a_damaged_store_that_nobody_opened_yet_is_a_failure(settings: Settings, tools: Instruments) -> None:
    (settings.device.state_dir / STORE_FILE).write_bytes(b"nonsense" * 1000)
    check = checked(settings, tools)["store"]
    assert check.state == "fail"
    assert "restart the service" in check.advice
