"""What the machine under the appliance says about itself, read from the kernel's and systemd's files."""

from dataclasses import dataclass
from pathlib import Path

from appliance.files import kernel_text
from appliance.inference.devices import EdgeTpu, edge_tpus

_THROTTLING = {
    0: "under-voltage now",
    1: "clock reduced now",
    2: "throttled now",
    3: "soft temperature limit now",
    16: "under-voltage since boot",
    17: "clock reduced since boot",
    18: "throttled since boot",
    19: "soft temperature limit since boot",
}
"""The firmware's bits: Raspberry Pi documentation, `vcgencmd get_throttled`."""


@dataclass(frozen=True)
class Machine:
    """Where to look; tests give a folder of their own in place of the root."""

    root: Path = Path("/")

    def corals(self) -> list[EdgeTpu]:
        """Return the Edge TPUs."""
        return edge_tpus(self.root)

    def libedgetpu(self) -> Path | None:
        """Return the Edge TPU's runtime library, without loading it: it can take the process down."""
        for folder in ("usr/lib", "usr/local/lib", "lib"):
            found = sorted((self.root / folder).glob("libedgetpu.so*"))
            found += sorted((self.root / folder).glob("*-linux-gnu*/libedgetpu.so*"))
            if found:
                return found[0]
        return None

    def clock_synchronised(self) -> bool:
        """Whether systemd-timesyncd has set the clock from a time server since boot."""
        return (self.root / "run/systemd/timesync/synchronized").exists()

    def temperature_c(self) -> float | None:
        """Return the hottest sensor's temperature in °C, None without sensors."""
        zones = self.root.glob("sys/class/thermal/thermal_zone*/temp")
        readings = [
            text for zone in zones if (text := kernel_text(zone)) is not None and text.lstrip("-").isdecimal()
        ]
        return max((int(text) / 1000 for text in readings), default=None)

    def throttling(self) -> list[str] | None:
        """Return what the firmware complains of, in words; None on a machine that does not say."""
        bits = kernel_text(self.root / "sys/devices/platform/soc/soc:firmware/get_throttled")
        if bits is not None:
            try:
                value = int(bits, 16)
            except ValueError:
                return None
            return [words for bit, words in _THROTTLING.items() if value >> bit & 1]
        # A kernel without the firmware's file still has its under-voltage alarm.
        for sensor in self.root.glob("sys/class/hwmon/hwmon*"):
            if kernel_text(sensor / "name") == "rpi_volt":
                return [_THROTTLING[16]] if kernel_text(sensor / "in0_lcrit_alarm") == "1" else []
        return None
