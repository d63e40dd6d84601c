"""What is asked of the kernel, to the byte: usbfs is a fake that understands the same structures."""

import ctypes
import errno
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.usb.reset import OFF_S, USBDEVFS_CONTROL, USBDEVFS_RESET, RefusedError, cycle, main, reset

EACH_PORT, ALL_PORTS, NEVER = 0b01, 0b00, 0b10


@dataclass
class FakeKernel:
    """Hubs by their nodes; `switching` is what their descriptors say, `fails` are errors by request."""

    switching: int = EACH_PORT
    super_speed: bool = False
    fails: dict[int, int] = field(default_factory=dict)
    said: list[tuple[str, str, int]] = field(default_factory=list)

    def ioctl(self, device: int, request: int, argument: object) -> int:
        name = Path(f"/proc/self/fd/{device}").readlink().name
        if request == USBDEVFS_RESET:
            self._fail(request)
            self.said.append((name, "reset", 0))
            return 0
        assert request == USBDEVFS_CONTROL
        assert isinstance(argument, bytes)
        kind, what, value, index, length, timeout_ms, address = struct.unpack("@BBHHHIP", argument)
        assert 0 < timeout_ms <= 5000
        if (kind, what) == (0xA0, 6):
            if value >> 8 != (0x2A if self.super_speed else 0x29):
                raise OSError(errno.EPIPE, "stall")
            descriptor = bytes((9, value >> 8, 4, self.switching | 0b1000, 0, 50, 100, 0, 0))
            ctypes.memmove(address, descriptor, min(length, len(descriptor)))
            return len(descriptor)
        assert (kind, value, length) == (0x23, 8, 0)
        self._fail(what)
        self.said.append((name, {1: "off", 3: "on"}[what], index))
        return 0

    def sleep_s(self, seconds: float) -> None:
        assert seconds == OFF_S
        self.said.append(("", "wait", 0))

    def _fail(self, request: int) -> None:
        if request in self.fails:
            raise OSError(self.fails[request], "the device does not answer")


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    (tmp_path / "hub").touch()
    return tmp_path / "hub"


def test_the_requests_are_the_kernels() -> None:
    """As a C program that includes linux/usbdevice_fs.h prints them on 64 bits."""
    assert USBDEVFS_RESET == 0x5514
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        assert USBDEVFS_CONTROL == 0xC0185500


def test_a_device_is_reset(hub: Path) -> None:
    kernel = FakeKernel()
    reset(hub, kernel.ioctl)
    assert kernel.said == [("hub", "reset", 0)]


def test_a_device_that_is_another_one_after_its_reset_was_reset(hub: Path) -> None:
    reset(hub, FakeKernel(fails={USBDEVFS_RESET: errno.ENODEV}).ioctl)
    with pytest.raises(OSError, match="does not answer"):
        reset(hub, FakeKernel(fails={USBDEVFS_RESET: errno.EIO}).ioctl)


@pytest.mark.parametrize("super_speed", [False, True])
def test_both_ports_of_a_socket_are_off_together(hub: Path, tmp_path: Path, *, super_speed: bool) -> None:
    (tmp_path / "peer").touch()
    kernel = FakeKernel(super_speed=super_speed)
    cycle([(hub, 4), (tmp_path / "peer", 1)], kernel.ioctl, kernel.sleep_s)
    assert kernel.said == [
        ("hub", "off", 4),
        ("peer", "off", 1),
        ("", "wait", 0),
        ("hub", "on", 4),
        ("peer", "on", 1),
    ]


@pytest.mark.parametrize("switching", [ALL_PORTS, NEVER])
def test_a_hub_that_would_switch_others_too_is_left_alone(hub: Path, switching: int) -> None:
    kernel = FakeKernel(switching)
    with pytest.raises(RefusedError, match="one by one"):
        cycle([(hub, 4)], kernel.ioctl, kernel.sleep_s)
    assert kernel.said == []


def test_a_port_that_does_not_go_off_is_switched_on_all_the_same(hub: Path) -> None:
    kernel = FakeKernel(fails={1: errno.ETIMEDOUT})
    with pytest.raises(OSError, match="does not answer"):
        cycle([(hub, 4)], kernel.ioctl, kernel.sleep_s)
    assert kernel.said == [("hub", "on", 4)]


def test_the_program_says_why_it_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset", str(tmp_path / "gone")]) == 1
    assert "gone" in capsys.readouterr().err
    assert main(["explode"]) == 2
    assert "usage" in capsys.readouterr().err
    plain = tmp_path / "plain"
    plain.touch()
    assert main(["power", str(plain), "4"]) == 1
    assert "ioctl" in capsys.readouterr().err
