from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.doctor.board import memory
from appliance.doctor.instruments import Instruments
from appliance.service.machine import Machine
from tests.doctor.boxes import changed, checked
from tests.inference.roots import put


@pytest.mark.parametrize(("temp", "state"), [("81000", "fail"), ("77000", "warn"), ("60000", "ok")])
def test_temperature(settings: Settings, tools: Instruments, tmp_path: Path, temp: str, state: str) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", temp)
    assert checked(settings, tools)["temperature"].state == state


def test_power(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000")
    check = checked(settings, tools)["power"]
    assert check.state == "warn"
    assert "under-voltage" in check.found
    assert "power supply" in check.advice


def test_clock(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    (tmp_path / "run/systemd/timesync/synchronized").unlink()
    assert checked(settings, tools)["clock"].state == "warn"


def test_a_machine_that_says_nothing_is_not_blamed(
    settings: Settings, tmp_path: Path, tools: Instruments
) -> None:
    checks = checked(settings, changed(tools, machine=Machine(tmp_path / "bare")))
    assert (checks["temperature"].state, checks["power"].state) == ("ok", "ok")


@pytest.mark.parametrize(
    ("meminfo", "state", "found"),
    [
        ("MemAvailable: 51200 kB", "warn", "52 MB available"),
        ("MemAvailable: 512000 kB\nCmaTotal: 65536 kB\nCmaFree: 4096 kB", "warn", "4 of 67 MB contiguous"),
        ("MemAvailable: 512000 kB", "ok", "524 MB available"),
        ("", "ok", "does not say"),
    ],
)
def test_memory(tmp_path: Path, meminfo: str, state: str, found: str) -> None:
    put(tmp_path, "proc/meminfo", meminfo)
    check = memory(Machine(tmp_path))
    assert (check.state, bool(check.advice)) == (state, state != "ok")
    assert found in check.found
