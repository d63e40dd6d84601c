"""Runs a camera in a process of its own: when its driver crashes or hangs, the appliance does not.

Frames travel through shared memory, a ring of a few slots; a pipe tells which slot is new. Only the latest
frame counts: a reader that was away finds the present, not the past. Monotonic time is the same in both
processes (CLOCK_MONOTONIC is the system's), so a frame's age can be judged here.
"""

import contextlib
import ctypes
import logging
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from appliance.budget import END_STEP_S, WATCHDOG_S
from appliance.camera.frame import EndOfFrames, Frame, FrameSource
from appliance.clock import Clock, Deadline, SystemClock
from appliance.errors import CameraError
from appliance.logs.setup import set_up as set_up_logs

_LOG = logging.getLogger(__name__)

_SLOTS = 3
_CHILD_READ_S = WATCHDOG_S / 6
"""How long the worker waits for its camera; the reader gives up by its own, usually shorter, time."""


@dataclass(frozen=True)
class _Arrived:
    """A frame lies in `slot`, written as the `serial`-th."""

    slot: int
    serial: int
    shape: tuple[int, ...]
    captured_s: float
    captured_at: datetime
    index: int


@dataclass(frozen=True)
class _Failed:
    message: str


@dataclass(frozen=True)
class _Ended:
    message: str


class _Ring:
    """Slots for frames in anonymous shared memory, which needs no cleaning up whoever dies."""

    def __init__(self, largest_px: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._bytes = largest_px * 3
        self._memory: Any = context.RawArray(ctypes.c_uint8, _SLOTS * self._bytes)
        self._serials: Any = context.RawArray(ctypes.c_uint64, _SLOTS)

    def _slot(self, slot: int) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self._memory, np.uint8, self._bytes, slot * self._bytes)

    def write(self, frame: Frame, serial: int) -> _Arrived:
        """Put the `serial`-th frame (from 1) into its slot."""
        if frame.image.size > self._bytes:
            height, width = frame.image.shape[:2]
            raise CameraError(f"The camera gives frames of {width}x{height}, more than was asked for")
        slot = serial % _SLOTS
        self._serials[slot] = 0  # whoever is reading this slot now will see that it changed
        self._slot(slot)[: frame.image.size] = frame.image.reshape(-1)
        self._serials[slot] = serial
        return _Arrived(slot, serial, frame.image.shape, frame.captured_s, frame.captured_at, frame.index)

    def read(self, arrived: _Arrived) -> Frame | None:
        """Return a copy of a frame, or None if it has been overwritten meanwhile."""
        size = int(np.prod(arrived.shape))
        image = self._slot(arrived.slot)[:size].reshape(arrived.shape).copy()
        if self._serials[arrived.slot] != arrived.serial:
            return None
        return Frame(image, arrived.captured_s, arrived.captured_at, arrived.index)


def _work(build: Callable[[], FrameSource], ring: _Ring, pipe: Connection, log_level: int) -> None:
    """Be the worker: stream until told to stop, or until nobody listens."""
    set_up_logs(log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the appliance, which closes us
    with contextlib.suppress(BrokenPipeError, EOFError):
        try:
            with build() as source:
                serial = 0
                while not pipe.poll():
                    serial += 1
                    pipe.send(ring.write(source.read(_CHILD_READ_S), serial))
        except EndOfFrames as end:
            pipe.send(_Ended(str(end)))
        except CameraError as error:
            pipe.send(_Failed(str(error)))
        except (BrokenPipeError, EOFError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is told, like a crash
            _LOG.exception("the camera's worker failed")
            pipe.send(_Failed(f"The camera's worker failed: {error!r}"))


class WorkerCamera:
    """A `FrameSource` around another one that is built and read in a child process.

    `build` has to be picklable. Frames older than `max_age_s` are never returned. `Frame.truth` does not
    travel. `open` only starts the worker: the camera's own time to start counts towards the first `read`,
    which also raises why it cannot.
    """

    def __init__(
        self,
        build: Callable[[], FrameSource],
        *,
        largest_px: int,
        max_age_s: float,
        clock: Clock | None = None,
    ) -> None:
        self._build = build
        self._largest_px = largest_px
        self._max_age_s = max_age_s
        self._clock = clock or SystemClock()
        self._process: BaseProcess | None = None
        self._failed = False
        self._stuck: list[BaseProcess] = []

    def open(self) -> None:
        """Start the worker."""
        self.close()
        context = multiprocessing.get_context("spawn")
        self._ring = _Ring(self._largest_px)
        self._pipe, theirs = context.Pipe()
        self._last: _Failed | _Ended | None = None
        self._failed = False
        process = context.Process(
            target=_work,
            args=(self._build, self._ring, theirs, logging.getLogger().level),
            name="camera",
            daemon=True,
        )
        process.start()
        theirs.close()  # so that the pipe ends when the worker does
        self._process = process

    def read(self, timeout_s: float) -> Frame:
        """Return the latest frame not returned yet, waiting for it.

        Raises `CameraError` if none comes within `timeout_s`, if the worker died, or with the camera's own
        reason; `EndOfFrames` when the source has ended.
        """
        if self._process is None:
            raise CameraError("The camera is not open; call open() before read()")
        try:
            return self._fresh(Deadline.after(timeout_s, self._clock))
        except CameraError as error:
            self._failed = True
            self._stuck = [process for process in self._stuck if process.is_alive()]
            if self._stuck:
                raise CameraError(f"{error}; the driver holds an earlier worker, reboot to end it") from error
            raise

    def _fresh(self, deadline: Deadline) -> Frame:
        while True:
            arrived = self._latest(deadline)
            frame = self._ring.read(arrived)
            if frame is not None and self._clock.monotonic_s() - frame.captured_s <= self._max_age_s:
                return frame
            if deadline.passed:
                raise CameraError(f"The camera gave only frames older than {self._max_age_s:g} s; it lags")

    def _latest(self, deadline: Deadline) -> _Arrived:
        """Wait for a frame's arrival and skip to the latest; what follows it is kept for the next call."""
        arrived = None
        while self._last is None and self._pipe.poll(0 if arrived else deadline.remaining_s):
            message = self._receive()
            if isinstance(message, _Arrived):
                arrived = message
            else:
                self._last = message
        if arrived:
            return arrived
        if isinstance(self._last, _Ended):
            raise EndOfFrames(self._last.message)
        if isinstance(self._last, _Failed):
            raise CameraError(self._last.message)
        raise CameraError("The camera gave no frame in time; it hangs")

    def _receive(self) -> _Arrived | _Failed | _Ended:
        try:
            message: _Arrived | _Failed | _Ended = self._pipe.recv()
        except (EOFError, OSError):
            return _Failed(f"The camera's worker died ({self._fate()})")
        return message

    def _fate(self) -> str:
        if self._process is None:
            return "closed"
        self._process.join(END_STEP_S)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"by {signal.Signals(-code).name}"
        return f"exit status {code}"

    def close(self) -> None:
        """End the worker: ask, SIGTERM, SIGKILL, each with a deadline; one that failed is killed at once."""
        process, self._process = self._process, None
        if process is None:
            return
        if not self._failed:
            with contextlib.suppress(OSError):
                self._pipe.send(None)
            process.join(END_STEP_S)
        for end in (process.kill,) if self._failed else (process.terminate, process.kill):
            if process.is_alive():
                end()
                process.join(END_STEP_S)
        self._pipe.close()
        if process.is_alive():
            # Uninterruptible sleep inside the driver: only a reboot helps, and the watchdog sees to that.
            _LOG.error("the camera's worker (process %d) cannot be killed; its driver hangs", process.pid)
            self._stuck.append(process)
            # Python would wait for it at its own end, for ever; there is no public way to have it not.
            vars(multiprocessing.process)["_children"].discard(process)
        else:
            process.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
