"""Cameras that a worker runs: they live in a module of their own because the worker imports it."""

import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import numpy as np

from appliance.camera.frame import EndOfFrames, Frame
from appliance.errors import CameraError

SIZE = (96, 128)


@dataclass
class ChildCamera:
    """Gives frames whose pixels all hold the frame's index, until `at` frames when it does `then`."""

    at: int = 10**9
    then: str = "end"
    age_s: float = 0.0
    fps: float = 200.0

    def open(self) -> None:
        self.index = 0
        if self.then == "not installed":
            raise CameraError("the driver is not installed; run this")

    def read(self, timeout_s: float) -> Frame:
        if self.index >= self.at:
            self._misbehave(timeout_s)
        time.sleep(1 / self.fps)
        image = np.full((*SIZE, 3), self.index % 256, np.uint8)
        if self.then == "grow" and self.index:
            image = np.zeros((500, 500, 3), np.uint8)
        frame = Frame(image, time.monotonic() - self.age_s, datetime.now(UTC), self.index)
        self.index += 1
        return frame

    def _misbehave(self, timeout_s: float) -> None:
        match self.then:
            case "end":
                raise EndOfFrames("that was all")
            case "fail":
                raise CameraError("the lens fell off")
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(3)
            case "raise":
                raise ValueError("a bug")
            case "hang":
                time.sleep(600)
            case "hang for good":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(600)
        raise AssertionError(timeout_s)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
