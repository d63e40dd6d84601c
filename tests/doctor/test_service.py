import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.doctor.instruments import Instruments, unit_properties
from appliance.doctor.running import Running, Sample, ask
from appliance.doctor.service import service, watchdog
from tests.brokers import free_port
from tests.doctor.boxes import changed, checked
from tests.doctor.boxes import service as running
from tests.inference.roots import put

METRICS = """# HELP janban_info What the box is
# TYPE janban_info gauge
janban_info{site="a",board="Raspberry \\"Pi\\"",variant=""} 1
janban_camera_reopens_total 3
janban_tray_latency_seconds{quantile="0.5"} 0.61
janban_readings_pending 12.0
nonsense {
"""


@pytest.fixture
def scraped() -> Iterator[tuple[int, dict[str, tuple[int, str]]]]:
    """Return the port of a server, and its answers by path, to be changed."""
    answers = {"/healthz": (200, "ok\n"), "/metrics": (200, METRICS)}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_words: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_running_service_is_asked(scraped: tuple[int, dict[str, tuple[int, str]]]) -> None:
    port, answers = scraped
    found = ask(port)
    assert found is not None
    assert found.unable is None
    assert (found.value("readings_pending"), found.count("camera_reopens"), found.count("other")) == (
        12,
        3,
        0,
    )
    assert found.labels("info") == [{"site": "a", "board": 'Raspberry \\"Pi\\"', "variant": ""}]
    answers["/healthz"] = (503, "no usable frame for 20 s\n")
    found = ask(port)
    assert found is not None
    assert found.unable == "no usable frame for 20 s"


def test_where_nobody_answers_nobody_runs() -> None:
    assert ask(free_port()) is None
    assert ask(0) is None


@pytest.mark.parametrize(
    ("said", "unit", "state", "found"),
    [
        (running(), {}, "ok", "runs"),
        (running(starts_this_boot=4), {"NRestarts": "9"}, "warn", "runs, started again 3 times in this boot"),
        (running(), {"StatusText": "measuring"}, "ok", "runs"),
        (running(), {"StatusText": "pictures are black"}, "warn", "says: pictures are black"),
        (running("the line thread died"), {}, "fail", "cannot measure: the line thread died"),
        (Running(None, answers=False), {"NRestarts": "0"}, "ok", "runs"),
        (Running(None, answers=False), {"NRestarts": "2"}, "warn", "started again 2 times"),
        (None, {"ActiveState": "failed", "ExecMainStatus": "78"}, "fail", "has given up"),
        (None, {"ActiveState": "inactive", "NRestarts": "0"}, "warn", "does not run"),
        (None, {}, "warn", "does not run"),
    ],
)
def test_service(said: Running | None, unit: dict[str, str], state: str, found: str) -> None:
    check = service(said, unit)
    assert (check.state, bool(check.advice)) == (state, state != "ok")
    assert found in check.found


def test_the_service_of_another_box_is_not_taken_for_ours(settings: Settings, tools: Instruments) -> None:
    def checks(site: str) -> dict[str, Check]:
        info = Sample("janban_info", {"site": site, "device": "b"}, 1)
        said = running("no usable frame for 20 s", info, networks_ready=1)
        return checked(settings, changed(tools, running=lambda _port: said))

    ours, others = checks("a"), checks("elsewhere")
    assert "cannot measure" in ours["service"].found
    assert "another box's service" in others["service"].found
    assert (ours["camera"].state, others["camera"].state) == ("fail", "ok")


def test_systemd_is_asked_about_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unit_properties() == {}
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\n[ $1 = show ] && echo NRestarts=3 && echo 'StatusText=a = b'\n")
    program.chmod(0o755)
    assert unit_properties() == {"NRestarts": "3", "StatusText": "a = b"}
    program.write_text("#!/bin/sh\nexit 1\n")
    assert unit_properties() == {}


@pytest.mark.parametrize(
    ("there", "state", "found"),
    [("active", "ok", "on, 15 s"), ("inactive", "warn", "nobody uses it"), (None, "warn", "no hardware")],
)
def test_watchdog(tmp_path: Path, there: str | None, state: str, found: str) -> None:
    if there is not None:
        put(tmp_path, "sys/class/watchdog/watchdog0/state", there)
        put(tmp_path, "sys/class/watchdog/watchdog0/timeout", "15")
    check = watchdog(tmp_path)
    assert (check.state, bool(check.advice)) == (state, state != "ok")
    assert found in check.found
