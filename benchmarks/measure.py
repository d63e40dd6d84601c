"""How long the stages of a tray take, on painted trays of 1280x960 pixels: a part of `make bench`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.picture import Picture, save_picture

_TURNS_DEG = (0, 73, 146, 219, 292)


def paint_trays(folder: Path) -> tuple[Path, Path, list[Path]]:
    """Paint a tray's empty and full references, and full trays that lie every way round."""
    line = SimulatedLine(SimulatorSettings(width=1280, height=960))
    empty, full = line.reference_empty(), line.reference_full()
    trays = [_write(folder / f"tray-{turn}.png", _turned(full, turn)) for turn in _TURNS_DEG]
    return _write(folder / "empty.png", empty), _write(folder / "full.png", full), trays


def _turned(picture: Picture, angle_deg: int) -> Picture:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    turned = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, np.uint8)


def appliance(*arguments: str) -> int:
    """Run a command in a process of its own, so that the memory it reports is its own."""
    return subprocess.run([sys.executable, "-m", "appliance.cli", *arguments], check=False).returncode  # noqa: S603


def _write(file: Path, picture: Picture) -> Path:
    save_picture(file, picture)
    return file


def main() -> int:
    """Calibrate on the references and run `appliance bench` on the trays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", default="10", help="measure every tray so often [10]")
    parser.add_argument("--models", metavar="DIR", help="folder of the networks")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    more = [*(["--json"] if options.json else []), *(["--models", options.models] if options.models else [])]
    with tempfile.TemporaryDirectory() as name:
        empty, full, trays = paint_trays(Path(name))
        folder = f"{name}/calibration"
        calibrated = appliance("calibrate", "--empty", str(empty), "--full", str(full), "--out", folder)
        bench = ["bench", "--calibration", folder, "--repeat", options.repeat, *more]
        return calibrated or appliance(*bench, *map(str, trays))


if __name__ == "__main__":
    sys.exit(main())
