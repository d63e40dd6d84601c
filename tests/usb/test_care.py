from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.usb.care import CareTimes, UsbCare
from appliance.usb.devices import find
from tests.camera.fake_clock import FakeClock
from tests.usb.buses import CORAL, HUB, link_peers, plug, unplug

TIMES = CareTimes(reset_s=3.0, power_s=10.0)


class Child:
    """A process that ends when it is told, with the status that it is told."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.killed = False

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.killed = True


class Bench:
    def __init__(self, root: Path, status: int | None = 0) -> None:
        self.clock = FakeClock()
        self.commands: list[list[str]] = []
        self.child = Child(status)
        self.care = UsbCare(lambda: find({CORAL}, root), TIMES, self.clock, root=root, start=self.start)

    def start(self, arguments: Sequence[str]) -> Child:
        self.commands.append(list(arguments))
        return self.child


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Coral in a USB 3 socket, and the two hubs that its ports belong to."""
    plug(tmp_path, "usb2", HUB, 2, 1)
    plug(tmp_path, "1-1", HUB, 1, 2)
    plug(tmp_path, "2-1", CORAL, 2, 7)
    link_peers(tmp_path, ("2-0:1.0", "usb2-port1"), ("1-1:1.0", "1-1-port4"))
    return tmp_path


def test_a_reset_is_the_devices_own(root: Path) -> None:
    bench = Bench(root)
    assert bench.care.finish("reset")
    assert bench.commands == [["reset", str(root / "dev/bus/usb/002/007")]]
    assert (bench.care.resets, bench.care.power_cycles) == (1, 0)


def test_a_device_that_is_gone_has_its_port_switched(root: Path) -> None:
    bench = Bench(root)
    assert bench.care.present()
    unplug(root, "2-1")
    assert not bench.care.present()
    assert not bench.care.begin("reset"), "nothing is there to be reset"
    assert bench.care.finish("power")
    nodes = [str(root / "dev/bus/usb" / node) for node in ("002/001", "001/002")]
    assert bench.commands == [["power", nodes[0], "1", nodes[1], "4"]]
    assert (bench.care.resets, bench.care.power_cycles) == (0, 1)


def test_nothing_can_be_done_for_a_device_that_never_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert not bench.care.begin("reset")
    assert not bench.care.begin("power")
    assert bench.commands == []


def test_who_asks_never_waits(root: Path) -> None:
    bench = Bench(root, status=None)
    assert bench.care.begin("reset")
    assert bench.care.poll() is None
    bench.child.status = 1
    assert bench.care.poll() is False
    assert bench.care.poll() is False, "nothing is under way any more"


def test_a_reset_that_hangs_in_the_kernel_is_given_up(root: Path) -> None:
    bench = Bench(root, status=None)
    since_s = bench.clock.now_s
    assert not bench.care.finish("reset")
    assert bench.child.killed
    assert bench.clock.now_s - since_s <= TIMES.reset_s + 0.1


def test_a_process_that_cannot_be_started_is_a_remedy_that_failed(root: Path) -> None:
    def start(_arguments: Sequence[str]) -> Child:
        raise OSError(11, "Resource temporarily unavailable")

    care = UsbCare(lambda: find({CORAL}, root), TIMES, FakeClock(), root=root, start=start)
    assert not care.begin("reset")
    assert care.resets == 0


def test_the_real_program_is_started_and_says_that_a_plain_file_is_no_device(root: Path) -> None:
    care = UsbCare(lambda: find({CORAL}, root), CareTimes(60.0, 60.0), SystemClock(), root=root)
    assert not care.finish("reset")
    assert care.resets == 1
