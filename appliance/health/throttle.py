"""What a Raspberry Pi's firmware says of supply and clock: its documentation of `vcgencmd get_throttled`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from appliance.files import kernel_text

_WORDS = ("under-voltage", "clock reduced", "throttled", "soft temperature limit")
"""Bits 0 to 3: now. The same 16 bits higher: since boot."""

_SINCE_BOOT = 16
_BITS = 0xFFFFFFFF
_UNDER_VOLTAGE_SINCE_BOOT = 1 << _SINCE_BOOT


@dataclass(frozen=True)
class Throttle:
    """The firmware's bits."""

    bits: int

    @property
    def now(self) -> list[str]:
        """What holds now, in words."""
        return self._words(0)

    @property
    def since_boot(self) -> list[str]:
        """What has been since boot, in words."""
        return self._words(_SINCE_BOOT)

    @property
    def words(self) -> list[str]:
        """Both, each with its when."""
        return [f"{word} now" for word in self.now] + [f"{word} since boot" for word in self.since_boot]

    def after(self, earlier: Self | None) -> Self:
        """Return this with what `earlier` tells added to what has been since boot.

        The kernel's own driver (raspberrypi-hwmon) clears the firmware's memory as often as it looks, so that
        what has been has to be remembered here.
        """
        seen = self.bits | (0 if earlier is None else earlier.bits & 0xF << _SINCE_BOOT)
        return type(self)(seen | (seen & 0xF) << _SINCE_BOOT)

    def _words(self, first: int) -> list[str]:
        return [word for bit, word in enumerate(_WORDS, first) if self.bits >> bit & 1]


def read_throttle(root: Path = Path("/")) -> Throttle | None:
    """Return the firmware's bits; None on a machine that does not say."""
    text = kernel_text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if text is not None:
        try:
            return Throttle(int(text, 16) & _BITS)
        except ValueError:
            return None
    # A kernel without the firmware's file still has its under-voltage alarm.
    for sensor in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if kernel_text(sensor / "name") == "rpi_volt":
            alarm = kernel_text(sensor / "in0_lcrit_alarm") == "1"
            return Throttle(_UNDER_VOLTAGE_SINCE_BOOT if alarm else 0)
    return None
