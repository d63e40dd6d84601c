"""The service as systemd runs it: readiness, watchdog, stop, what the watchdog's SIGABRT leaves behind."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ENOUGH_S, command

PERIOD_US = 900_000


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(ENOUGH_S)
        yield receiver


@pytest.fixture
def service(manager: socket.socket, calibration: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    config = tmp_path / "janban.toml"
    config.write_text(
        f"""
        device = {{ site = "canteen", name = "box", state_dir = "state", calibration_dir = "{calibration}" }}
        camera = {{ kind = "simulator" }}
        mqtt = {{ host = "127.0.0.1", port = 1 }}
        service = {{ metrics_port = 0 }}
        """
    )
    # As in systemd/janban.service.
    environment = os.environ | {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": str(PERIOD_US),
        "PYTHONFAULTHANDLER": "1",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        command("run", "--config", config), env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def heard(manager: socket.socket, *messages: str) -> None:
    """Wait until the service has said these messages, in this order, whatever comes between."""
    until = time.monotonic() + ENOUGH_S
    for message in messages:
        while manager.recv(4096).decode() != message:
            assert time.monotonic() < until


def test_service_is_ready_feeds_its_watchdog_and_stops_when_told(
    manager: socket.socket, service: subprocess.Popen[str]
) -> None:
    heard(manager, "EXTEND_TIMEOUT_USEC=30000000", "READY=1", "WATCHDOG=1", "WATCHDOG=1")
    service.terminate()
    heard(manager, "STOPPING=1")
    _, errors = service.communicate(timeout=ENOUGH_S)
    assert service.returncode == 0, errors
    assert "Traceback" not in errors


def test_watchdogs_signal_leaves_every_threads_stack(
    manager: socket.socket, service: subprocess.Popen[str]
) -> None:
    heard(manager, "READY=1", "WATCHDOG=1")
    service.send_signal(signal.SIGABRT)
    _, errors = service.communicate(timeout=ENOUGH_S)
    assert service.returncode == -signal.SIGABRT
    assert "intake.py" in errors
