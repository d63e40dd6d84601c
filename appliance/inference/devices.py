"""Which Edge TPUs this machine has, by the kernel's files alone: their library is not loaded for it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from appliance.files import kernel_text

CORAL_BEFORE_FIRMWARE: Final = ("1a6e", "089a")
CORAL_USB_IDS: Final = frozenset({CORAL_BEFORE_FIRMWARE, ("18d1", "9302")})
"""Vendor and product of the Coral USB accelerator, before and after its firmware is loaded."""

_USB_3_MBPS: Final = 5000


@dataclass(frozen=True)
class EdgeTpu:
    """One Edge TPU: its device node, whether this process may use it, and how it is connected."""

    node: Path
    usable: bool
    link: Literal["USB 3", "USB 2", "PCIe"]


def edge_tpus(root: Path = Path("/")) -> list[EdgeTpu]:
    """Return the Edge TPUs on the USB, then those on PCIe; tests give a folder of their own as `root`."""
    return [*_on_usb(root), *_on_pcie(root)]


def _on_usb(root: Path) -> Iterator[EdgeTpu]:
    for device in sorted(root.glob("sys/bus/usb/devices/*")):
        if (kernel_text(device / "idVendor"), kernel_text(device / "idProduct")) not in CORAL_USB_IDS:
            continue
        bus, number, speed = (kernel_text(device / name) or "0" for name in ("busnum", "devnum", "speed"))
        node = root / f"dev/bus/usb/{int(bus):03}/{int(number):03}"
        yield EdgeTpu(node, _usable(node), "USB 3" if float(speed) >= _USB_3_MBPS else "USB 2")


def _on_pcie(root: Path) -> Iterator[EdgeTpu]:
    """Yield what Google's kernel driver (gasket, apex) shows."""
    for device in sorted(root.glob("sys/class/apex/apex_*")):
        node = root / "dev" / device.name
        yield EdgeTpu(node, _usable(node), "PCIe")


def _usable(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)
