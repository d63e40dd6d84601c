"""Which USB devices are connected, and to which port, by the kernel's files alone: no device is touched."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from appliance.files import kernel_text

_DEVICES = "sys/bus/usb/devices"

Identity = tuple[str, str]
"""Vendor and product, four hexadecimal digits each."""


@dataclass(frozen=True)
class UsbDevice:
    """A device by the kernel's name for its place: "1-1.4" is bus 1, port 4 of the hub in its port 1."""

    name: str
    identity: Identity
    node: Path


@dataclass(frozen=True)
class Port:
    """A port, counted from 1, of the hub with this name."""

    hub: str
    number: int


def device_at(name: str, root: Path = Path("/")) -> UsbDevice | None:
    """Return the device in a place; None where there is none."""
    folder = root / _DEVICES / name
    vendor, product, bus, number = (
        kernel_text(folder / file) for file in ("idVendor", "idProduct", "busnum", "devnum")
    )
    if vendor is None or product is None or bus is None or number is None:
        return None
    if not (bus.isdecimal() and number.isdecimal()):
        return None
    return UsbDevice(name, (vendor, product), root / f"dev/bus/usb/{int(bus):03}/{int(number):03}")


def find_all(identities: Collection[Identity], root: Path = Path("/")) -> list[UsbDevice]:
    """Return the devices with one of these identities."""
    found = (device_at(folder.name, root) for folder in sorted((root / _DEVICES).glob("*")))
    return [device for device in found if device is not None and device.identity in identities]


def find(identities: Collection[Identity], root: Path = Path("/")) -> UsbDevice | None:
    """Return the first device with one of these identities."""
    return next(iter(find_all(identities, root)), None)


def behind_video(device: str, root: Path = Path("/")) -> UsbDevice | None:
    """Return the USB device of a camera, given its path (/dev/video0, one in /dev/v4l/by-id) or number."""
    path = root / (f"dev/video{device}" if device.isdecimal() else device.lstrip("/"))
    interface = (root / "sys/class/video4linux" / path.resolve().name / "device").resolve().name
    return device_at(interface.partition(":")[0], root) if ":" in interface else None


def port_of(name: str) -> Port | None:
    """Return the port that a place is; None for a root hub."""
    if found := re.fullmatch(r"(\d+(?:-[\d.]+)?)([-.])(\d+)", name):
        hub, joint, number = found.groups()
        return Port(f"usb{hub}" if joint == "-" else hub, int(number))
    return None


def peer_of(port: Port, root: Path = Path("/")) -> Port | None:
    """Return the port of the other speed in the same socket: a USB 3 socket has two, whose power is one."""
    interface = f"{port.hub.removeprefix('usb')}-0:1.0" if port.hub.startswith("usb") else f"{port.hub}:1.0"
    link = root / _DEVICES / interface / f"{port.hub}-port{port.number}" / "peer"
    found = re.fullmatch(r"(.+)-port(\d+)", link.resolve().name) if link.exists() else None
    return None if found is None else Port(found[1], int(found[2]))
