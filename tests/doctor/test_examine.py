import json
import threading
from pathlib import Path

import pytest

from appliance.camera.settings import CameraSettings
from appliance.cli import main
from appliance.clock import Clock
from appliance.config import Settings
from appliance.doctor.check import Check, exit_status
from appliance.doctor.examine import examine
from appliance.doctor.instruments import Instruments
from tests.brokers import free_port
from tests.doctor.boxes import FakeCamera, changed, checked

NAMES = [
    *("service", "camera", "calibration", "tpu", "models", "artifacts", "identity", "secrets", "broker"),
    *("commands", "disk", "store", "clock", "temperature", "power", "memory", "watchdog"),
]


def test_every_check_is_made_in_order_and_says_what_to_do(settings: Settings, tools: Instruments) -> None:
    checks = list(examine(settings, tools))
    assert [check.name for check in checks] == NAMES
    assert {check.name for check in checks if check.state != "ok"} == {"service", "calibration", "broker"}
    assert all(bool(check.advice) == (check.state != "ok") for check in checks)
    assert exit_status(checks) == 1


def test_checks_can_be_read_by_machines_and_by_people(settings: Settings, tools: Instruments) -> None:
    for check in examine(settings, tools):
        assert json.loads(check.as_json()) == vars(check)
        assert "\n" not in check.as_json()
        assert check.as_text().startswith(check.state)
        assert check.advice in check.as_text()


def test_warnings_are_no_failure() -> None:
    assert exit_status([Check("a", "ok", "x"), Check("b", "warn", "y", "z")]) == 0


def test_a_camera_that_hangs_does_not_hang_the_doctor(settings: Settings, tools: Instruments) -> None:
    free = threading.Event()

    def hang(_settings: CameraSettings, _clock: Clock) -> FakeCamera:
        free.wait(60)
        return FakeCamera(128)

    check = checked(settings, changed(tools, open_camera=hang, longest_s=0.5))["camera"]
    free.set()
    assert check.state == "fail"
    assert "no answer" in check.found


def test_the_command_prints_json_lines_and_fails_without_a_broker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "janban.toml"
    file.write_text(
        f"""
        device = {{ site = "a", name = "b", state_dir = "." }}
        camera = {{ kind = "simulator" }}
        service = {{ metrics_port = 0 }}
        mqtt = {{ host = "127.0.0.1", port = {free_port()} }}
        """
    )
    assert main(["doctor", "--config", str(file), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == NAMES
    assert {line["name"]: line["state"] for line in lines}["broker"] == "fail"
