"""Recorded pictures in place of a camera: a folder of picture files, or a video file."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from appliance.camera.frame import EndOfFrames, Frame
from appliance.camera.settings import ReplaySettings
from appliance.clock import Clock
from appliance.errors import CameraError, PictureError
from appliance.files import open_plain
from appliance.picture import Picture, load_picture

_LOG = logging.getLogger(__name__)

_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})


class Replay:
    """A `FrameSource` that ends by `EndOfFrames`, unless it loops.

    In real time `read` waits for the next frame's moment; otherwise frames come as fast as they are read, and
    `captured_s` and `captured_at` run at the settings' fps from the moment of `open`.
    """

    def __init__(self, settings: ReplaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._pictures: Iterator[Picture] | None = None

    def open(self) -> None:
        """Find the recording; raises `CameraError` if there is none."""
        self.close()
        path = self._settings.path
        try:
            if not path.is_dir():
                open_plain(path).close()
            elif not _files(path):
                needed = ", ".join(sorted(_ENDINGS))
                raise CameraError(f"{path}: no pictures in this folder; it needs {needed}")
        except OSError as error:
            raise CameraError(f"{path}: no such folder or video to replay ({error.strerror})") from None
        self._pictures = _endless(path) if self._settings.loop else _once(path)
        self._index = 0
        self._opened_s = self._due_s = self._clock.monotonic_s()
        self._opened_at = self._clock.utc()

    def read(self, timeout_s: float) -> Frame:
        """Return the next picture; raise `EndOfFrames` after the last, `CameraError` if none is readable."""
        if self._pictures is None:
            raise CameraError("The replay is not open; call open() before read()")
        captured_s, captured_at = self._moment(timeout_s)
        picture = next(self._pictures, None)
        if picture is None:
            raise EndOfFrames(f"{self._settings.path}: no more frames")
        frame = Frame(picture, captured_s, captured_at, self._index)
        self._index += 1
        return frame

    def _moment(self, timeout_s: float) -> tuple[float, datetime]:
        """Wait for the next frame's moment and return it."""
        if not self._settings.real_time:
            passed_s = self._index / self._settings.fps
            return self._opened_s + passed_s, self._opened_at + timedelta(seconds=passed_s)
        wait_s = self._due_s - self._clock.monotonic_s()
        if wait_s > timeout_s:
            self._clock.sleep_s(timeout_s)
            raise CameraError(f"No frame of the replay is due within {timeout_s:g} s; raise camera.fps")
        if wait_s > 0:
            self._clock.sleep_s(wait_s)
        now_s = self._clock.monotonic_s()
        self._due_s = max(self._due_s + 1 / self._settings.fps, now_s)
        return now_s, self._clock.utc()

    def close(self) -> None:
        """Forget the recording."""
        self._pictures = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())


def _endless(path: Path) -> Iterator[Picture]:
    while True:
        yield from _once(path)


def _once(path: Path) -> Iterator[Picture]:
    """Yield every readable picture; raise `CameraError` if there was not even one."""
    found = False
    for picture in _of_folder(path) if path.is_dir() else _of_video(path):
        found = True
        yield picture
    if not found:
        raise CameraError(f"{path}: nothing in it can be read as pictures")


def _of_folder(folder: Path) -> Iterator[Picture]:
    for path in _files(folder):
        try:
            yield load_picture(path)
        except PictureError as error:
            _LOG.warning("left out: %s", error)


def _of_video(path: Path) -> Iterator[Picture]:
    video = cv2.VideoCapture(str(path))
    try:
        while True:
            done, picture = video.read()
            if not done:
                return
            yield np.asarray(picture, np.uint8)
    finally:
        video.release()
