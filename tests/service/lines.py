"""A scripted camera and a trigger that obeys it, for tests of what happens around them."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import numpy as np

from appliance.camera.frame import EndOfFrames, Frame
from appliance.clock import Clock
from appliance.errors import CameraError
from appliance.line.settings import TriggerSettings
from appliance.line.trigger import TrayEvent, Trigger
from appliance.picture import Picture

CAPTURED_AT = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)


def noisy(seed: int) -> Picture:
    """Return a picture as a live sensor gives it: never the same twice."""
    return np.random.default_rng(seed).integers(80, 120, (120, 160, 3), dtype=np.uint8)


class ScriptedCamera:
    """Gives what its script says: a picture, or an error to raise; at the script's end it ends.

    `opened` counts how often it was opened; the script goes on where it was.
    """

    def __init__(self, script: list[Picture | Exception], clock: Clock) -> None:
        self._script: Iterator[Picture | Exception] = iter(script)
        self._clock = clock
        self._index = 0
        self.opened = 0
        self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def read(self, timeout_s: float) -> Frame:
        assert timeout_s > 0
        step = next(self._script, EndOfFrames())
        if isinstance(step, Exception):
            raise step
        self._index += 1
        return Frame(step, self._clock.monotonic_s(), CAPTURED_AT, self._index)

    def close(self) -> None:
        self.closed += 1

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TimedCamera(ScriptedCamera):
    """Takes `frame_s` of a clock that tests turn for each step; `allowed_s` is what each read allowed it.

    `watch`, where there is one, is called with every step.
    """

    def __init__(self, script: list[Picture | Exception], clock: Clock, frame_s: float = 1.0) -> None:
        super().__init__(script, clock)
        self._frame_s = frame_s
        self.allowed_s: list[float] = []
        self.watch: Callable[[], None] | None = None

    def read(self, timeout_s: float) -> Frame:
        self.allowed_s.append(timeout_s)
        self._clock.sleep_s(self._frame_s)
        if self.watch is not None:
            self.watch()
        return super().read(timeout_s)


class Waits(threading.Event):
    """A stop that never comes, and remembers how long was waited for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited_s.append(timeout)
        return False


class Sleeps(threading.Event):
    """A stop that never comes, whose waits pass on a clock that tests turn."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._clock.sleep_s(timeout)
        return False


class EveryFrame(Trigger):
    """Takes every frame for a tray."""

    def __init__(self) -> None:
        super().__init__(TriggerSettings())

    def feed(self, frame: Frame) -> list[TrayEvent]:
        return [tray_event(frame)]

    def flush(self) -> list[TrayEvent]:
        return []


def tray_event(frame: Frame) -> TrayEvent:
    return TrayEvent(
        frame=frame,
        number=frame.index,
        reason="settled",
        triggered_s=frame.captured_s,
        first_seen_s=frame.captured_s,
        last_seen_s=frame.captured_s,
        corners_px=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
        sharpness=1.0,
        sides=1.0,
        in_view=1.0,
    )


def gone() -> CameraError:
    return CameraError("the camera is gone")


class Gate(threading.Event):
    """An event that a test opens, and that fails the test rather than waiting for ever."""

    def pass_through(self) -> None:
        assert self.wait(10.0), "the gate stayed closed"
