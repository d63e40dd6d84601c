"""`appliance run` as systemd starts it: a real process, a real broker, and both of them failing."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.e2e.processes import appliance, refused, start
from tests.publish.listener import Listener, eventually

CONFIGURATION = """
[device]
site = "test-site"
name = "box-1"
state_dir = "state"
calibration_dir = "{calibration}"

[camera]
kind = "simulator"
width = 640
height = 480
trays_per_minute = 40
angle = "any"
set_down = 0
nudge = 0
stay = 0
hand = 0
napkin = 0
lamps = 0
empty = 0

[mqtt]
host = "127.0.0.1"
port = {port}
backoff_first_s = 0.1
backoff_max_s = 1
will_delay_s = 0

[service]
metrics_port = 0
"""

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def service(mosquitto: Mosquitto, calibration: Path, tmp_path: Path) -> Iterator[Start]:
    """Start the service with one configuration as often as asked, and end what is still running."""
    file = tmp_path / "janban.toml"
    file.write_text(CONFIGURATION.format(calibration=calibration, port=mosquitto.port), encoding="utf-8")
    running: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        running.append(start("run", "--config", file))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def gapless(sequences: list[int]) -> bool:
    """Whether no reading is missing; one may have come twice."""
    return sorted(set(sequences)) == list(range(1, max(sequences) + 1))


def sequences(listener: Listener) -> list[int]:
    return [message["sequence"] for message in listener.on("reading")]


def test_no_reading_is_lost_when_broker_and_service_die(mosquitto: Mosquitto, service: Start) -> None:
    with Listener(mosquitto.port) as listener:
        first = service()
        eventually(lambda: len(listener.on("reading")) >= 2, "two readings")
        mosquitto.stop(kill=True)
        mosquitto.start()
        eventually(lambda: len(listener.on("reading")) >= 4, "readings after the broker's return")
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        before = max(sequences(listener))
        second = service()
        eventually(lambda: max(sequences(listener)) >= before + 2, "readings after the service's return")
        second.send_signal(signal.SIGTERM)
        _, errors = second.communicate(timeout=30)
        assert second.returncode == 0, errors
        assert "Traceback" not in errors
        eventually(lambda: listener.statuses()[-1] == "offline", "the farewell")
    assert gapless(sequences(listener))
    assert "online" in listener.statuses()
    readings = listener.on("reading")
    assert {reading["status"] for reading in readings} <= {"measured", "degraded"}
    assert all(reading["latency_ms"]["total"] < 5000 for reading in readings)
    assert all(reading["site"] == "test-site" for reading in readings)
    assert listener.on("health")[0]["schema"] == "janban.health/1"
    assert listener.on("info")[0]["software"]


def test_systemd_is_told_and_the_watchdog_fed(service: Start, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        os.environ.update(NOTIFY_SOCKET=str(address), WATCHDOG_USEC="3000000")
        try:
            process = service()
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        said: set[str] = set()
        while not {"READY=1", "WATCHDOG=1", "STATUS=measuring"} <= said:
            said.add(manager.recv(4096).decode())
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in said:
            said.add(manager.recv(4096).decode())
        assert process.wait(30) == 0


def test_what_cannot_work_is_one_line_and_a_status_that_is_not_restarted(tmp_path: Path) -> None:
    file = tmp_path / "janban.toml"
    file.write_text(
        '[device]\nsite = "s"\nname = "n"\n[camera]\nkind = "simulator"\nfsp = 10\n', encoding="utf-8"
    )
    result = appliance("run", "--config", file)
    assert "camera.fsp" in refused(result)
    assert result.returncode == 78
    file.write_text('[device]\nsite = "s"\nname = "n"\ncalibration_dir = "c"\n[camera]\nkind = "simulator"\n')
    result = appliance("run", "--config", file)
    assert "calibrat" in refused(result)
    assert result.returncode == 78


def test_watch_prints_what_the_service_publishes(mosquitto: Mosquitto, service: Start) -> None:
    watcher = start("watch", "--port", str(mosquitto.port), "--site", "test-site", "--json")
    try:
        service()
        assert watcher.stdout is not None
        assert '"schema":"janban.reading/1"' in watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(10) == 0
    finally:
        watcher.kill()
        watcher.communicate()


def test_a_certificate_that_is_not_there_is_a_wrong_configuration(
    mosquitto: Mosquitto, calibration: Path, tmp_path: Path
) -> None:
    file = tmp_path / "janban.toml"
    text = CONFIGURATION.format(calibration=calibration, port=mosquitto.port)
    file.write_text(text + '[mqtt.tls]\nca = "nowhere.pem"\n', encoding="utf-8")
    result = appliance("run", "--config", file)
    assert "nowhere.pem" in refused(result)
    assert result.returncode == 78
