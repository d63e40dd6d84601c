"""What the appliance's processes log ends up where its own logs do."""

import contextlib
from functools import partial

import pytest

from appliance.camera.worker import WorkerCamera
from appliance.errors import CameraError
from tests.camera.child_cameras import ChildCamera


def test_the_cameras_process_logs_as_the_service_does(capfd: pytest.CaptureFixture[str]) -> None:
    camera = WorkerCamera(partial(ChildCamera, at=1, then="raise"), largest_px=96 * 128, max_age_s=5.0)
    with camera, contextlib.suppress(CameraError):
        while True:
            camera.read(30.0)
    told = capfd.readouterr().err
    assert "ERROR appliance.camera.worker: the camera's worker failed\nTraceback" in told
    assert "ValueError: a bug" in told
