"""What `make run` starts: everything in one process, ended as a user ends it."""

import json
import signal
import socket
from pathlib import Path

from appliance.picture import load_picture
from tests.brokers import free_port
from tests.e2e.processes import appliance, refused, start


def test_the_demo_measures_publishes_and_prints(tmp_path: Path) -> None:
    result = appliance(
        "demo", "--json", "--trays", "2", "--port", free_port(), "--out", tmp_path, timeout_s=110
    )
    assert result.returncode == 0, result.stderr
    readings = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(readings) >= 2
    for number, reading in enumerate(readings, start=1):
        assert reading["schema"] == "janban.reading/1"
        assert reading["sequence"] == number
        assert reading["status"] in {"measured", "degraded"}
        assert reading["latency_ms"]["total"] < 5000
    assert load_picture(tmp_path / "last-tray.png").shape == (480, 640, 3)


def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    process = start("demo", "--port", free_port(), "--out", tmp_path)
    assert process.stdout is not None
    assert "Ctrl-C" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "stopped" in out
    assert "Traceback" not in err


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(appliance("demo", "--port", port, "--out", tmp_path))
