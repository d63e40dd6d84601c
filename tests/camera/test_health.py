from datetime import UTC, datetime

import numpy as np
import pytest

from appliance.camera.frame import Frame
from appliance.camera.health import FROZEN_FRAMES, FrameHealth, fault_of
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.errors import CameraError
from appliance.picture import Picture

RNG = np.random.default_rng(0)


def frame(image: Picture) -> Frame:
    return Frame(image, 0.0, datetime.now(UTC), 0)


def noisy(level: float, sigma: float = 2.0) -> Picture:
    return np.clip(RNG.normal(level, sigma, (120, 160, 3)), 0, 255).astype(np.uint8)


def test_good_lines_are_never_faulty() -> None:
    for belt in ("dark", "light"):
        chosen = {"real_time": False, "width": 320, "height": 240, "belt": belt, "stay": 5}
        with SimulatedLine(SimulatorSettings.model_validate(chosen)) as line:
            health = FrameHealth()
            assert [fault for _ in range(400) if (fault := health.check(line.read(1.0)))] == []


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (np.zeros((120, 160, 3), np.uint8), "black"),
        (noisy(4), "black"),
        (np.full((120, 160, 3), 255, np.uint8), "over-exposed"),
        (noisy(255), "over-exposed"),
    ],
)
def test_black_and_white_pictures(image: Picture, word: str) -> None:
    assert word in str(fault_of(image))


def test_a_dim_room_and_a_bright_tray_are_fine() -> None:
    assert fault_of(noisy(25)) is None
    tray = noisy(40)
    tray[:80] = 255  # two thirds of the view mirror the lamps
    assert fault_of(tray) is None


def test_a_frozen_camera_is_noticed_and_recovers() -> None:
    health = FrameHealth()
    still = noisy(120)
    assert [health.check(frame(still)) for _ in range(FROZEN_FRAMES)] == [None] * FROZEN_FRAMES
    for _ in range(3):
        with pytest.raises(CameraError, match="frozen"):
            health.check(frame(still))
    assert health.check(frame(noisy(120))) is None


def test_a_room_without_any_light_is_dark_and_not_frozen() -> None:
    health = FrameHealth()
    night = np.zeros((120, 160, 3), np.uint8)
    assert all("black" in str(health.check(frame(night))) for _ in range(3 * FROZEN_FRAMES))


def test_sensor_noise_alone_keeps_a_standing_scene_alive() -> None:
    health = FrameHealth()
    assert all(health.check(frame(noisy(120, 0.6))) is None for _ in range(2 * FROZEN_FRAMES))
