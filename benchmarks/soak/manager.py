"""Runs the service as systemd would by its unit: restarts it, and ends it when its watchdog starves."""

import configparser
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNIT: Final = Path(__file__).parents[2] / "systemd" / "janban.service"
_MARK: Final = "JANBAN_SOAK"
_POLL_S: Final = 0.02
_UNITS_S: Final = {"ms": 0.001, "min": 60.0, "s": 1.0, "": 1.0}


@dataclass(frozen=True)
class Figures:
    """What the unit says of time, in seconds."""

    watchdog_s: float
    restart_s: float
    stop_s: float

    @classmethod
    def of(cls, unit: Path = UNIT) -> "Figures":
        """Read a unit."""
        parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
        parser.read(unit, encoding="utf-8")
        service = parser["Service"]
        return cls(*(_seconds(service[key]) for key in ("WatchdogSec", "RestartSec", "TimeoutStopSec")))


def _seconds(span: str) -> float:
    digits = span.rstrip("minsec")
    return float(digits) * _UNITS_S[span[len(digits) :].replace("sec", "s")]


class Manager:
    """Keeps one command running until `stop`; `starts` has the moments (monotonic) at which it was started.

    Whatever its main process leaves behind is killed before the next start, as a control group would be.
    """

    def __init__(self, command: Sequence[str], log: Path, figures: Figures) -> None:
        self._command = list(command)
        self._log = log
        self._figures = figures
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="manager", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind("")  # an address of the kernel's choice, in the abstract namespace
        self._listener.setblocking(False)  # noqa: FBT003
        self._fed_s = 0.0
        self.starts: list[float] = []
        self.starved = 0

    @property
    def pid(self) -> int | None:
        """The main process, None between two lives."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start it, and look after it from now on."""
        self._thread.start()

    def stop(self) -> int | None:
        """Stop it as `systemctl stop` does; return its exit status, negative for the signal that ended it."""
        self._stopping.set()
        self._thread.join()
        self._listener.close()
        return None if self._process is None else self._process.returncode

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._log.open("ab") as log:
                self._process = process = subprocess.Popen(  # noqa: S603 - this very project
                    self._command, env=self._environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
                )
            self._fed_s = time.monotonic()
            self.starts.append(self._fed_s)
            while process.poll() is None and not self._stopping.is_set():
                self._watch(process)
                time.sleep(_POLL_S)
            if self._stopping.is_set():
                self._end(process)
            self._sweep()
            self._stopping.wait(self._figures.restart_s)

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(BlockingIOError):
            while message := self._listener.recv(4096):
                if message in (b"WATCHDOG=1", b"READY=1"):
                    self._fed_s = time.monotonic()
        if time.monotonic() - self._fed_s > self._figures.watchdog_s:
            self.starved += 1
            process.send_signal(signal.SIGABRT)
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._figures.stop_s)
            process.kill()
            process.wait()

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._figures.stop_s)
        process.kill()
        process.wait()

    def _environment(self) -> dict[str, str]:
        name = self._listener.getsockname()
        return {
            **os.environ,
            _MARK: str(os.getpid()),
            "NOTIFY_SOCKET": "@" + name.lstrip(b"\0").decode(),
            "WATCHDOG_USEC": str(round(self._figures.watchdog_s * 1e6)),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }

    def _sweep(self) -> None:
        mark = f"{_MARK}={os.getpid()}\0".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
