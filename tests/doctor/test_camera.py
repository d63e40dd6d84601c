import pytest

from appliance.camera.frame import EndOfFrames
from appliance.camera.open import open_camera
from appliance.config import Settings, parse
from appliance.doctor.camera import camera
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running
from appliance.errors import CameraError
from tests.doctor.boxes import FakeCamera, Hurried, changed, checked, service


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (FakeCamera(CameraError("/dev/video0: no such device")), "no such device"),
        (FakeCamera(EndOfFrames()), "no pictures"),
        (FakeCamera(0), "black"),
        (FakeCamera(128, noise=0), "frozen"),
        (FakeCamera(RuntimeError("broken driver")), "RuntimeError: broken driver"),
    ],
)
def test_a_camera_that_shows_nothing(
    settings: Settings, tools: Instruments, source: FakeCamera, found: str
) -> None:
    check = checked(settings, changed(tools, open_camera=source, clock=Hurried()))["camera"]
    assert check.state == "fail"
    assert found in check.found
    assert check.advice
    assert source.closed


def test_a_camera_that_shows_something_after_a_while(settings: Settings, tools: Instruments) -> None:
    check = checked(settings, changed(tools, open_camera=FakeCamera(0, 0, 128)))["camera"]
    assert (check.state, check.found) == ("ok", "usb, 160x120 pixels")


def test_a_simulated_camera_is_no_camera(tools: Instruments, settings: Settings) -> None:
    simulated = parse('device = { site = "a", name = "b" }\ncamera = { kind = "simulator" }').camera
    settings = settings.model_copy(update={"camera": simulated})
    check = checked(settings, changed(tools, open_camera=open_camera))["camera"]
    assert check.state == "warn"
    assert "640x480" in check.found


def test_a_short_recording_is_enough(settings: Settings, tools: Instruments) -> None:
    check = checked(settings, changed(tools, open_camera=FakeCamera(128, 128, 0, ends=True)))["camera"]
    assert check.state == "ok"


def unused(_settings: object, _clock: object) -> FakeCamera:
    raise AssertionError("the service holds the camera")


@pytest.mark.parametrize(
    ("running", "state", "found"),
    [
        (service(), "ok", "in use by the service, gives frames"),
        (service(camera_reopens_total=5), "warn", "open it again 5 times"),
        (service("no usable frame for 20 s: it hangs"), "fail", "no usable frame for 20 s: it hangs"),
    ],
)
def test_while_the_service_holds_it_the_service_is_asked(
    settings: Settings, tools: Instruments, running: Running, state: str, found: str
) -> None:
    check = camera(settings, changed(tools, open_camera=unused), running)
    assert check.state == state
    assert found in check.found


def test_a_service_that_answers_nothing_keeps_the_camera(settings: Settings, tools: Instruments) -> None:
    active = changed(tools, open_camera=unused, unit=lambda: {"ActiveState": "active"})
    check = checked(settings, active)["camera"]
    assert check.state == "warn"
    assert "systemctl stop janban" in check.advice
