"""Watches the line: camera → trigger → queue, and brings a failed camera back."""

import logging
import queue
import threading
from collections.abc import Callable

from appliance.budget import Budget
from appliance.camera.frame import EndOfFrames, FrameSource
from appliance.camera.health import FrameHealth
from appliance.clock import Clock
from appliance.errors import CameraError
from appliance.line.trigger import TrayEvent, Trigger

_LOG = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.5


class Intake:
    """Reads frames until stopped and hands on one event per tray.

    Whatever goes wrong with the camera (not there, silent, black, frozen) ends in one recovery path: close
    it, wait, open it again. `fault` says what is wrong meanwhile, and is None while frames are good; `reopened`
    counts.
    `overflowing` is called for a tray that finds the queue full, so that it is counted all the same.
    """

    def __init__(
        self,
        camera: FrameSource,
        trigger: Trigger,
        trays: "queue.Queue[TrayEvent]",
        *,
        overflowing: Callable[[TrayEvent], None],
        budget: Budget,
        clock: Clock,
    ) -> None:
        self._camera = camera
        self._trigger = trigger
        self._trays = trays
        self._overflowing = overflowing
        self._budget = budget
        self._clock = clock
        self._last_good_s: float | None = None
        self.fault: str | None = "the camera has not given a frame yet"
        self.reopened = 0
        self.ended = threading.Event()

    def seconds_without_frame(self, since_s: float) -> float:
        """Return how long no usable frame came, counted from `since_s` (monotonic) if none ever did."""
        last_s = since_s if self._last_good_s is None else self._last_good_s
        return self._clock.monotonic_s() - last_s

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set or a replay has ended."""
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            opened_s = self._clock.monotonic_s()
            try:
                with self._camera:
                    self._read(stop)
            except EndOfFrames:
                self._deliver(self._trigger.flush())
                self.ended.set()
                return
            except CameraError as error:
                if self._last_good_s is not None and self._last_good_s > opened_s:
                    retry_s = _FIRST_RETRY_S
                self.fault = str(error)
                self.reopened += 1
                _LOG.warning("%s; opening the camera again in %.1f s", error, retry_s)
                stop.wait(retry_s)
                retry_s = min(2 * retry_s, self._budget.camera_open_s / 2)

    def _read(self, stop: threading.Event) -> None:
        health = FrameHealth()
        opened_s = self._clock.monotonic_s()
        good_s = opened_s
        while not stop.is_set():
            allowed_s = self._budget.camera_open_s if good_s == opened_s else self._budget.camera_stall_s
            frame = self._camera.read(min(allowed_s, self._budget.camera_open_s))
            fault = health.check(frame)
            if fault is None:
                good_s = self._last_good_s = self._clock.monotonic_s()
                self.fault = None
                self._deliver(self._trigger.feed(frame))
                continue
            self.fault = fault
            if self._clock.monotonic_s() - good_s > allowed_s:
                raise CameraError(f"the camera gives no usable pictures: {fault}")

    def _deliver(self, events: list[TrayEvent]) -> None:
        for event in events:
            try:
                self._trays.put_nowait(event)
            except queue.Full:
                self._overflowing(event)
