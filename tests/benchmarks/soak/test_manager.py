"""The stand-in for systemd, with small programs in the service's place."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.soak.manager import Figures, Manager

QUICK = Figures(watchdog_s=0.6, restart_s=0.05, stop_s=5.0)
FEED = """
import os, socket, sys, time
address = "\\0" + os.environ["NOTIFY_SOCKET"][1:]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
    while True:
        channel.sendto(b"WATCHDOG=1", address)
        time.sleep(0.1)
"""
ENOUGH_S = 30.0


def wait(what: Callable[[], bool]) -> None:
    until = time.monotonic() + ENOUGH_S
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_figures_are_the_units() -> None:
    figures = Figures.of()
    assert figures.watchdog_s == 30
    assert 0 < figures.restart_s <= 5
    assert figures.stop_s >= 10


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("2", 2), ("30s", 30), ("1min", 60)])
def test_spans_of_time_are_read_as_systemd_does(tmp_path: Path, text: str, seconds: float) -> None:
    unit = tmp_path / "one.service"
    unit.write_text(f"[Service]\nWatchdogSec={text}\nRestartSec={text}\nTimeoutStopSec={text}\n")
    assert Figures.of(unit) == Figures(seconds, seconds, seconds)


def test_what_ends_is_started_again(log: Path) -> None:
    manager = Manager([sys.executable, "-c", "print('once more')"], log, QUICK)
    manager.start()
    wait(lambda: len(manager.starts) >= 3)
    manager.stop()
    assert log.read_text().count("once more") >= 2
    assert manager.starved == 0


def test_what_does_not_feed_its_watchdog_is_ended(log: Path) -> None:
    manager = Manager([sys.executable, "-c", "import time; time.sleep(600)"], log, QUICK)
    manager.start()
    wait(lambda: manager.starved >= 1 and len(manager.starts) >= 2)
    manager.stop()


def test_what_feeds_it_lives_until_it_is_stopped(log: Path) -> None:
    manager = Manager([sys.executable, "-c", FEED], log, Figures(20.0, 0.05, 5.0))
    manager.start()
    wait(lambda: manager.pid is not None)
    assert manager.stop() == -15
    assert len(manager.starts) == 1


def test_what_a_killed_service_leaves_behind_is_swept_away(log: Path) -> None:
    leave = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    manager = Manager([sys.executable, "-c", leave], log, QUICK)
    manager.start()
    wait(lambda: len(manager.starts) >= 2)
    manager.stop()
    left = int(log.read_text().split()[0])
    wait(lambda: not Path(f"/proc/{left}/cmdline").exists() or not Path(f"/proc/{left}/cmdline").read_bytes())
