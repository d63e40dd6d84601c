"""Watches the line: camera → trigger → queue, and brings a failed camera back."""

import logging
import queue
import threading
from collections.abc import Callable

from appliance.backoff import Backoff
from appliance.budget import Budget
from appliance.camera.frame import EndOfFrames, FrameSource
from appliance.camera.health import FrameHealth
from appliance.clock import Clock
from appliance.errors import CameraError
from appliance.line.trigger import TrayEvent, Trigger
from appliance.patience import Patience

_LOG = logging.getLogger(__name__)

_FRAMES = 10.0
"""A camera that is silent for as long as so many frames took of late counts as stalled."""


class Intake:
    """Reads frames until stopped and hands on one event per tray.

    Whatever goes wrong with the camera (not there, silent, frozen) ends in one recovery path: close it, open
    it again; at once after a fault of one that ran well, then at growing intervals. `revive` is what else may
    help one that failed twice in a row, within `budget.usb_reset_s`. `fault` says what is wrong meanwhile,
    and is None while frames are good; `reopened` and `revived` count.
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
        revive: Callable[[], bool] | None = None,
    ) -> None:
        self._camera = camera
        self._trigger = trigger
        self._trays = trays
        self._overflowing = overflowing
        self._budget = budget
        self._clock = clock
        self._retries = Backoff(budget.camera_retry_s, budget.camera_retry_most_s)
        self._revive = revive
        self._revivals = Backoff(budget.camera_revive_s, budget.camera_revive_most_s)
        self._revive_s = clock.monotonic_s()
        self._failures = 0
        self._dark_allowed_s = budget.camera_stall_s
        self._live_s: float | None = None
        self._ailing_since_s: float | None = None
        self.fault: str | None = "the camera has not given a frame yet"
        self.reopened = self.revived = 0
        self.ended = threading.Event()

    def seconds_without_frame(self, since_s: float) -> float:
        """Return how long no live frame came, counted from `since_s` (monotonic) if none ever did.

        A frame is live though it is black: neither a restart nor a reboot brings light.
        """
        last_s = since_s if self._live_s is None else self._live_s
        return self._clock.monotonic_s() - last_s

    def seconds_ailing(self) -> float:
        """Return how long the camera has failed without having run well in between, whatever frames it gave.

        One that hangs or freezes soon after each opening gives a live frame each time, and no trays.
        """
        since_s = self._ailing_since_s
        return 0.0 if since_s is None else self._clock.monotonic_s() - since_s

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set or a replay has ended."""
        while not stop.is_set():
            opened_s = self._clock.monotonic_s()
            try:
                with self._camera:
                    self._read(stop, opened_s)
                self.reopened += not stop.is_set()
            except EndOfFrames:
                self._deliver(self._trigger.flush())
                self.ended.set()
                return
            except CameraError as error:
                self.fault = str(error)
                ran_well = self._live_s is not None and self._live_s - opened_s > self._budget.camera_well_s
                self._failures = 1 if ran_well else self._failures + 1
                if self._ailing_since_s is None:
                    self._ailing_since_s = self._clock.monotonic_s()
                wait_s = self._before_next()
                self.reopened += 1
                _LOG.warning("%s; opening the camera again in %.1f s", error, wait_s)
                stop.wait(wait_s)

    def _before_next(self) -> float:
        """Do what may help before the camera is opened again; return how long to wait then."""
        if self._failures == 1:
            self._retries.reset()
            return 0.0
        now_s = self._clock.monotonic_s()
        if self._revive is not None and now_s >= self._revive_s:
            self._revive_s = now_s + self._revivals.next_s()
            self.revived += self._revive()
        return self._retries.next_s()

    def _read(self, stop: threading.Event, opened_s: float) -> None:
        """Read until `stop` is set, or the camera has been in the dark for long enough to be opened again."""
        health = FrameHealth()
        patience = Patience(self._budget.camera_silence_s, self._budget.camera_stall_s, _FRAMES)
        last_s: float | None = None
        good_s = self._clock.monotonic_s()
        while not stop.is_set():
            frame = self._camera.read(self._budget.camera_open_s if last_s is None else patience.limit_s)
            now_s = self._clock.monotonic_s()
            if last_s is not None:
                patience.waited(now_s - last_s)
            last_s = now_s
            self.fault = health.check(frame)
            self._live_s = now_s
            if now_s - opened_s > self._budget.camera_well_s:
                self._ailing_since_s = None
            if self.fault is None:
                good_s, self._dark_allowed_s = now_s, self._budget.camera_stall_s
                self._deliver(self._trigger.feed(frame))
            elif now_s - good_s > self._dark_allowed_s:
                # It may be the sensor, but more likely it is night: tried again ever more seldom.
                self._dark_allowed_s = min(2 * self._dark_allowed_s, self._budget.camera_dark_most_s)
                _LOG.warning("%s; opening the camera again", self.fault)
                return

    def _deliver(self, events: list[TrayEvent]) -> None:
        for event in events:
            try:
                self._trays.put_nowait(event)
            except queue.Full:
                self._overflowing(event)
