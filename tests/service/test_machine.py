from pathlib import Path

import pytest

from appliance.service.machine import Machine
from tests.inference.roots import put


@pytest.mark.parametrize("folder", ["usr/lib/aarch64-linux-gnu", "usr/lib", "usr/local/lib"])
def test_libedgetpu(tmp_path: Path, folder: str) -> None:
    assert Machine(tmp_path).libedgetpu() is None
    put(tmp_path, f"{folder}/libedgetpu.so.1", "")
    assert Machine(tmp_path).libedgetpu() == tmp_path / folder / "libedgetpu.so.1"


def test_temperature_is_the_hottest_sensors(tmp_path: Path) -> None:
    assert Machine(tmp_path).temperature_c() is None
    for number, text in enumerate(("48312\n", "51000\n", "-40000", "", "hot")):
        put(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", text)
    assert Machine(tmp_path).temperature_c() == 51.0


@pytest.mark.parametrize(
    ("bits", "complaints"),
    [
        ("0\n", []),
        (
            "50005\n",
            ["under-voltage now", "throttled now", "under-voltage since boot", "throttled since boot"],
        ),
        ("80008\n", ["soft temperature limit now", "soft temperature limit since boot"]),
        ("garbage", None),
        ("", None),
    ],
)
def test_throttling_in_words(tmp_path: Path, bits: str, complaints: list[str] | None) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", bits)
    assert Machine(tmp_path).throttling() == complaints


@pytest.mark.parametrize(("alarm", "complaints"), [("1", ["under-voltage since boot"]), ("0", [])])
def test_under_voltage_alarm_of_a_plain_kernel(tmp_path: Path, alarm: str, complaints: list[str]) -> None:
    assert Machine(tmp_path).throttling() is None
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", f"{alarm}\n")
    assert Machine(tmp_path).throttling() == complaints


def test_clock(tmp_path: Path) -> None:
    assert not Machine(tmp_path).clock_synchronised()
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    assert Machine(tmp_path).clock_synchronised()
