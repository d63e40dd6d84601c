from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from appliance.camera.open import open_camera
from appliance.camera.replay import Replay
from appliance.camera.settings import (
    CameraSettings,
    PicameraSettings,
    ReplaySettings,
    SimulatorSettings,
    UsbSettings,
)
from appliance.camera.simulator import SimulatedLine
from appliance.camera.worker import WorkerCamera
from appliance.clock import SystemClock
from appliance.errors import CameraError

LONG_S = 30.0
MODELS = (PicameraSettings, UsbSettings, ReplaySettings, SimulatorSettings)


def test_each_kind_has_its_camera() -> None:
    clock = SystemClock()
    assert isinstance(open_camera(SimulatorSettings(), clock), SimulatedLine)
    assert isinstance(open_camera(ReplaySettings(path=Path("x")), clock), Replay)
    assert isinstance(open_camera(PicameraSettings(), clock), WorkerCamera)
    assert isinstance(open_camera(UsbSettings(), clock), WorkerCamera)


def test_kind_picks_the_model() -> None:
    adapter: TypeAdapter[CameraSettings] = TypeAdapter(CameraSettings)
    assert isinstance(adapter.validate_python({"kind": "usb", "fps": 5}), UsbSettings)
    for wrong in ({"kind": "webcam"}, {"fps": 10}, {"kind": "usb", "number": 0}, {"kind": "usb", "fps": 0}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    assert all(field.description for field in model.model_fields.values())
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]


def test_a_camera_that_is_not_there_says_so_through_its_worker(tmp_path: Path) -> None:
    settings = UsbSettings(device=str(tmp_path / "video0"))
    with open_camera(settings, SystemClock()) as camera, pytest.raises(CameraError, match="no such device"):
        camera.read(LONG_S)


def test_picamera2_not_installed_says_what_to_install() -> None:
    with open_camera(PicameraSettings(), SystemClock()) as camera, pytest.raises(CameraError) as caught:
        camera.read(LONG_S)
    assert "sudo apt install python3-picamera2" in str(caught.value) or "not connected" in str(caught.value)
