import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service.notify import Notifier, Watchdog


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's end of the protocol, and the NOTIFY_SOCKET that leads to it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@janban-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        receiver.settimeout(10)
        yield receiver, name


def test_says_what_systemd_expects(manager: tuple[socket.socket, str]) -> None:
    receiver, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.extend_start(81.2)
    notifier.ready()
    notifier.status("measuring\nREADY=0 잔반")
    notifier.feed()
    notifier.stopping()
    said = [receiver.recv(4096).decode() for _ in range(5)]
    assert said == [
        "EXTEND_TIMEOUT_USEC=81200000",
        "READY=1",
        "STATUS=measuring READY=0 잔반",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("environment", "period_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_watchdog_period(environment: dict[str, str], period_s: float | None) -> None:
    assert Notifier(environment).watchdog_s == period_s


def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.feed()


def test_a_manager_that_went_away_does_not_stop_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).feed()
    assert "WATCHDOG" in caplog.text


def test_a_manager_that_does_not_listen_does_not_block(manager: tuple[socket.socket, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager[1]})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as flood:
        flood.connect(manager[1].replace("@", "\0", 1))
        flood.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            for _ in range(10_000):
                flood.send(b"x")
    notifier.feed()


def test_watchdog_is_fed_only_while_trays_can_be_measured(
    manager: tuple[socket.socket, str], caplog: pytest.LogCaptureFixture
) -> None:
    receiver, name = manager
    reason: str | None = None
    watchdog = Watchdog(Notifier({"NOTIFY_SOCKET": name}), lambda: reason)
    assert watchdog.look()
    assert receiver.recv(64) == b"WATCHDOG=1"
    reason = "no frame for 14 s"
    assert not watchdog.look()
    assert reason in caplog.text
    receiver.settimeout(0)
    with pytest.raises(BlockingIOError):
        receiver.recv(64)


def test_watchdog_thread_feeds_several_times_a_period_and_ends(manager: tuple[socket.socket, str]) -> None:
    receiver, name = manager
    looks = threading.Semaphore(0)

    def able() -> None:
        looks.release()

    watchdog = Watchdog(Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"}), able)
    watchdog.start()
    for _ in range(4):
        assert looks.acquire(timeout=10)
        assert receiver.recv(64) == b"WATCHDOG=1"
    watchdog.stop()
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def test_watchdog_does_not_run_where_nobody_watches() -> None:
    watchdog = Watchdog(Notifier({}), lambda: pytest.fail("nobody asked"))
    watchdog.start()
    watchdog.stop()
