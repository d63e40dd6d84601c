import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.camera.settings import UsbSettings
from appliance.camera.usb import UsbCamera
from appliance.errors import CameraError
from appliance.picture import Picture
from tests.camera.fake_clock import FakeClock


class FakeCapture:
    """A V4L2 camera behind OpenCV's interface."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.opened = True
        self.size = (640, 480)
        self.level = 120
        self.refuses: set[int] = set()
        self.forgets_exposure = False
        self.frames_left = 10_000
        self.frame_s = 0.1
        self.props: dict[int, float] = {}
        self.released = 0

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def read(self) -> tuple[bool, Picture | None]:
        self.clock.sleep_s(self.frame_s)
        if self.frames_left == 0:
            return False, None
        self.frames_left -= 1
        manual = self.props.get(cv2.CAP_PROP_AUTO_EXPOSURE) == 1
        level = 30 if manual and self.forgets_exposure else self.level
        return True, np.full((self.size[1], self.size[0], 3), level, np.uint8)

    def get(self, prop: int, /) -> float:
        return {cv2.CAP_PROP_EXPOSURE: 157.0, cv2.CAP_PROP_WB_TEMPERATURE: 4600.0}.get(prop, 0.0)

    def set(self, prop: int, value: float, /) -> bool:
        if prop in self.refuses:
            return False
        self.props[prop] = value
        return True

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def fake() -> FakeCapture:
    return FakeCapture(FakeClock())


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def camera(fake: FakeCapture, device: Path) -> UsbCamera:
    return UsbCamera(
        UsbSettings(device=str(device), width=640, height=480), fake.clock, capture=lambda _: fake
    )


def test_frames_come_and_the_light_is_locked_at_what_the_warm_up_found(
    fake: FakeCapture, device: Path
) -> None:
    with camera(fake, device) as source:
        frames = [source.read(1.0) for _ in range(3)]
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert frames[0].image.shape == (480, 640, 3)
        assert fake.props[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
        assert fake.props[cv2.CAP_PROP_EXPOSURE] == 157
        assert fake.props[cv2.CAP_PROP_AUTO_WB] == 0
        assert fake.props[cv2.CAP_PROP_WB_TEMPERATURE] == 4600
        assert fake.props[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
        assert fake.props[cv2.CAP_PROP_BUFFERSIZE] <= 2
        assert fake.clock.now_s - 1000 >= 2.0, "the warm-up was waited for"
    assert fake.released == 1


def test_a_driver_without_locks_still_works_and_says_so(
    fake: FakeCapture, device: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake.refuses = {cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_WB}
    with caplog.at_level(logging.WARNING), camera(fake, device) as source:
        source.read(1.0)
    assert len(caplog.messages) == 2


def test_a_lock_that_changes_the_picture_is_undone(fake: FakeCapture, device: Path) -> None:
    fake.forgets_exposure = True
    with camera(fake, device) as source:
        assert source.read(1.0).image.mean() == 120


def test_clear_errors(fake: FakeCapture, device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CameraError, match="no such device"):
        camera(fake, device.with_name("video7")).open()
    fake.size = (1280, 720)
    with pytest.raises(CameraError, match=r"camera\.width = 1280 and camera\.height = 720"):
        camera(fake, device).open()
    fake.opened = False
    with pytest.raises(CameraError, match="another program"):
        camera(fake, device).open()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CameraError, match="group video"):
        camera(fake, device).open()
    assert fake.released == 2


def test_an_unplugged_camera(fake: FakeCapture, device: Path) -> None:
    with camera(fake, device) as source:
        source.read(1.0)
        fake.frames_left = 0
        with pytest.raises(CameraError, match="gives no frames"):
            source.read(1.0)


def test_a_late_frame_is_an_error(fake: FakeCapture, device: Path) -> None:
    with camera(fake, device) as source:
        fake.frame_s = 9.0
        with pytest.raises(CameraError, match=r"9\.0 s"):
            source.read(1.0)


def test_reading_a_closed_camera(fake: FakeCapture, device: Path) -> None:
    source = camera(fake, device)
    source.close()
    with pytest.raises(CameraError, match="not open"):
        source.read(1.0)
