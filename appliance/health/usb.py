"""Counts how often the kernel took the Coral for a new device, as after a bad cable or a weak supply."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from appliance.files import kernel_text

Identity = tuple[str, str]
"""Vendor and product id, hexadecimal."""


@dataclass(frozen=True)
class Plugged:
    """A device as the kernel lists it: its port ("2-1"), who it says it is, its number on the bus."""

    port: str
    identity: Identity
    number: int


def plugged(identities: Collection[Identity], root: Path = Path("/")) -> list[Plugged]:
    """Return the USB devices that have one of the `identities`."""
    found = []
    for device in sorted(root.glob("sys/bus/usb/devices/*")):
        identity = (kernel_text(device / "idVendor") or "", kernel_text(device / "idProduct") or "")
        number = kernel_text(device / "devnum") or ""
        if identity in identities and number.isdecimal():
            found.append(Plugged(device.name, identity, int(number)))
    return found


@dataclass
class ReEnumerations:
    """Counts devices that got another number on their port since they were first seen.

    `firmware` is how a device calls itself before its firmware is loaded: becoming another one from there is
    how every Coral starts, and is not counted. What happens between two looks counts once.
    """

    firmware: Identity
    count: int = 0
    _last: dict[str, Plugged] = field(default_factory=dict)

    def look(self, devices: Collection[Plugged]) -> None:
        """Compare with what was there before; a device that is away meanwhile is remembered."""
        for device in devices:
            before = self._last.get(device.port)
            self._last[device.port] = device
            if before is None or before.number == device.number:
                continue
            started = before.identity == self.firmware != device.identity
            self.count += not started
