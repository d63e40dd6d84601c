"""Tell systemd how the service is: its notification protocol (sd_notify(3)), a watchdog fed with reason."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

from appliance.budget import END_STEP_S, FEED_SHARE

_log = logging.getLogger(__name__)

MEASURING = "measuring"
"""What systemd is told while all is well."""


class Notifier:
    """Sends state to the service manager that started this process; without one, every message is dropped."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Take the socket's address and the watchdog's period from the environment."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        meant_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period_us = environment.get("WATCHDOG_USEC", "") if meant_for_us else ""
        self.watchdog_s = int(period_us) / 1e6 if period_us.isdecimal() and int(period_us) > 0 else None
        """Seconds within which systemd expects to be fed; None where it does not watch."""

    def ready(self) -> None:
        """Say that the service has started."""
        self._send("READY=1")

    def extend_start(self, seconds: float) -> None:
        """Ask for so much time to start, from now on, where the unit allows less."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def status(self, text: str) -> None:
        """Say in one line what the service is doing; `systemctl status` shows it."""
        self._send("STATUS=" + " ".join(text.split()))

    def feed(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is ending."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading "@" stands for the NUL byte of Linux's abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                # A manager too busy to listen must not hold up the service; the next feed comes soon enough.
                channel.settimeout(END_STEP_S)
                channel.connect(address)
                channel.sendall(message.encode())
        except OSError as error:
            _log.warning("systemd did not take %s: %s", message.partition("=")[0], error)


class Watchdog:
    """A thread that feeds systemd's watchdog, but only while `unable` gives no reason not to.

    `unable` says why trays cannot be measured, or None; one that hangs or raises starves the watchdog, too.
    """

    def __init__(self, notifier: Notifier, unable: Callable[[], str | None]) -> None:
        """Watch nothing yet; `start` begins, and does nothing where systemd does not watch."""
        self._notifier = notifier
        self._unable = unable
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Feed from now on, as often in every period as the budget has it."""
        if self._notifier.watchdog_s is not None:
            self._thread.start()

    def stop(self) -> None:
        """End the thread; safe to call without `start`."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(END_STEP_S)

    def look(self) -> bool:
        """Feed if trays can be measured, and return whether they can."""
        reason = self._unable()
        if reason is None:
            self._notifier.feed()
        else:
            _log.error("the watchdog is not fed, because trays cannot be measured: %s", reason)
        return reason is None

    def _run(self) -> None:
        interval_s = (self._notifier.watchdog_s or 0.0) * FEED_SHARE
        self.look()
        while not self._stop.wait(interval_s):
            self.look()
