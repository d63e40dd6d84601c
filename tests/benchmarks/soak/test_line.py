from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.errors import CameraError
from benchmarks.soak.line import BAD, FaultyLine
from benchmarks.soak.scene import Scene, SteppedClock

SETTINGS = SimulatorSettings(width=320, height=240, fps=30)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def line(scene: Scene) -> FaultyLine:
    return FaultyLine(SETTINGS, scene, SteppedClock(scene).monotonic_s() - 20)


def test_whoever_joins_sees_the_line_as_it_is_now(line: FaultyLine, scene: Scene) -> None:
    with line:
        frame = line.read(5.0)
    now_s = SteppedClock(scene).monotonic_s()
    assert now_s - 5 < frame.captured_s <= now_s
    assert abs(SteppedClock(scene).utc() - frame.captured_at) < timedelta(seconds=5)


@pytest.mark.parametrize("kind", ["frozen", "black"])
def test_a_fault_lasts_until_the_camera_is_opened_anew(line: FaultyLine, scene: Scene, kind: str) -> None:
    with line:
        before = line.read(5.0)
        scene.tell("camera", f"{kind} 7")
        broken = [line.read(5.0) for _ in range(2)]
    assert [frame.index for frame in broken] == [BAD, BAD]
    assert all(np.array_equal(frame.image, before.image * (kind == "frozen")) for frame in broken)
    with line:
        assert line.read(5.0).index != BAD


def test_unplugged_it_cannot_be_opened_until_it_is_plugged_in(line: FaultyLine, scene: Scene) -> None:
    line.open()
    scene.tell("camera", "unplugged 1")
    with pytest.raises(CameraError, match="unplugged"):
        line.read(5.0)
    line.close()
    with pytest.raises(CameraError, match="unplugged"):
        line.open()
    scene.tell("camera", "")
    with line:
        assert line.read(5.0).index != BAD


def test_a_stepped_clock_is_off_by_what_is_told(scene: Scene) -> None:
    clock = SteppedClock(scene)
    right = clock.utc()
    scene.tell("clock", "-86400.0")
    assert clock.utc() - right < timedelta(days=-1, seconds=30)
