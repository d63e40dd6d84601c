import logging
import os
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.camera.frame import EndOfFrames
from appliance.camera.replay import Replay
from appliance.camera.settings import ReplaySettings
from appliance.errors import CameraError
from appliance.picture import save_picture
from tests.camera.fake_clock import FakeClock


def replay(path: Path, *, real_time: bool = False, loop: bool = False) -> Replay:
    return Replay(ReplaySettings(path=path, fps=5, loop=loop, real_time=real_time), FakeClock())


def grey(level: int) -> np.ndarray:
    return np.full((96, 128, 3), level, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, level in ((2, 20), (10, 100), (1, 10)):
        save_picture(tmp_path / f"tray_{number:02}.png", grey(level))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_come_in_the_order_of_their_names_and_end(folder: Path) -> None:
    with replay(folder) as source:
        frames = [source.read(1.0) for _ in range(3)]
        with pytest.raises(EndOfFrames):
            source.read(1.0)
    assert [int(frame.image.mean()) for frame in frames] == [10, 20, 100]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.captured_s - frames[0].captured_s for frame in frames] == pytest.approx([0, 0.2, 0.4])


def test_a_loop_starts_over(folder: Path) -> None:
    with replay(folder, loop=True) as source:
        assert [int(source.read(1.0).image.mean()) for _ in range(5)] == [10, 20, 100, 10, 20]


def test_opening_again_starts_over(folder: Path) -> None:
    source = replay(folder)
    for _ in range(2):
        with source:
            assert int(source.read(1.0).image.mean()) == 10


def test_unreadable_pictures_are_left_out_with_one_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "tray_05.jpg").write_bytes(b"\xff\xd8broken")
    with caplog.at_level(logging.WARNING), replay(folder) as source:
        assert len([source.read(1.0) for _ in range(3)]) == 3
    assert len(caplog.messages) == 1
    assert "tray_05.jpg" in caplog.messages[0]


def test_real_time_gives_frames_at_the_rate(folder: Path) -> None:
    with replay(folder, real_time=True) as source:
        times = [source.read(1.0).captured_s for _ in range(3)]
        assert np.diff(times) == pytest.approx([0.2, 0.2])


def test_real_time_does_not_wait_longer_than_told(folder: Path) -> None:
    with replay(folder, real_time=True) as source:
        source.read(1.0)
        with pytest.raises(CameraError, match="due"):
            source.read(0.05)


def test_a_video_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "line.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 96))
    for level in (30, 120, 220):
        writer.write(grey(level))
    writer.release()
    with replay(path) as source:
        levels = [source.read(1.0).image.mean() for _ in range(3)]
        with pytest.raises(EndOfFrames):
            source.read(1.0)
    assert levels == pytest.approx([30, 120, 220], abs=6)
    with replay(path, loop=True) as source:
        assert len(list(islice(iter(lambda: source.read(1.0), None), 7))) == 7


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.avi")
    with pytest.raises(CameraError, match="no plain file"):
        Replay(ReplaySettings(path=tmp_path / "pipe.avi"), FakeClock()).open()


def test_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no such"):
        replay(tmp_path / "absent").open()
    with pytest.raises(CameraError, match="no pictures"):
        replay(tmp_path).open()
    (tmp_path / "a.jpg").write_text("text")
    for path in (tmp_path, tmp_path / "a.jpg"):
        for loop in (False, True):
            with replay(path, loop=loop) as source, pytest.raises(CameraError, match="nothing in it"):
                source.read(1.0)
