"""What the appliance knows of its machine between two looks; nothing on a tray's way asks it."""

import shutil
from pathlib import Path

from appliance import __version__
from appliance.clock import Clock
from appliance.readings.reading import ClockState
from appliance.service.machine import Machine

LOOK_EVERY_S = 30.0


class Surroundings:
    """Remembers the machine's state; `look` may take seconds and is called from the main thread only."""

    def __init__(self, machine: Machine, clock: Clock, state_dir: Path) -> None:
        self._machine = machine
        self._clock = clock
        self._state_dir = state_dir
        self._looked_s: float | None = None
        self.clock_state: ClockState = "unsynced"
        self._facts: dict[str, object] = {}

    def look(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look again if the last look is `every_s` ago."""
        now_s = self._clock.monotonic_s()
        if self._looked_s is not None and now_s - self._looked_s < every_s:
            return
        self._looked_s = now_s
        self.clock_state = "synced" if self._machine.clock_synchronised() else "unsynced"
        self._facts = {
            "clock": self.clock_state,
            "temperature_c": self._machine.temperature_c(),
            "throttling": self._machine.throttling(),
            "disk_free_mb": _free_mb(self._state_dir),
            "edgetpus": len(self._machine.corals()),
        }

    def health(self) -> dict[str, object]:
        """Return the machine's part of the health message, as of the last look; null where unknown."""
        return {"software": __version__, **self._facts}


def _free_mb(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return None
