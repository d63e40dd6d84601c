import json
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from appliance.config import parse
from appliance.diagnostics.collect import LIMIT_IN_MESSAGE_BYTES, collect_in_service
from appliance.tray.calibration_folder import save_calibration
from tests.brokers import free_port
from tests.diagnostics.test_archive import unpacked
from tests.estimate import wells

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_what_operators_get_fits_into_a_message_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the models that ship, whose manifest is the largest part that is not shortened."""
    monkeypatch.setattr(subprocess, "Popen", Mock(side_effect=AssertionError("a program was started")))
    settings = parse(
        f"""
        device = {{ site = "a", name = "b", state_dir = "state", calibration_dir = "calibration" }}
        camera = {{ kind = "usb", device = "/dev/null" }}
        models = {{ folder = "{MODELS}" }}
        mqtt = {{ host = "127.0.0.1", port = {free_port()} }}
        service = {{ metrics_port = 0 }}
        """,
        folder=tmp_path,
    )
    save_calibration(wells.calibration(), settings.device.calibration_dir)
    archive = collect_in_service(settings)
    assert len(archive) <= LIMIT_IN_MESSAGE_BYTES
    members = unpacked(archive)
    assert "is not run from afar" in members["journal.txt"]
    assert "a program was started" not in "".join(members.values())
    checks = [json.loads(line) for line in members["doctor.jsonl"].splitlines()]
    found = {check["name"]: check["found"] for check in checks}
    assert found["camera"] == "the service holds it, and answers no questions"
    assert "the service has them" in found["models"]
