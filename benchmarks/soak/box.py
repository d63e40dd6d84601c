"""The process under test: the service, put together as `appliance run` does, with a camera that can fail."""

import argparse
import contextlib
import os
import sys
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.camera.frame import Frame, FrameSource
from appliance.camera.settings import SimulatorSettings
from appliance.camera.worker import WorkerCamera
from appliance.commands.run import serve, stop_on_signals
from appliance.config import load
from appliance.errors import StoreError
from appliance.service.appliance import Appliance
from appliance.service.assemble import assemble
from appliance.service.machine import Machine
from benchmarks.soak.beats import Beat, Pulse
from benchmarks.soak.line import BAD, FaultyLine
from benchmarks.soak.scene import Scene, SteppedClock

_COUNT_S = 0.5
"""How often the store is asked for its counts."""


class Watched:
    """A camera that remembers when it last gave a true frame, and how often it was opened."""

    def __init__(self, camera: FrameSource) -> None:
        self._camera = camera
        self.frame_s = 0.0
        self.opened = 0

    def open(self) -> None:
        """Open it."""
        self.opened += 1
        self._camera.open()

    def read(self, timeout_s: float) -> Frame:
        """Read it."""
        frame = self._camera.read(timeout_s)
        if frame.index != BAD:
            self.frame_s = frame.captured_s
        return frame

    def close(self) -> None:
        """Close it."""
        self._camera.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Heart:
    """Puts beats together from what the appliance knows."""

    def __init__(self, appliance: Appliance, camera: Watched) -> None:
        self._appliance = appliance
        self._camera = camera
        self._counted_s = -_COUNT_S
        self._pending = 0

    def beat(self) -> Beat:
        """Return how things are."""
        parts, now_s = self._appliance.parts, time.monotonic()
        if now_s - self._counted_s >= _COUNT_S:
            self._counted_s = now_s
            with contextlib.suppress(StoreError):  # closed, as at the end; what was counted last still holds
                self._pending = parts.store.counts().pending
        return Beat(
            at_s=now_s,
            pid=os.getpid(),
            frame_s=self._camera.frame_s,
            opened=self._camera.opened,
            answering=parts.measurer.answering,
            connected=parts.publisher.state.connected,
            pending=self._pending,
            waiting=self._appliance.waiting,
        )


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("scene", type=Path)
    parser.add_argument("started_s", type=float)
    parser.add_argument("pulse")
    options = parser.parse_args()
    stop, scene, settings = stop_on_signals(), Scene(options.scene), load(options.config)
    assert isinstance(settings.camera, SimulatorSettings)
    clock = SteppedClock(scene)
    camera = Watched(
        WorkerCamera(
            partial(FaultyLine, settings.camera, scene, options.started_s),
            largest_px=settings.camera.width * settings.camera.height,
            max_age_s=1.0,
            clock=clock,
        )
    )
    appliance = assemble(settings, clock, Machine(scene.root), camera=camera)
    Pulse(options.pulse, Heart(appliance, camera).beat).start()
    serve(appliance, stop)
    if appliance.failure is not None:
        print(appliance.failure, file=sys.stderr)
    return int(appliance.failure is not None)


if __name__ == "__main__":
    sys.exit(main())
