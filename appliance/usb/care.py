"""What is done for a USB device that does not answer any more, without waiting for it."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from appliance.clock import Clock, Deadline
from appliance.usb.devices import UsbDevice, device_at, peer_of, port_of

_LOG = logging.getLogger(__name__)

Remedy = Literal["reset", "power"]
"""To reset the device, or to switch its port off and on, in the order in which they are tried."""

REMEDIES: Final[tuple[Remedy, ...]] = ("reset", "power")

_LOOK_S: Final = 0.02


class Child(Protocol):
    """What is asked of the process that does it; `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""

    def kill(self) -> None:
        """End it."""


@dataclass(frozen=True)
class CareTimes:
    """What each remedy may take, in seconds, until its process is ended and left alone."""

    reset_s: float
    power_s: float


class UsbCare:
    """Looks after one USB device, whose place it remembers for when the device is gone from the bus.

    `begin` starts a remedy in a process of its own, `poll` tells its end: neither waits. Not to be shared
    between threads. `resets` and `power_cycles` count what was done.
    """

    def __init__(
        self,
        find: Callable[[], UsbDevice | None],
        times: CareTimes,
        clock: Clock,
        *,
        root: Path = Path("/"),
        start: Callable[[Sequence[str]], Child] | None = None,
    ) -> None:
        self._find = find
        self._times = times
        self._clock = clock
        self._root = root
        self._start = start or _start
        self._place: str | None = None
        self._under_way: tuple[Remedy, Child, Deadline] | None = None
        self.resets = 0
        self.power_cycles = 0

    def present(self) -> bool:
        """Whether the device is on the bus; its place is remembered if so."""
        device = self._find()
        if device is not None:
            self._place = device.name
        return device is not None

    def begin(self, remedy: Remedy) -> bool:
        """Start a remedy; return False where there is nothing that it could be done to."""
        arguments = self._reset() if remedy == "reset" else self._power()
        if not arguments:
            return False
        may_take_s = self._times.reset_s if remedy == "reset" else self._times.power_s
        try:
            child = self._start([remedy, *arguments])
        except OSError as error:
            _LOG.error("usb %s cannot be started: %s", remedy, error.strerror)
            return False
        _LOG.warning("usb %s of %s", remedy, self._place)
        self._under_way = remedy, child, Deadline.after(may_take_s, self._clock)
        if remedy == "reset":
            self.resets += 1
        else:
            self.power_cycles += 1
        return True

    def poll(self) -> bool | None:
        """Return whether the remedy that was begun was done; None while it is under way."""
        if self._under_way is None:
            return False
        remedy, child, deadline = self._under_way
        status = child.poll()
        if status is None and not deadline.passed:
            return None
        self._under_way = None
        if status is None:
            # In the kernel it may hang for good; nobody waits for it.
            child.kill()
            _LOG.error("usb %s of %s takes too long; it is given up", remedy, self._place)
        return status == 0

    def finish(self, remedy: Remedy) -> bool:
        """Do a remedy and wait for its end, for its time at most; return whether it was done."""
        if not self.begin(remedy):
            return False
        while (done := self.poll()) is None:
            self._clock.sleep_s(_LOOK_S)
        return done

    def _reset(self) -> list[str]:
        device = self._find()
        if device is None:
            return []
        self._place = device.name
        return [str(device.node)]

    def _power(self) -> list[str]:
        self.present()
        port = None if self._place is None else port_of(self._place)
        if port is None:
            return []
        arguments = []
        for one in (port, peer_of(port, self._root)):
            hub = None if one is None else device_at(one.hub, self._root)
            if one is not None and hub is not None:
                arguments += [str(hub.node), str(one.number)]
        return arguments


def _start(arguments: Sequence[str]) -> Child:
    """Start the program with what this one can import; what it says goes where this one's errors go."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-P", "-m", "appliance.usb.reset", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
