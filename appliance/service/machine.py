"""What the machine under the appliance says about itself, read from the kernel's and systemd's files."""

from dataclasses import dataclass
from pathlib import Path

from appliance.health.board import Memory, board_model, memory_mb, uptime_s
from appliance.health.process import Taken, taken_by, workers
from appliance.health.thermal import hottest_zone_c, temperatures_c
from appliance.health.throttle import Throttle, read_throttle
from appliance.inference.devices import CORAL_USB_IDS, EdgeTpu, edge_tpus
from appliance.service.memory import descendants
from appliance.usb.devices import UsbDevice, find_all


@dataclass(frozen=True)
class Machine:
    """Where to look; tests give a folder of their own in place of the root."""

    root: Path = Path("/")

    def corals(self) -> list[EdgeTpu]:
        """Return the Edge TPUs."""
        return edge_tpus(self.root)

    def corals_plugged(self) -> list[UsbDevice]:
        """Return the Corals on the USB, with the nodes that the kernel gave them."""
        return find_all(CORAL_USB_IDS, self.root)

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
        """Return the hottest thermal zone's temperature in °C, None without one."""
        return hottest_zone_c(self.root)

    def temperatures_c(self) -> dict[str, float]:
        """Return every sensor's temperature in °C by its name."""
        return temperatures_c(self.root)

    def throttle(self) -> Throttle | None:
        """Return the firmware's bits; None on a machine that does not say."""
        return read_throttle(self.root)

    def throttling(self) -> list[str] | None:
        """Return what the firmware complains of, in words; None on a machine that does not say."""
        throttle = self.throttle()
        return None if throttle is None else throttle.words

    def memory_mb(self) -> Memory:
        """Return how much of the machine's memory is free."""
        return memory_mb(self.root)

    def taken_by(self, process: int) -> tuple[Taken | None, dict[str, Taken]]:
        """Return what a process takes, and what its workers for camera and networks take."""
        return taken_by(process, self.root), workers(descendants(process, self.root / "proc"), self.root)

    def model(self) -> str | None:
        """Return the board's name."""
        return board_model(self.root)

    def uptime_s(self) -> float | None:
        """Return the seconds since boot."""
        return uptime_s(self.root)
