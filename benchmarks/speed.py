"""How much of a core an idle line takes, and how long a tray's stages take: `make bench`.

The line's frames are painted beforehand; what is timed is what the appliance does with every frame: look for
faults, feed the trigger. Trays are measured by `appliance bench` on painted pictures.
"""

import argparse
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import cv2

from appliance.camera.frame import Frame
from appliance.camera.health import FrameHealth
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.cli import main as appliance
from appliance.line.settings import TriggerSettings
from appliance.line.trigger import Trigger
from appliance.picture import Picture, save_picture

_SIZE = (1280, 960)
_FPS = 10.0
_PAINTED = 40
_SCENES = ("glide", "tailgate", "belt_stop", "set_down", "nudge", "stay", "hand", "napkin", "lamps", "empty")
_TURNS_DEG = (0, 90, 180, 270)


def idle_line(frames: int) -> float:
    """Return the processor seconds per frame of an empty belt, 1280x960 pixels at 10 frames a second."""
    width, height = _SIZE
    line_of = {"kind": "simulator", "width": width, "height": height, "fps": _FPS, "real_time": False}
    nothing = dict.fromkeys(_SCENES, 0.0) | {"empty": 1.0}
    settings = SimulatorSettings.model_validate(line_of | nothing)
    with SimulatedLine(settings) as line:
        painted = [line.read(10.0).image for _ in range(_PAINTED)]
        first = line.read(10.0)
    trigger, health = Trigger(TriggerSettings()), FrameHealth()
    started_s = time.process_time()
    for index, image in enumerate(islice(cycle(painted), frames)):
        frame = Frame(image, first.captured_s + index / _FPS, first.captured_at, index)
        health.check(frame)
        if trigger.feed(frame):
            raise SystemExit("an empty belt triggered; the figure would not be an idle line's")
    return (time.process_time() - started_s) / frames


def paint_trays(folder: Path) -> tuple[Path, Path, list[Path]]:
    """Paint a tray's empty and full references, and returned trays that lie at any right angle."""
    width, height = _SIZE
    line = SimulatedLine(SimulatorSettings(width=width, height=height))
    empty, full = line.reference_empty(), line.reference_full()
    trays = [_write(folder / f"tray-{turn}.png", _turned(full, turn)) for turn in _TURNS_DEG]
    return _write(folder / "empty.png", empty), _write(folder / "full.png", full), trays


def _turned(picture: Picture, angle_deg: int) -> Picture:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _write(file: Path, picture: Picture) -> Path:
    save_picture(file, picture)
    return file


def main() -> int:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="frames of the idle line [300]")
    parser.add_argument("--repeat", type=int, default=10, help="measure every tray so often [10]")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    frame_s = idle_line(options.frames)
    print(
        f"idle line: {1000 * frame_s:.1f} ms of processor time per frame of {_SIZE[0]}x{_SIZE[1]},"
        f" {frame_s * _FPS:.1%} of a core at {_FPS:g} frames a second",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty, full, trays = paint_trays(folder)
        calibration = str(folder / "calibration")
        status = appliance(["calibrate", "--empty", str(empty), "--full", str(full), "--out", calibration])
        if status == 0:
            repeat = ["--repeat", str(options.repeat)]
            status = appliance(["bench", "--calibration", calibration, *repeat, *map(str, trays)])
    return status


if __name__ == "__main__":
    sys.exit(main())
