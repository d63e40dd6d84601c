"""Cameras, services and machines for the doctor to look at."""

from pathlib import Path
from typing import Self

import numpy as np

from appliance.camera.frame import EndOfFrames, Frame
from appliance.camera.settings import CameraSettings
from appliance.clock import Clock, SystemClock
from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.doctor.examine import examine
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running, Sample
from appliance.inference.settings import ModelSettings


class FakeCamera:
    """Gives pictures of these grey levels, the last one on and on; an error is raised in its turn."""

    def __init__(self, *shown: "int | Exception", noise: int = 2, ends: bool = False) -> None:
        self._shown = list(shown)
        self._noise = noise
        self._ends = ends
        self._chance = np.random.default_rng(1)
        self.closed = False

    def __call__(self, _settings: CameraSettings, _clock: Clock) -> Self:
        return self

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Frame:
        assert timeout_s > 0
        if self._ends and len(self._shown) == 1:
            raise EndOfFrames
        shown = self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]
        if isinstance(shown, Exception):
            raise shown
        picture = np.full((120, 160, 3), shown, np.uint8)
        picture[:40] //= 2
        if self._noise:
            picture += self._chance.integers(0, self._noise, picture.shape, np.uint8)
        clock = SystemClock()
        return Frame(picture, clock.monotonic_s(), clock.utc(), 0)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Hurried(SystemClock):
    """Every look at the clock takes a second."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic_s(self) -> float:
        self._looks += 1
        return float(self._looks)


def checked(settings: Settings, tools: Instruments) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, tools)}


def changed(tools: Instruments, **instruments: object) -> Instruments:
    return Instruments(**{**vars(tools), **instruments})  # type: ignore[arg-type]


def with_models(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"models": ModelSettings(folder=folder)})


def service(unable: str | None = None, *labelled: Sample, **values: float) -> Running:
    """Return a running service whose metrics without labels are `values`."""
    samples = [Sample(f"janban_{name}", {}, value) for name, value in values.items()]
    return Running(unable, (*samples, *labelled))
