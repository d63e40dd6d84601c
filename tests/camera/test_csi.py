from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from appliance.camera.csi import CsiCamera
from appliance.camera.settings import PicameraSettings
from appliance.errors import CameraError
from tests.camera.fake_clock import FakeClock


class FakeRequest:
    def __init__(self, camera: "FakePicamera2", stamp_s: float) -> None:
        self._camera = camera
        self._stamp_s = stamp_s
        camera.held += 1

    def make_array(self, name: str) -> np.ndarray:
        assert name == "main"
        if self._camera.broken_array:
            raise RuntimeError("cannot map buffer")
        width, height = self._camera.configuration["main"]["size"]
        padded = np.zeros((height, width + 16, 3), np.uint8)
        padded[:, :, 0] = 200  # blue, as libcamera's RGB888 lies in memory
        return padded[:, :width]

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": int(self._stamp_s * 1e9)}

    def release(self) -> None:
        self._camera.held -= 1


class FakePicamera2:
    """As much of picamera2 as is used, with its ways of failing."""

    made: "list[FakePicamera2]" = []  # noqa: RUF012 - reset by the fixture
    connected = 1
    fault: Exception | None = None
    clock = FakeClock()

    def __init__(self, number: int) -> None:
        if self.fault:
            raise self.fault
        self.number = number
        self.camera_controls: dict[str, Any] = {"AfMode": (0, 2, 0)}
        self.configuration: dict[str, Any] = {}
        self.controls: dict[str, Any] = {}
        self.calls: list[str] = []
        self.held = 0
        self.silent = self.broken_array = self.stubborn = False
        self.sharp = True
        FakePicamera2.made.append(self)

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [{"Num": i} for i in range(FakePicamera2.connected)]

    def create_video_configuration(self, **configuration: object) -> dict[str, object]:
        return configuration

    def configure(self, configuration: dict[str, Any]) -> None:
        self.calls.append("configure")
        self.configuration = configuration

    def start(self) -> None:
        self.calls.append("start")

    def autofocus_cycle(self, wait: float) -> bool:
        assert wait > 0
        self.calls.append("focus")
        return self.sharp

    def capture_metadata(self, wait: float) -> dict[str, Any]:
        assert wait > 0
        return {"ExposureTime": 8000, "AnalogueGain": 2.5, "ColourGains": (1.9, 1.4), "LensPosition": 2.1}

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.controls |= controls
        self.calls.append("lock")

    def capture_request(self, wait: float, flush: int) -> FakeRequest:
        assert 0 < wait < 60
        if self.silent:
            raise TimeoutError
        stamp_s = self.clock.monotonic_s() - 0.04
        assert stamp_s * 1e9 >= flush > 0
        return FakeRequest(self, stamp_s)

    def stop(self) -> None:
        self.calls.append("stop")
        if self.stubborn:
            raise RuntimeError("already stopped")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture(autouse=True)
def reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePicamera2, "made", [])
    monkeypatch.setattr(FakePicamera2, "clock", FakeClock())


def load(name: str) -> ModuleType:
    modules = {
        "picamera2": SimpleNamespace(Picamera2=FakePicamera2),
        "libcamera": SimpleNamespace(Transform=lambda hflip, vflip: (hflip, vflip)),
    }
    return modules[name]  # type: ignore[return-value]


def camera(**settings: object) -> CsiCamera:
    return CsiCamera(PicameraSettings.model_validate(settings), FakePicamera2.clock, load)


def test_one_configuration_streams_and_is_locked_after_the_warm_up() -> None:
    with camera(width=640, height=480, fps=10, buffers=4, flip=True) as source:
        fake = FakePicamera2.made[0]
        frames = [source.read(1.0) for _ in range(5)]
        assert fake.calls == ["configure", "start", "focus", "lock"]
        assert fake.configuration["main"] == {"size": (640, 480), "format": "RGB888"}
        assert fake.configuration["buffer_count"] == 4
        assert fake.configuration["queue"] is False
        assert fake.configuration["transform"] == (True, True)
        assert fake.configuration["controls"]["FrameDurationLimits"] == (100_000, 100_000)
        assert fake.controls == {
            "AeEnable": False,
            "AwbEnable": False,
            "ExposureTime": 8000,
            "AnalogueGain": 2.5,
            "ColourGains": (1.9, 1.4),
            "AfMode": 0,
            "LensPosition": 2.1,
        }
        assert fake.held == 0
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
        assert frames[0].image.shape == (480, 640, 3)
        assert frames[0].image.flags["C_CONTIGUOUS"]
        assert frames[0].image[0, 0].tolist() == [200, 0, 0]
        age_s = FakePicamera2.clock.monotonic_s() - frames[0].captured_s
        assert age_s == pytest.approx(0.04, abs=1e-6)
    assert fake.calls[-2:] == ["stop", "close"]


def test_fixed_exposure_gain_and_focus_are_used_from_the_start() -> None:
    with camera(exposure_us=5000, gain=1.5, focus_dioptre=2.0):
        fake = FakePicamera2.made[0]
        assert fake.configuration["controls"]["ExposureTime"] == 5000
        assert fake.configuration["controls"]["AnalogueGain"] == 1.5
        assert fake.controls["LensPosition"] == 2.0
        assert "focus" not in fake.calls


def test_a_lens_that_cannot_move_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    original = FakePicamera2.__init__

    def fixed_lens(self: FakePicamera2, number: int) -> None:
        original(self, number)
        self.camera_controls = {}

    monkeypatch.setattr(FakePicamera2, "__init__", fixed_lens)
    with camera():
        assert not {"AfMode", "LensPosition"} & set(FakePicamera2.made[0].controls)


def test_not_installed_says_what_to_install() -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(f"No module named {name!r}")

    with pytest.raises(CameraError, match="sudo apt install python3-picamera2"):
        CsiCamera(PicameraSettings(), FakePicamera2.clock, missing).open()


def test_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePicamera2, "connected", 0)
    with pytest.raises(CameraError, match="ribbon cable"):
        camera().open()


def test_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePicamera2, "fault", RuntimeError("Camera __init__ sequence did not complete"))
    with pytest.raises(CameraError, match="another program"):
        camera().open()


def test_silence_is_an_error_within_the_time_given() -> None:
    with camera() as source:
        FakePicamera2.made[0].silent = True
        with pytest.raises(CameraError, match=r"within 0\.5 s"):
            source.read(0.5)


def test_a_request_is_released_even_if_its_picture_is_lost() -> None:
    with camera() as source:
        fake = FakePicamera2.made[0]
        fake.broken_array = True
        with pytest.raises(CameraError, match="cannot map buffer"):
            source.read(0.5)
        assert fake.held == 0


def test_closing_never_raises() -> None:
    source = camera()
    source.close()
    source.open()
    FakePicamera2.made[0].stubborn = True
    source.close()
    source.close()
    with pytest.raises(CameraError, match="not open"):
        source.read(1.0)
