from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from appliance.cli import main
from appliance.clock import Deadline
from appliance.commands.photograph import good_picture
from appliance.errors import CameraError
from appliance.picture import load_picture
from tests.camera.fake_clock import FakeClock
from tests.service.lines import ScriptedCamera, gone, noisy

BLACK = np.zeros((120, 160, 3), np.uint8)
CONFIG = """
[device]
site = "a"
name = "b"
[camera]
"""


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[[str, str], int]:
    def run(camera: str, out: str) -> int:
        file = tmp_path / "janban.toml"
        file.write_text(CONFIG + camera)
        return main(["photograph", "--config", str(file), "--out", str(tmp_path / out)])

    return run


def test_the_first_picture_that_shows_something_is_taken() -> None:
    clock = FakeClock()
    camera = ScriptedCamera([BLACK, BLACK, noisy(3), noisy(4)], clock)
    assert np.array_equal(good_picture(camera, Deadline.after(10, clock)), noisy(3))


@pytest.mark.parametrize(("script", "said"), [([BLACK], "black"), ([], "no picture"), ([gone()], "gone")])
def test_what_is_no_picture_is_said(script: list[object], said: str) -> None:
    clock = FakeClock()
    with pytest.raises(CameraError, match=said):
        good_picture(ScriptedCamera(script, clock), Deadline.after(10, clock))


def test_a_picture_is_written_as_the_service_would_see_it(
    photograph: Callable[[str, str], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert photograph('kind = "simulator"', "line.png") == 0
    assert load_picture(tmp_path / "line.png").shape == (480, 640, 3)
    assert "640x480 pixels" in capsys.readouterr().out


def test_a_camera_that_is_not_there_leaves_nothing_and_one_line(
    photograph: Callable[[str, str], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    assert photograph('kind = "replay"\npath = "pictures"', "line.png") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "systemctl stop janban" in said
    assert not (tmp_path / "line.png").exists()
