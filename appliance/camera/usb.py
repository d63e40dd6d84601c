"""A USB camera, through Video4Linux and OpenCV."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import cv2
import numpy as np

from appliance.camera.frame import Frame
from appliance.camera.settings import UsbSettings
from appliance.clock import Clock
from appliance.errors import CameraError
from appliance.picture import Picture

_LOG = logging.getLogger(__name__)

_BUFFERS = 2
_MANUAL_EXPOSURE, _AUTOMATIC_EXPOSURE = 1, 3
"""V4L2_EXPOSURE_MANUAL and V4L2_EXPOSURE_APERTURE_PRIORITY of linux/v4l2-controls.h."""

_SETTLE_FRAMES = 5
_LEAP = 0.2
"""Relative change of brightness by locking from which the lock has done harm."""


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used."""

    def isOpened(self) -> bool: ...  # noqa: D102, N802 - OpenCV's name
    def read(self) -> tuple[bool, Picture | None]: ...  # noqa: D102
    def get(self, prop: int, /) -> float: ...  # noqa: D102
    def set(self, prop: int, value: float, /) -> bool: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def _capture(device: str) -> Capture:
    name = int(device) if device.isdecimal() else device
    return cv2.VideoCapture(name, cv2.CAP_V4L2)  # type: ignore[return-value] # OpenCV's stubs say less


class UsbCamera:
    """A `FrameSource`; exposure, white balance and focus are locked after the warm-up where the driver can.

    OpenCV waits up to ten seconds for a frame and cannot be told to give up sooner; run it in a worker.
    """

    def __init__(
        self, settings: UsbSettings, clock: Clock, capture: Callable[[str], Capture] = _capture
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._make = capture
        self._capture: Capture | None = None
        self._index = 0

    def open(self) -> None:
        """Open the device, wait for the warm-up, lock; raises `CameraError` if that cannot be."""
        self.close()
        self._find()
        capture = self._capture = self._make(self._settings.device)
        try:
            self._configure(capture)
            self._warm_up(capture)
        except CameraError:
            self.close()
            raise

    def _find(self) -> None:
        device = self._settings.device
        path = Path(f"/dev/video{device}" if device.isdecimal() else device)
        if not path.exists():
            raise CameraError(
                f"{path}: no such device; connect the camera, or look in /dev/v4l/by-id for its name"
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise CameraError(f"{path}: no permission; add the user to the group video")

    def _configure(self, capture: Capture) -> None:
        settings = self._settings
        if not capture.isOpened():
            raise CameraError(
                f"{settings.device} cannot be opened; another program uses it, or it is no camera"
                " (`v4l2-ctl --list-devices` lists them)"
            )
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, _BUFFERS)
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _AUTOMATIC_EXPOSURE)
        capture.set(cv2.CAP_PROP_AUTO_WB, 1)
        height, width = self._grab(capture).shape[:2]
        if (width, height) != (settings.width, settings.height):
            raise CameraError(
                f"{settings.device} gives {width}x{height}, not {settings.width}x{settings.height}; set"
                f" camera.width = {width} and camera.height = {height}"
            )

    def _warm_up(self, capture: Capture) -> None:
        end_s = self._clock.monotonic_s() + self._settings.warm_up_s
        picture = self._grab(capture)
        while self._clock.monotonic_s() < end_s:
            picture = self._grab(capture)
        exposure, temperature = capture.get(cv2.CAP_PROP_EXPOSURE), capture.get(cv2.CAP_PROP_WB_TEMPERATURE)
        locked = {
            "exposure": capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL_EXPOSURE)
            and capture.set(cv2.CAP_PROP_EXPOSURE, exposure),
            "white balance": capture.set(cv2.CAP_PROP_AUTO_WB, 0)
            and capture.set(cv2.CAP_PROP_WB_TEMPERATURE, temperature),
            "focus": capture.set(cv2.CAP_PROP_AUTOFOCUS, 0),
        }
        before = float(picture.mean())
        for _ in range(_SETTLE_FRAMES):
            picture = self._grab(capture)
        if locked["exposure"] and abs(float(picture.mean()) - before) > _LEAP * max(before, 1.0):
            # Some drivers do not tell the exposure that they have chosen, and lock an older one.
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _AUTOMATIC_EXPOSURE)
            locked["exposure"] = False
        for what, done in locked.items():
            if not done:
                _LOG.warning("%s does not let its %s be locked", self._settings.device, what)

    def _grab(self, capture: Capture) -> Picture:
        done, picture = capture.read()
        if not done or picture is None:
            raise CameraError(f"{self._settings.device} gives no frames; unplug it and plug it in again")
        return np.asarray(picture, np.uint8)

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; raise `CameraError` if there is none, or it came later than `timeout_s`."""
        if self._capture is None:
            raise CameraError("The camera is not open; call open() before read()")
        start_s = self._clock.monotonic_s()
        picture = self._grab(self._capture)
        now_s = self._clock.monotonic_s()
        if now_s - start_s > timeout_s:
            raise CameraError(f"{self._settings.device} took {now_s - start_s:.1f} s for a frame")
        frame = Frame(picture, now_s, self._clock.utc(), self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Free the device."""
        capture, self._capture = self._capture, None
        self._index = 0
        if capture is not None:
            capture.release()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
