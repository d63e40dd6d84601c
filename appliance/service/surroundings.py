"""What the appliance knows of its machine between two looks; nothing on a tray's way asks it."""

from dataclasses import dataclass, field
from pathlib import Path

from appliance.clock import Clock
from appliance.health.disk import Disk, disk_of
from appliance.health.throttle import Throttle
from appliance.health.usb import ReEnumerations
from appliance.inference.devices import CORAL_BEFORE_FIRMWARE
from appliance.readings.reading import ClockState
from appliance.service.machine import Machine

LOOK_EVERY_S = 5.0
"""A few small files of the kernel: a change of supply or clock is known soon."""


@dataclass(frozen=True)
class Facts:
    """What one look saw; `throttle` also has what earlier ones saw, `throttle_bits` is the firmware's own."""

    clock: ClockState = "unsynced"
    temperature_c: float | None = None
    temperatures_c: dict[str, float] = field(default_factory=dict)
    throttle: Throttle | None = None
    throttle_bits: int | None = None
    disk: Disk | None = None
    edgetpus: int = 0
    reenumerations: int = 0


class Surroundings:
    """Remembers the machine's state; `look` may take seconds and is called from the main thread only."""

    def __init__(self, machine: Machine, clock: Clock, state_dir: Path) -> None:
        self.machine = machine
        self._clock = clock
        self._state_dir = state_dir
        self._looked_s: float | None = None
        self._reenumerations = ReEnumerations(CORAL_BEFORE_FIRMWARE)
        self.facts = Facts()

    @property
    def clock_state(self) -> ClockState:
        """Whether a time server has set the clock."""
        return self.facts.clock

    def look(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look again if the last look is `every_s` ago."""
        now_s = self._clock.monotonic_s()
        if self._looked_s is not None and now_s - self._looked_s < every_s:
            return
        self._looked_s = now_s
        self._reenumerations.look(self.machine.corals_plugged())
        throttle = self.machine.throttle()
        self.facts = Facts(
            clock="synced" if self.machine.clock_synchronised() else "unsynced",
            temperature_c=self.machine.temperature_c(),
            temperatures_c=self.machine.temperatures_c(),
            throttle=None if throttle is None else throttle.after(self.facts.throttle),
            throttle_bits=None if throttle is None else throttle.bits,
            disk=disk_of(self._state_dir),
            edgetpus=len(self.machine.corals()),
            reenumerations=self._reenumerations.count,
        )

    def complaints(self) -> list[str]:
        """Return what is not as it should be with the machine, a line each, as of the last look."""
        facts, said = self.facts, []
        if facts.disk is not None and facts.disk.read_only:
            said.append(
                f"{self._state_dir} is mounted read-only: nothing can be stored there; replace the SD card"
            )
        if facts.throttle is not None and facts.throttle.now:
            said.append(
                f"the board is not well: {', '.join(facts.throttle.now)}; check its supply and its air"
            )
        return said
