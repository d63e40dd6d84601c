from pathlib import Path

import pytest

from appliance.service.machine import Machine


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def plug_in(root: Path, identity: tuple[str, str], *, speed: str = "5000", node: bool = True) -> None:
    """Put a USB device into a fake root, as the kernel shows one."""
    for name, text in (
        ("idVendor", identity[0]),
        ("idProduct", identity[1]),
        ("busnum", "2"),
        ("devnum", "7"),
        ("speed", speed),
    ):
        put(root, f"sys/bus/usb/devices/2-1/{name}", f"{text}\n")
    if node:
        put(root, "dev/bus/usb/002/007", "")


@pytest.mark.parametrize("identity", [("1a6e", "089a"), ("18d1", "9302")])
@pytest.mark.parametrize("speed", ["5000", "480"])
def test_coral_is_found_before_and_after_its_firmware(
    tmp_path: Path, identity: tuple[str, str], speed: str
) -> None:
    plug_in(tmp_path, identity, speed=speed)
    (coral,) = Machine(tmp_path).corals()
    assert coral.node == tmp_path / "dev/bus/usb/002/007"
    assert (coral.usable, coral.usb_3) == (True, speed == "5000")


def test_coral_without_a_node_cannot_be_used(tmp_path: Path) -> None:
    plug_in(tmp_path, ("1a6e", "089a"), node=False)
    assert [coral.usable for coral in Machine(tmp_path).corals()] == [False]


def test_other_usb_devices_are_no_coral(tmp_path: Path) -> None:
    plug_in(tmp_path, ("1a6e", "9302"))
    put(tmp_path, "sys/bus/usb/devices/usb1/idVendor", "1d6b")
    assert Machine(tmp_path).corals() == []


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
