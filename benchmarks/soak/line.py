"""The camera under test: the simulated line, which goes on whoever watches it, and fails when told to."""

import time
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import numpy as np

from appliance.camera.frame import Frame
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.errors import CameraError
from benchmarks.soak.scene import Scene, SteppedClock

BAD: Final = -1
"""`Frame.index` of a picture that is not what the line looks like."""

_FOR_EVER_S = 3600.0


class FaultyLine:
    """A `FrameSource` that fails by the scene's word `camera`: a kind of fault and its number.

    A fault is mended by opening the camera again, but for "unplugged", which lasts as long as it is told.
    """

    def __init__(self, settings: SimulatorSettings, scene: Scene, started_s: float) -> None:
        """Take the moment (monotonic) at which the line started."""
        self._scene = scene
        self._clock = SteppedClock(scene)
        self._line = SimulatedLine(settings, self._clock, started_s=started_s)
        self._mended = 0
        self._last: Frame | None = None

    def open(self) -> None:
        """Join the line as it is now."""
        kind, self._mended = self._fault()
        if kind == "unplugged":
            raise CameraError("The simulated camera is unplugged; plug it in")
        self._line.open()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, or what the fault makes of it."""
        kind, number = self._fault()
        frame = replace(self._line.read(timeout_s), captured_at=self._clock.utc())
        if kind == "unplugged":
            raise CameraError("The simulated camera is unplugged; plug it in")
        if kind and number > self._mended:
            return self._broken(kind, frame)
        self._last = frame
        return frame

    def _broken(self, kind: str, frame: Frame) -> Frame:
        if kind == "silent":
            time.sleep(_FOR_EVER_S)  # as a driver that hangs
        still = self._last or frame
        image = np.zeros_like(frame.image) if kind == "black" else still.image
        return replace(frame, image=image, index=BAD)

    def _fault(self) -> tuple[str, int]:
        kind, _, number = self._scene.told("camera").partition(" ")
        return kind, int(number or 0)

    def close(self) -> None:
        """Leave the line."""
        self._line.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
