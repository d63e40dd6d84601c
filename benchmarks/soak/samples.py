"""What the service's processes take: memory, file descriptors, threads."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.health.process import taken_by
from appliance.service.memory import descendants
from benchmarks.soak.manager import Manager

_PERIOD_S: Final = 5.0
WARM_UP_S: Final = 120.0
"""Of a process's life that does not count: caches and thread pools fill meanwhile."""


@dataclass(frozen=True)
class Sample:
    """The main process at a moment, and the memory of those that it started."""

    at_s: float
    pid: int
    memory_mb: float
    children_mb: float
    descriptors: int
    threads: int


class Sampler:
    """Looks every few seconds, in a thread, until `close`."""

    def __init__(self, manager: Manager) -> None:
        self.samples: list[Sample] = []
        self._manager = manager
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_PERIOD_S):
            pid = self._manager.pid
            if pid is not None and (sample := look(pid)) is not None:
                self.samples.append(sample)


def look(pid: int) -> Sample | None:
    """Return how things are; None where the process ended meanwhile."""
    own = taken_by(pid)
    if own is None or own.descriptors is None:
        return None
    children = (taken_by(child) for child in descendants(pid))
    children_mb = sum(child.rss_mb for child in children if child is not None)
    return Sample(time.monotonic(), pid, own.rss_mb, children_mb, own.descriptors, own.threads)


@dataclass(frozen=True)
class Growth:
    """What the longest life of the main process gained per hour, its first two minutes left out.

    Slopes are Theil and Sen's (P. K. Sen, JASA 63, 1968): the median over all pairs, which no outlier bends.
    """

    hours: float
    memory_mb: float
    memory_mb_per_h: float
    children_mb: float
    descriptors_first: float
    descriptors_last: float
    descriptors_per_h: float
    threads_per_h: float


def growth(samples: list[Sample]) -> Growth | None:
    """Return the growth, None where no life was long enough to tell."""
    lives: dict[int, list[Sample]] = {}
    for sample in samples:
        lives.setdefault(sample.pid, []).append(sample)
    longest = max(lives.values(), key=lambda life: life[-1].at_s - life[0].at_s, default=[])
    life = [one for one in longest if one.at_s - longest[0].at_s >= WARM_UP_S]
    if len(life) < 10:
        return None
    hours = np.array([one.at_s for one in life]) / 3600
    tenth = max(1, len(life) // 10)
    descriptors = [one.descriptors for one in life]
    return Growth(
        hours=float(hours[-1] - hours[0]),
        memory_mb=max(one.memory_mb for one in life),
        memory_mb_per_h=_slope(hours, [one.memory_mb for one in life]),
        children_mb=max(one.children_mb for one in life),
        descriptors_first=float(np.median(descriptors[:tenth])),
        descriptors_last=float(np.median(descriptors[-tenth:])),
        descriptors_per_h=_slope(hours, descriptors),
        threads_per_h=_slope(hours, [one.threads for one in life]),
    )


def _slope(hours: npt.NDArray[np.float64], values: Sequence[float]) -> float:
    steps = np.subtract.outer(np.asarray(values, float), np.asarray(values, float))
    spans = np.subtract.outer(hours, hours)
    later = spans > 0
    return float(np.median(steps[later] / spans[later]))
