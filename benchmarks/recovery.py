"""How long the networks and the camera are away after a fault, from the moment it is injected.

    python -m benchmarks.recovery [--models DIR] [--repeat N] [--json]

Real processes: both networks on the processor, and the simulated line in a camera's worker, watched by the
service's own supervisor and intake. `noticed` ends when the appliance knows, `recovered` with the next answer
of the networks, or the next good frame. Between two faults everything has served for long enough to be well.
"""

import argparse
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from appliance.budget import Budget, DeadlineSettings
from appliance.camera.frame import Frame
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.camera.worker import WorkerCamera
from appliance.clock import Deadline, SystemClock
from appliance.inference.open import open_networks
from appliance.inference.settings import ModelSettings
from appliance.line.settings import TriggerSettings
from appliance.line.trigger import TrayEvent, Trigger
from appliance.service.intake import Intake

Fault = Callable[[], None]
Seconds = tuple[float, float]

CLOCK = SystemClock()
BUDGET = Budget.of(DeadlineSettings())
LONG_S = 60.0
LOOK_S = 0.002
FRAME = SimulatorSettings(fps=10)


def until(reached: Callable[[], bool]) -> float:
    """Return the moment at which it was so; raises `TimeoutError` if that is long after."""
    deadline = Deadline.after(LONG_S, CLOCK)
    while not reached():
        if deadline.passed:
            raise TimeoutError("it never recovered")
        time.sleep(LOOK_S)
    return CLOCK.monotonic_s()


def networks(folder: Path, repeat: int) -> Iterator[tuple[str, list[Seconds]]]:
    """Yield each fault of the networks' process with what its repetitions took."""
    view = np.random.default_rng(0).integers(0, 255, (580, 750, 3)).astype(np.uint8)
    running = open_networks(ModelSettings(folder=folder, device="cpu"), CLOCK, BUDGET)
    if running is None:
        raise SystemExit("--models names no folder")

    def answer() -> None:
        for ask in (running.depth, running.segmentation):
            ask(view, Deadline.after(LONG_S, CLOCK))

    def once(number: signal.Signals, turn: int) -> Seconds:
        running.wait_until_ready(Deadline.after(LONG_S, CLOCK))
        answer()
        supervisor = running._supervisor  # type: ignore[attr-defined] # noqa: SLF001 - a bench may look inside
        process = supervisor.serving
        supervisor._ladder.served("cpu", LONG_S)  # noqa: SLF001
        time.sleep(0.3 + turn % 10 / 10)
        began_s = CLOCK.monotonic_s()
        os.kill(process.pid, number)
        noticed_s = until(lambda: supervisor.serving is not process)
        running.wait_until_ready(Deadline.after(LONG_S, CLOCK))
        answer()
        return noticed_s - began_s, CLOCK.monotonic_s() - began_s

    try:
        for name, number in (
            ("networks abort", signal.SIGABRT),
            ("networks killed", signal.SIGKILL),
            ("networks hang, idle", signal.SIGSTOP),
        ):
            yield name, [once(number, turn) for turn in range(repeat)]
    finally:
        running.close()


class FreezingLine(SimulatedLine):
    """Gives one picture again and again from the moment that the file `order` exists."""

    def __init__(self, order: Path) -> None:
        super().__init__(FRAME)
        self._order = order
        self._still: Frame | None = None

    def open(self) -> None:
        """Thaw, and start."""
        self._order.unlink(missing_ok=True)
        super().open()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame with, when frozen, an old picture."""
        frame = super().read(timeout_s)
        if not self._order.exists():
            self._still = frame
        still = self._still or frame
        return Frame(still.image, frame.captured_s, frame.captured_at, frame.index)


class Watched:
    """An intake with a camera in a worker."""

    def __init__(self, order: Path) -> None:
        self.camera = WorkerCamera(
            partial(FreezingLine, order), largest_px=FRAME.width * FRAME.height, max_age_s=1.0, clock=CLOCK
        )
        trays: queue.Queue[TrayEvent] = queue.Queue()
        self.intake = Intake(
            self.camera,
            Trigger(TriggerSettings()),
            trays,
            overflowing=lambda _: None,
            budget=BUDGET,
            clock=CLOCK,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.intake.run, args=(self._stop,))

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.intake.fault is None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def once(self, fault: Fault) -> Seconds:
        """Inject a fault into a camera that has run well."""
        time.sleep(BUDGET.camera_well_s + 1.0)
        before = self.intake.reopened
        began_s = CLOCK.monotonic_s()
        fault()
        noticed_s = until(lambda: self.intake.reopened > before)
        recovered_s = until(lambda: self.intake.fault is None)
        return noticed_s - began_s, recovered_s - began_s

    def signal(self, number: signal.Signals) -> None:
        """Send the camera's worker a signal."""
        process = self.camera._process  # noqa: SLF001
        assert process is not None
        assert process.pid is not None
        os.kill(process.pid, number)


@contextmanager
def camera(order: Path) -> Iterator[tuple[Watched, dict[str, Fault]]]:
    """Give a camera and its faults by name."""
    with Watched(order) as watched:
        yield (
            watched,
            {
                "camera dies": partial(watched.signal, signal.SIGSEGV),
                "camera silent": partial(watched.signal, signal.SIGSTOP),
                "camera frozen": order.touch,
            },
        )


def main() -> None:
    """Print p50, p95 and the longest for each fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    order = Path(f"/tmp/janban-freeze-{os.getpid()}")  # noqa: S108 - an order to a child, nothing secret
    results = dict(networks(options.models, options.repeat))
    with camera(order) as (watched, faults):
        for name, fault in faults.items():
            results[name] = [watched.once(fault) for _ in range(options.repeat)]
    for name, seconds in results.items():
        row = {"fault": name, "times": len(seconds)}
        for what, column in zip(("noticed", "recovered"), np.array(seconds).T, strict=True):
            p50, p95 = np.percentile(column, (50, 95))
            row |= {f"{what}_p50_s": round(p50, 2), f"{what}_p95_s": round(p95, 2)}
            row |= {f"{what}_max_s": round(float(column.max()), 2)}
        print(json.dumps(row) if options.json else "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
