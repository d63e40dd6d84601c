"""Waiting for the next tray, from another thread than the one that measures."""

import threading

from appliance.clock import Deadline
from appliance.errors import CommandError
from appliance.line.trigger import TrayEvent
from appliance.service.pipeline import MeasuredTray

_LOOK_S = 0.2


class NextTray:
    """Sees every tray, and hands one to whoever waits for it; one may wait at a time."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._came = threading.Event()
        self._closed = threading.Event()
        self._tray: tuple[TrayEvent, MeasuredTray] | None = None

    def see(self, event: TrayEvent, tray: MeasuredTray) -> None:
        """Take note of a tray that was measured."""
        if self._wanted.is_set():
            self._wanted.clear()
            self._tray = event, tray
            self._came.set()

    def wait(self, deadline: Deadline) -> tuple[TrayEvent, MeasuredTray]:
        """Return the next tray; raises `CommandError` when none came in time, or the service ends."""
        self._came.clear()
        self._wanted.set()
        try:
            while not self._came.wait(min(_LOOK_S, deadline.remaining_s)):
                if self._closed.is_set():
                    raise CommandError("the service ends; no tray came before")
                if deadline.passed:
                    raise CommandError("no tray came in time")
        finally:
            self._wanted.clear()
        tray, self._tray = self._tray, None
        if tray is None:
            raise CommandError("no tray came in time")
        return tray

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._closed.set()
