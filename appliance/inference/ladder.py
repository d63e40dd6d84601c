"""Where and when the networks' next process runs, and what is done for an Edge TPU that keeps failing.

A state machine without threads or processes; time is what it is told. Its rungs, in their order:

1. respawn: at once after a first fault, then with backoff;
2. the processor stands in, after three faults within a quarter of an hour, or one that no respawn mends;
3. meanwhile the device is reset, and tried;
4. if that fails, its port is switched off and on, and it is tried;
5. if that fails, the processor goes on alone; after some minutes, then hours, all begins anew with a trial.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from appliance.backoff import Backoff
from appliance.inference.manifest import Device
from appliance.usb.care import REMEDIES, Remedy

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
"""Bounds of the time between two rounds of remedies and trials; it doubles with every round that fails."""

ABSENT_S: Final = 60.0
"""Between two looks for an Edge TPU that is not plugged in."""

SETTLE_S: Final = 3.0
"""From a reset, or power, to the first trial: the device has to appear on the bus again."""


class Ladder:
    """Decides by what it hears of the processes; `devices` has the Edge TPU first where it may be used.

    `present` says whether there is an Edge TPU at all. `down` is whether the processor does its work, and
    `remedy` what should be done to the Edge TPU now; until `treated` tells of it, no process starts on it.
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
        self._rounds = Backoff(TRIAL_FIRST_S, TRIAL_MOST_S, draw)
        self._round_s = now_s
        self._left: list[Remedy] = list(REMEDIES)
        self._trial_s = now_s
        self._on_trial = False
        self._known = present()
        self.remedy: Remedy | None = None
        self.down = self._climbs and not self._known

    @property
    def device(self) -> Device:
        """Where the networks belong as things are."""
        return self._devices[-1] if self.down else self._devices[0]

    def due(self, serving: Device | None, now_s: float) -> Device | None:
        """Return the device to start a process on now, if any, while one on `serving` does the work."""
        if serving is None:
            waits = self.device == "edgetpu" and self.remedy is not None
            return self.device if now_s >= self._start_s[self.device] and not waits else None
        if not (self.down and serving == "cpu") or self.remedy is not None or now_s < self._trial_s:
            return None
        if self._present():
            self._known = True
            return "edgetpu"
        self._trial_s = now_s + ABSENT_S
        if self._known and now_s >= self._round_s:
            self._help(now_s)
        return None

    def started(self, device: Device) -> None:
        """Hear that a process on a device is ready and does the work."""
        if device == "edgetpu":
            self._on_trial, self.down, self._known = self.down, False, True

    def served(self, device: Device, seconds: float) -> None:
        """Hear for how long a process has done the work without a fault."""
        if seconds < WELL_S:
            return
        self._starts[device].reset()
        self._well.add(device)
        if device == "edgetpu" and seconds >= WINDOW_S:
            self._on_trial = False
            self._left = list(REMEDIES)
            self._rounds.reset()

    @property
    def rung(self) -> str:
        """What is done for the Edge TPU while the processor stands in, in words."""
        if self.remedy == "reset":
            return "it is being reset"
        if self.remedy == "power":
            return "its USB port is being switched off and on"
        return "it is tried again from time to time"

    def failed(
        self, device: Device, now_s: float, *, lastingly: bool = False, remediable: bool = True
    ) -> None:
        """Hear of a fault: a process on a device died, was killed, or never got ready.

        `lastingly` says that starting it again at once would change nothing, as without a device, and
        `remediable` whether a device that starts anew may.
        """
        delay_s = 0.0 if device in self._well and not lastingly else self._starts[device].next_s()
        self._start_s[device] = now_s + delay_s
        self._well.discard(device)
        if device != "edgetpu":
            return
        self._faults.append(now_s)
        repeatedly = len(self._faults) == FAILURES and now_s - self._faults[0] <= WINDOW_S
        if lastingly or repeatedly or self._on_trial or self.down:
            self.down, self._on_trial = self._climbs, False
            self._faults.clear()
            if not remediable:
                self._left.clear()
            self._help(now_s)

    def treated(self, now_s: float, *, done: bool) -> None:
        """Hear that what `remedy` asked for was done, or cannot be."""
        self.remedy = None
        if done:
            self._trial_s = self._start_s["edgetpu"] = now_s + SETTLE_S
        else:
            self._help(now_s)

    def _help(self, now_s: float) -> None:
        """Ask for the next remedy, or leave the Edge TPU alone until the next round."""
        if self._left and now_s >= self._round_s:
            self.remedy = self._left.pop(0)
            return
        if not self._left:
            self._left = list(REMEDIES)
            self._round_s = now_s + self._rounds.next_s()
        self._trial_s = max(self._trial_s, now_s + ABSENT_S if not self._present() else self._round_s)

    @property
    def _climbs(self) -> bool:
        """Whether there is a choice: the Edge TPU, and the processor below it."""
        return self._devices == ("edgetpu", "cpu")
