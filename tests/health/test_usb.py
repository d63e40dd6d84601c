from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.health.usb import ReEnumerations
from appliance.inference.devices import CORAL_BEFORE_FIRMWARE, CORAL_USB_IDS
from appliance.usb.devices import UsbDevice, find_all
from tests.inference.roots import plug_in, put

RUNNING = ("18d1", "9302")


def coral(number: int, *, loaded: bool = True, port: str = "2-1") -> UsbDevice:
    node = Path(f"/dev/bus/usb/002/{number:03}")
    return UsbDevice(port, RUNNING if loaded else CORAL_BEFORE_FIRMWARE, node)


def counted(*looks: list[UsbDevice]) -> int:
    watch = ReEnumerations(CORAL_BEFORE_FIRMWARE)
    for look in looks:
        watch.look(look)
    return watch.count


def test_corals_are_found_among_what_is_plugged_in(tmp_path: Path) -> None:
    plug_in(tmp_path, RUNNING)
    put(tmp_path, "sys/bus/usb/devices/1-1/idVendor", "046d\n")
    put(tmp_path, "sys/bus/usb/devices/usb1/idVendor", "")
    [found] = find_all(CORAL_USB_IDS, tmp_path)
    assert (found.name, found.node) == ("2-1", tmp_path / "dev/bus/usb/002/007")


def test_the_start_of_a_coral_is_no_fault() -> None:
    assert counted([], [coral(4, loaded=False)], [coral(5)], [coral(5)]) == 0


def test_a_reset_is_one() -> None:
    assert counted([coral(5)], [coral(6, loaded=False)], [coral(7)]) == 1
    assert counted([coral(5)], [], [coral(6)]) == 1
    assert counted([coral(5)], [coral(6)], [coral(7)]) == 2


def test_another_port_is_another_coral() -> None:
    assert counted([coral(5)], [coral(6, port="2-2")], [coral(6, port="2-2")]) == 0


@given(st.lists(st.booleans()))
def test_each_new_number_counts_once(changes: list[bool]) -> None:
    number, looks = 1, [[coral(1)]]
    for changed in changes:
        number += changed
        looks.append([coral(number)])
    assert counted(*looks) == number - 1
