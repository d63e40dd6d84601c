"""Finished pictures on disk: writing one whole, finding them, reading them."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from convert.errors import ConvertError
from convert.synth.sensor import encode
from convert.synth.setup import HELD_OUT_EVERY, held_out
from convert.synth.shot import Shot
from convert.synth.truth import DEPTH_STEPS_PER_MM, HEIGHT_STEPS_PER_MM, Maps

_UNFINISHED = ".unfinished-"

Part = Literal["training", "validation", "test"]
"""What a set-up is for: to train on; to choose and calibrate weights by; to report on only."""

PARTS: Final[tuple[Part, ...]] = ("training", "validation", "test")


@dataclass(frozen=True)
class Sample:
    """One finished picture's folder."""

    folder: Path

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Return the numbers, as the folder's README describes them."""
        loaded: dict[str, Any] = json.loads((self.folder / "truth.json").read_text(encoding="utf-8"))
        return loaded

    @property
    def set_up(self) -> int:
        """Return the set-up's number, by which training and evaluation are kept apart."""
        return int(self.truth["set_up"])

    @property
    def part(self) -> Part:
        """Return what the set-up is for. Raises `ConvertError` where the folder's numbers are damaged."""
        try:
            return part_of(self.set_up)
        except (OSError, ValueError, KeyError, TypeError):
            raise ConvertError(
                f"{self.folder}: truth.json is damaged; delete the folder and make it again"
            ) from None

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return the picture, RGB, (H, W, 3)."""
        return self._read("picture.jpg", cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.uint8)

    def classes(self, *, under: bool = False) -> npt.NDArray[np.uint8]:
        """Return class numbers in the order of `TRAY_CLASSES`; `under` without what covers the tray."""
        return self._read(self._name("class", under=under), cv2.IMREAD_UNCHANGED).astype(np.uint8)

    def compartments(self) -> npt.NDArray[np.uint8]:
        """Return the well's id per pixel, 0 for none."""
        return self._read("compartment.png", cv2.IMREAD_UNCHANGED).astype(np.uint8)

    def height_mm(self, *, under: bool = False) -> npt.NDArray[np.float32]:
        """Return the height of food above the empty tray in mm; 0 where no food is seen."""
        stored = self._read(self._name("height", under=under), cv2.IMREAD_UNCHANGED)
        return (stored / np.float32(HEIGHT_STEPS_PER_MM)).astype(np.float32)

    def depth_mm(self) -> npt.NDArray[np.float32]:
        """Return the camera's depth of the first surface in mm; its inverse is what MiDaS predicts."""
        return (self._read("depth.png", cv2.IMREAD_UNCHANGED) / np.float32(DEPTH_STEPS_PER_MM)).astype(
            np.float32
        )

    def _name(self, name: str, *, under: bool) -> str:
        hidden = f"{name}-under.png"
        return hidden if under and (self.folder / hidden).exists() else f"{name}.png"

    def _read(self, name: str, flags: int) -> npt.NDArray[Any]:
        read = cv2.imread(str(self.folder / name), flags)
        if read is None:
            raise ConvertError(f"{self.folder / name}: cannot be read; delete the folder and make it again")
        return np.asarray(read)


def part_of(set_up: int) -> Part:
    """Return what a set-up is for, by its number: every tenth is held out, for test and validation in turn.

    Figures on set-ups that weights were chosen by would flatter them.
    """
    if not held_out(set_up):
        return "training"
    return "validation" if set_up // HELD_OUT_EVERY % 2 else "test"


def find_samples(out: Path) -> list[Sample]:
    """Return the finished pictures below a folder, in order."""
    return [
        Sample(path.parent)
        for path in sorted(out.glob("set-up-*/*/truth.json"))
        if path.parent.name[0] != "."
    ]


def save(shot: Shot, folder: Path) -> None:
    """Write a picture's folder; it appears whole or not at all. Raises `ConvertError`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    except OSError as error:
        raise ConvertError(f"{folder.parent}: cannot be written ({error.strerror})") from None
    try:
        for name, data in _files(shot).items():
            with (temporary / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        raise ConvertError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear_unfinished(out: Path) -> None:
    """Remove what an interrupted run left half-written."""
    for folder in out.glob(f"set-up-*/{_UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _files(shot: Shot) -> dict[str, bytes]:
    files = {
        "picture.jpg": encode(shot.picture, shot.quality),
        "class.png": _png(shot.seen.kind),
        "compartment.png": _png(shot.seen.well),
        "height.png": _png(_sixteen(shot.seen.height_mm, HEIGHT_STEPS_PER_MM)),
        "depth.png": _png(_sixteen(shot.seen.depth_mm, DEPTH_STEPS_PER_MM)),
        "truth.json": json.dumps(shot.truth, separators=(",", ":")).encode(),
    }
    if shot.under is not None:
        files |= _under(shot.under)
    return files


def _under(maps: Maps) -> dict[str, bytes]:
    return {
        "class-under.png": _png(maps.kind),
        "height-under.png": _png(_sixteen(maps.height_mm, HEIGHT_STEPS_PER_MM)),
    }


def _sixteen(values: npt.NDArray[np.float32], steps: int) -> npt.NDArray[np.uint16]:
    return np.clip(np.rint(values * steps), 0, 65535).astype(np.uint16)


def _png(values: npt.NDArray[Any]) -> bytes:
    _, data = cv2.imencode(".png", values)
    return bytes(data.tobytes())
