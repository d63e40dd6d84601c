"""Counts how often the kernel took the Coral for a new device, as after a bad cable or a weak supply."""

from collections.abc import Collection
from dataclasses import dataclass, field

from appliance.usb.devices import Identity, UsbDevice


@dataclass
class ReEnumerations:
    """Counts devices that got another number on their port since they were first seen.

    `firmware` is how a device calls itself before its firmware is loaded: becoming another one from there is
    how every Coral starts, and is not counted. What happens between two looks counts once.
    """

    firmware: Identity
    count: int = 0
    _last: dict[str, UsbDevice] = field(default_factory=dict)

    def look(self, devices: Collection[UsbDevice]) -> None:
        """Compare with what was there before; a device that is away meanwhile is remembered."""
        for device in devices:
            before = self._last.get(device.name)
            self._last[device.name] = device
            if before is None or before.node == device.node:
                continue
            started = before.identity == self.firmware != device.identity
            self.count += not started
