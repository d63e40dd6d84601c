"""Picture files: damaged ones of every format, ones that lie about themselves, and bombs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.camera.replay import Replay
from appliance.camera.settings import ReplaySettings
from appliance.clock import SystemClock
from appliance.errors import CameraError, PictureError
from appliance.picture import LONGEST_SIDE_PX, SMALLEST_SIDE_PX, Picture, load_picture
from tests.fuzz.effort import effort
from tests.fuzz.hostile import damaged
from tests.fuzz.pictures import SIZE, claiming, many_scans, painted, png, scan_by_scan
from tests.fuzz.promise import assert_one_line, result_or_refusal
from tests.fuzz.samples import FLOATING_POINT, PICTURES

ROOT = Path(__file__).parents[2]


OTHERS = [
    b'<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="99999"><image href="/etc/passwd"/></svg>',
    b"P3 4000 4000 255\n" + b"1 " * 1000,
    b"%PDF-1.7\n%%EOF\n",
    b"#!/bin/sh\nexit 1\n",
    b"push graphic-context\nimage over 0,0 0,0 '|id'\n",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


def check(picture: Picture | None) -> None:
    if picture is None:
        return
    height, width, channels = picture.shape
    assert channels == 3
    assert picture.dtype == np.uint8
    assert min(height, width) >= SMALLEST_SIDE_PX
    assert max(height, width) <= LONGEST_SIDE_PX


@effort(300)
@given(damaged(*PICTURES) | st.sampled_from(OTHERS), st.sampled_from(["a.jpg", "a.png", "a.tif", "a.toml"]))
def test_damaged_pictures_are_read_or_refused_in_one_line(folder: Path, content: bytes, name: str) -> None:
    file = folder / name
    file.write_bytes(content)
    check(result_or_refusal(lambda: load_picture(file), PictureError, str(file)))


@pytest.mark.parametrize("number", range(len(PICTURES)))
def test_the_samples_are_good_but_for_floating_point(folder: Path, number: int) -> None:
    file = folder / "sample.jpg"
    file.write_bytes(PICTURES[number])
    picture = result_or_refusal(lambda: load_picture(file), PictureError, str(file))
    assert (picture is None) == (PICTURES[number] == FLOATING_POINT)
    assert picture is None or picture.shape[:2] == SIZE[::-1]


@effort(20)
@given(st.lists(damaged(*PICTURES), min_size=1, max_size=3))
def test_a_replay_goes_on_past_damaged_pictures(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    for number, content in enumerate([*contents, PICTURES[0]]):
        (folder / f"{number}.jpg").write_bytes(content)
    with Replay(ReplaySettings(path=folder, real_time=False), SystemClock()) as camera:
        check(camera.read(1.0).image)


@effort(40)
@given(st.binary(max_size=200))
def test_what_is_no_video_is_refused(folder: Path, content: bytes) -> None:
    file = folder / "a.avi"
    file.write_bytes(content)
    with Replay(ReplaySettings(path=file, real_time=False), SystemClock()) as camera:
        result_or_refusal(lambda: camera.read(1.0), CameraError, str(file))


LARGE_WEBP = (
    b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0/\xfe\xbf\xff\x0f\x07\x10\x11\xfd\x0fDD\xff\x03"  # all of it black
)
BOMBS = {
    "PNG of 60000x60000": lambda: png(60_000, 60_000, b"\0" * 1000),
    "PNG that inflates a thousandfold": lambda: png(
        4000, 4000, bytes(4000 * (1 + 8 * 4000)), depth=16, colour=6
    ),
    "JPEG of 65500x65500": lambda: claiming(painted("JPEG"), 65_500, 65_500),
    "JPEG of 65500x64": lambda: claiming(painted("JPEG"), 65_500, 64),
    "JPEG of 120 megapixels, nearly without data": lambda: claiming(painted("JPEG"), 12_000, 10_000),
    "JPEG of 120 megapixels, scan by scan": lambda: scan_by_scan(12_000, 10_000),
    "JPEG of 600 scans": lambda: scan_by_scan(2000, 2000, 200),
    "progressive JPEG of 20000 scans": lambda: many_scans(20_000),
    "WebP of 16383x16383": lambda: LARGE_WEBP,
    "TIFF that inflates a thousandfold": lambda: painted(
        "TIFF", (4000, 4000), compression="tiff_adobe_deflate"
    ),
    "GIF of 100000 frames": lambda: b"".join(
        (painted("GIF")[:-1], b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0" * 100_000, b"\x3b")
    ),
    "PNM in letters": lambda: b"P3 4000 4000 255\n" + b"1 " * 48_000_000,
}

MEASURED = """
import json, re, sys, time
from pathlib import Path
from appliance.errors import PictureError
from appliance.picture import load_picture
try:
    said = load_picture(Path(sys.argv[1])).shape
except PictureError as error:
    said = str(error)
status = Path("/proc/self/status").read_text()
print(json.dumps([said, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024, time.process_time()]))
"""
MOST_MB = 400
MOST_S = 20.0
"""Of the processor; the slowest takes about one on a workstation."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="not Linux")
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_take_bounded_memory_and_time(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "bomb.jpg"
    file.write_bytes(BOMBS[kind]())
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(file)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    said, peak_mb, passed_s = json.loads(done.stdout)
    if isinstance(said, str):
        assert_one_line(said, str(file))
    else:
        assert min(said[:2]) >= SMALLEST_SIDE_PX
        assert max(said[:2]) <= LONGEST_SIDE_PX
    assert peak_mb < MOST_MB
    assert passed_s < MOST_S
