"""What the running service says of itself, to the broker and to who scrapes."""

import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.health.message import Health
from tests.brokers import Mosquitto, free_port
from tests.e2e.processes import start
from tests.e2e.test_service import CONFIGURATION
from tests.publish.listener import Listener, eventually

SOON_S = 20.0

Run = Callable[[str, int], "subprocess.Popen[str]"]


def scraped(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SOON_S) as answer:
        return str(answer.read().decode())


def answers(port: int) -> bool:
    try:
        return scraped(port, "/healthz") == "ok\n"
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture
def run(mosquitto: Mosquitto, calibration: Path, tmp_path: Path) -> Iterator[Run]:
    """Start a box of a name whose metrics are on a port; what still runs in the end is ended."""
    running: list[subprocess.Popen[str]] = []

    def run(name: str, metrics_port: int) -> "subprocess.Popen[str]":
        text = CONFIGURATION.format(calibration=calibration, port=mosquitto.port)
        for before, after in (
            ("metrics_port = 0", f"metrics_port = {metrics_port}"),
            ('"box-1"', f'"{name}"'),
            ('"state"', f'"state-{name}"'),
        ):
            assert before in text
            text = text.replace(before, after)
        file = tmp_path / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        running.append(start("run", "--config", file))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def test_the_service_tells_the_broker_and_who_scrapes_how_it_is(mosquitto: Mosquitto, run: Run) -> None:
    port = free_port()
    with Listener(mosquitto.port) as listener:
        run("box-1", port)
        eventually(lambda: len(listener.on("health")) > 0, "health")
        eventually(lambda: len(listener.on("reading")) > 0, "a reading")
        eventually(lambda: answers(port), "an able box")
        eventually(lambda: "janban_tray_latency_seconds{" in scraped(port, "/metrics"), "a tray's latency")
        families = {
            family.name: family for family in text_string_to_metric_families(scraped(port, "/metrics"))
        }
    health = Health.model_validate(listener.on("health")[0])
    assert health.memory.service is not None
    assert health.memory.service.rss_mb > 10
    assert health.starts_this_boot == 1
    [taken] = families["janban_process_resident_memory_bytes"].samples
    assert taken.labels == {"process": "service"}
    assert families["janban_trays"].samples[0].value >= 1
    assert families["janban_broker_connected"].samples[0].value == 1


def test_a_port_that_another_one_has_costs_the_metrics_alone(mosquitto: Mosquitto, run: Run) -> None:
    with socket.socket() as taken, Listener(mosquitto.port) as listener:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run("box-1", port)
        eventually(lambda: len(listener.on("reading")) > 0, "a reading")
        eventually(lambda: len(listener.on("health")) > 0, "health")
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert errors.count(f"port {port}") == 1
    assert any(f"port {port}" in reason for reason in listener.on("health")[0]["degraded"])
