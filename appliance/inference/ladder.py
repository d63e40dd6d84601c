"""Where the networks' next process runs, and when: restarts with backoff, the processor for a failing TPU.

A state machine without threads or processes; time is what it is told.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from appliance.backoff import Backoff
from appliance.inference.manifest import Device

FIRST_S: Final = 1.0
MOST_S: Final = 60.0
"""Bounds of the backoff between two starts on a device. The first fault is answered at once: eight starts in
its first minute at most."""

WELL_S: Final = 30.0
"""Whoever has served for so long has recovered: the next fault is a new one, and answered at once."""

FAILURES: Final = 3
WINDOW_S: Final = 900.0
"""So many faults of the Edge TPU within this time hand its work to the processor."""

TRIAL_FIRST_S: Final = 600.0
TRIAL_MOST_S: Final = 6 * 3600.0
"""Bounds of the time from there to the next trial of the Edge TPU; it doubles with every trial that fails."""

ABSENT_S: Final = 60.0
"""Between two looks for an Edge TPU that is not plugged in."""


class Ladder:
    """Decides by what it hears of the processes; `devices` has the Edge TPU first where it may be used.

    `present` says whether there is an Edge TPU at all. `down` is whether the processor does its work.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        present: Callable[[], bool],
        now_s: float,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._devices = tuple(devices)
        self._present = present
        self._starts = {device: Backoff(FIRST_S, MOST_S, draw) for device in devices}
        self._well = set(devices)
        self._start_s = dict.fromkeys(devices, now_s)
        self._faults: deque[float] = deque(maxlen=FAILURES)
        self._trials = Backoff(TRIAL_FIRST_S, TRIAL_MOST_S, draw)
        self._trial_s = now_s
        self._on_trial = False
        self.down = self._climbs and not present()

    @property
    def device(self) -> Device:
        """Where the networks belong as things are."""
        return self._devices[-1] if self.down else self._devices[0]

    def due(self, serving: Device | None, now_s: float) -> Device | None:
        """Return the device to start a process on now, if any, while one on `serving` does the work."""
        if serving is None:
            return self.device if now_s >= self._start_s[self.device] else None
        if not (self.down and serving == "cpu") or now_s < self._trial_s:
            return None
        if not self._present():
            self._trial_s = now_s + ABSENT_S
            return None
        return "edgetpu"

    def started(self, device: Device) -> None:
        """Hear that a process on a device is ready and does the work."""
        if device == "edgetpu":
            self._on_trial, self.down = self.down, False

    def served(self, device: Device, seconds: float) -> None:
        """Hear for how long a process has done the work without a fault."""
        if seconds < WELL_S:
            return
        self._starts[device].reset()
        self._well.add(device)
        if device == "edgetpu" and seconds >= WINDOW_S:
            self._on_trial = False
            self._trials.reset()

    def failed(self, device: Device, now_s: float, *, lastingly: bool) -> None:
        """Hear of a fault: a process on a device died, was killed, or never got ready.

        `lastingly` says that starting it again at once would change nothing, as without a device.
        """
        delay_s = 0.0 if device in self._well and not lastingly else self._starts[device].next_s()
        self._start_s[device] = now_s + delay_s
        self._well.discard(device)
        if device != "edgetpu" or not self._climbs:
            return
        self._faults.append(now_s)
        repeatedly = len(self._faults) == FAILURES and now_s - self._faults[0] <= WINDOW_S
        if lastingly or repeatedly or self._on_trial or self.down:
            self.down, self._on_trial = True, False
            self._faults.clear()
            self._trial_s = now_s + self._trials.next_s()

    @property
    def _climbs(self) -> bool:
        """Whether there is a choice: the Edge TPU, and the processor below it."""
        return self._devices == ("edgetpu", "cpu")
