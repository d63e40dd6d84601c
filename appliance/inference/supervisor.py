"""Keeps one process of the networks serving: watches it, ends it, starts the next in its place."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from appliance.budget import END_STEP_S
from appliance.clock import Clock
from appliance.errors import BrokenRunError, InferenceError, NoDeviceError, ParityError, WrongModelError
from appliance.inference.ladder import Ladder
from appliance.inference.manifest import Device
from appliance.inference.networks import NetworkCounts
from appliance.inference.wire import Ready
from appliance.usb.care import Remedy

_LOG = logging.getLogger(__name__)

_REMEMBERED_S: Final = 3600.0
_UNKILLABLE_S: Final = 5 * END_STEP_S

_PLACES: Final = {"edgetpu": "the Edge TPU", "cpu": "the processor"}


class Process(Protocol):
    """What is asked of a process here; `NetworksProcess` is one."""

    device: Device
    ready: Ready | None

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""

    @property
    def end(self) -> int | None:
        """A file descriptor that gets readable when it ends; None where there is no such thing."""

    def fault(self) -> InferenceError | None:
        """Return why it is of no use, None while it starts or works."""

    def kill(self) -> None:
        """End it without waiting."""

    def gone(self) -> bool:
        """Whether it has ended."""

    def stop(self) -> None:
        """End it, and wait for that."""


class Care(Protocol):
    """What is asked of who looks after the Edge TPU's USB device; `UsbCare` is one."""

    resets: int
    power_cycles: int

    def begin(self, remedy: Remedy) -> bool:
        """Start a remedy; return False where there is nothing that it could be done to."""

    def poll(self) -> bool | None:
        """Return whether it was done; None while it is under way."""


P = TypeVar("P", bound=Process)


class Supervisor(Generic[P]):
    """`look` does all the work and never waits; call it often, from one thread.

    `serving` is the process to ask, None while there is none; `why` says why not, and `hopeless` whether that
    is likely to last. A new process takes its place only when it is ready, so that the processor serves while
    the Edge TPU is tried again. `expected` says whether the Edge TPU's absence is worth a complaint, and
    `care` does what the ladder wants done for it, where anything can be.
    """

    def __init__(
        self,
        start: Callable[[Device], P],
        ladder: Ladder,
        clock: Clock,
        *,
        care: Care | None = None,
        expected: bool = False,
    ) -> None:
        self._start = start
        self._ladder = ladder
        self._clock = clock
        self._care = care
        self._treating = False
        self._expected = expected
        self.serving: P | None = None
        self._since_s = 0.0
        self._starting: P | None = None
        self._ending: list[tuple[P, float]] = []
        self._faults: deque[tuple[float, str]] = deque(maxlen=100)
        self._logged: str | None = None
        self._edge_tpu_fault: str | None = None
        self._counted_faults = self._started = self._stuck = 0
        self.why: InferenceError = BrokenRunError("the networks are starting")
        self.hopeless = False

    @property
    def device(self) -> Device:
        """Where the networks run now, or will."""
        serving = self.serving
        return self._ladder.device if serving is None else serving.device

    @property
    def busy(self) -> bool:
        """Whether something is under way that the next look may find done."""
        return self._starting is not None or bool(self._ending) or self._treating

    @property
    def ends(self) -> list[int]:
        """File descriptors of which one gets readable when a process ends that is needed."""
        needed = (self.serving, self._starting)
        return [process.end for process in needed if process is not None and process.end is not None]

    def look(self) -> None:
        """Take note of what has happened since the last look, and do what is due."""
        now_s = self._clock.monotonic_s()
        self._watch_serving(now_s)
        self._watch_starting(now_s)
        self._ending = [ending for ending in self._ending if self._remains(*ending)]
        self._treat(now_s)
        if self._starting is None:
            device = self._ladder.due(None if self.serving is None else self.serving.device, now_s)
            # An Edge TPU is free only when the process that held it has ended.
            if device is not None and all(process.device != device for process, _ in self._ending):
                self._begin(device, now_s)

    def complaints(self) -> tuple[str, ...]:
        """Return what a maintainer should know, each one line."""
        said = []
        if self._ladder.down and (self._expected or self._edge_tpu_fault is not None):
            why = self._edge_tpu_fault or "none is plugged in; plug it into a USB 3 port, or replug it"
            said.append(f"the processor stands in for the Edge TPU: {why}; {self._ladder.rung}")
        since_s = self._clock.monotonic_s() - _REMEMBERED_S
        recent = [what for when_s, what in tuple(self._faults) if when_s >= since_s]
        if recent:
            said.append(f"faults of the networks within an hour: {len(recent)}, last on {recent[-1]}")
        if self.serving is None and not recent:
            said.append(str(self.why))
        serving = self.serving
        if serving is not None and serving.ready is not None and serving.ready.unproven is not None:
            said.append(f"{serving.ready.unproven}; meanwhile the networks' answers are taken on trust")
        if self._stuck:
            said.append(f"{self._stuck} processes of the networks hang in the kernel; reboot to end them")
        return tuple(said)

    def counts(self) -> NetworkCounts:
        """Return how often what was needed so far."""
        return NetworkCounts(
            faults=self._counted_faults,
            respawns=max(0, self._started - 1),
            usb_resets=0 if self._care is None else self._care.resets,
            power_cycles=0 if self._care is None else self._care.power_cycles,
            stuck=self._stuck,
        )

    def close(self) -> None:
        """End every process: the one that serves lets go of its device, the others are killed meanwhile."""
        serving, others = self.serving, [self._starting, *(process for process, _ in self._ending)]
        self.serving = self._starting = None
        self.why = BrokenRunError("the networks are closed")
        for process in others:
            if process is not None:
                process.kill()
        if serving is not None:
            serving.stop()
        for process in others:
            if process is not None:
                process.gone()

    def _treat(self, now_s: float) -> None:
        """Have done for the Edge TPU what the ladder wants, once nobody holds it."""
        if self._treating and self._care is not None and (done := self._care.poll()) is not None:
            self._treating = False
            self._ladder.treated(now_s, done=done)
        while not self._treating and self._ladder.remedy is not None and not self._held("edgetpu"):
            self._treating = self._care is not None and self._care.begin(self._ladder.remedy)
            if not self._treating:
                self._ladder.treated(now_s, done=False)

    def _held(self, device: Device) -> bool:
        processes = (self.serving, self._starting, *(process for process, _ in self._ending))
        return any(process is not None and process.device == device for process in processes)

    def _begin(self, device: Device, now_s: float) -> None:
        self._started += 1
        try:
            self._starting = self._start(device)
        except OSError as error:  # no memory, no more processes: try again like after any fault
            self._note(device, BrokenRunError(f"its process cannot be started: {error.strerror}"), now_s)

    def _watch_serving(self, now_s: float) -> None:
        if (process := self.serving) is None:
            return
        if (fault := process.fault()) is None:
            self._ladder.served(process.device, now_s - self._since_s)
            return
        self.serving = None
        self._end(process, fault, now_s)

    def _watch_starting(self, now_s: float) -> None:
        if (process := self._starting) is None:
            return
        if (fault := process.fault()) is not None:
            self._starting = None
            self._end(process, fault, now_s)
        elif process.ready is not None:
            self._starting, before, self.hopeless = None, self.serving, False
            self.serving, self._since_s, self._logged = process, now_s, None
            self._ladder.started(process.device)
            times = ", ".join(f"{name} {ms:.0f} ms" for name, ms in process.ready.next_ms.items())
            agreement = process.ready.agreement or "not compared"
            _LOG.info(
                "networks run on %s: %s; against the workstation: %s",
                _PLACES[process.device],
                times,
                agreement,
            )
            if before is not None:
                self._ending.append((before, now_s))

    def _end(self, process: P, fault: InferenceError, now_s: float) -> None:
        self._ending.append((process, now_s))
        self._note(process.device, fault, now_s)

    def _note(self, device: Device, fault: InferenceError, now_s: float) -> None:
        what = f"{_PLACES[device]}: {fault}"
        # A start that fails again and again is one fault; the log tells of it once.
        _LOG.log(logging.DEBUG if what == self._logged else logging.WARNING, "networks on %s", what)
        self._logged = what
        self._counted_faults += 1
        if device == "edgetpu":
            self._edge_tpu_fault = str(fault)
        if self.serving is None:
            self.why = type(fault)(f"networks on {what}")
            self._faults.append((now_s, what))
        lastingly = isinstance(fault, NoDeviceError | WrongModelError | ParityError)
        remediable = not isinstance(fault, WrongModelError)
        self._ladder.failed(device, now_s, lastingly=lastingly, remediable=remediable)
        self.hopeless = self.serving is None and lastingly and self._ladder.device == device

    def _remains(self, process: P, since_s: float) -> bool:
        """End a process whose place is taken, after the answer that it may still owe; tell if it is there."""
        overdue = self._clock.monotonic_s() - since_s > _UNKILLABLE_S
        if process.busy and process.fault() is None and not overdue:
            return True
        process.kill()
        if process.gone():
            return False
        if overdue:
            # Uninterruptible sleep inside the driver: a new process is tried all the same.
            _LOG.error("a process of the networks cannot be killed; its driver hangs")
            self._stuck += 1
            return False
        return True
