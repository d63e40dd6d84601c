import json
from pathlib import Path

from appliance.config import parse
from appliance.diagnostics.collect import LIMIT_IN_MESSAGE_BYTES, collect_in_service
from appliance.tray.calibration_folder import save_calibration
from tests.brokers import free_port
from tests.diagnostics.test_archive import unpacked
from tests.estimate import wells

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_what_operators_get_fits_into_a_message_and_leaves_the_camera_alone(tmp_path: Path) -> None:
    """With the models that ship, whose manifest is the largest part that is not shortened."""
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
    checks = [json.loads(line) for line in unpacked(archive)["doctor.jsonl"].splitlines()]
    found = {check["name"]: check["found"] for check in checks}
    assert found["camera"] == "the service holds it, and answers no questions"
    assert "the service has them" in found["models"]
