"""Runs the whole appliance on a simulated line, counts and times: `python -m benchmarks.line -h`.

It is the appliance that `appliance run` runs: camera, trigger, queue, networks in a process of their own,
store. Only the broker is left out, so that every reading stays in the outbox and can be counted at the end.
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.clock import Deadline, SystemClock
from appliance.commands.run import serve
from appliance.config import DeviceSettings, ServiceSettings, Settings
from appliance.inference.settings import ModelSettings
from appliance.line.trigger import TrayEvent
from appliance.picture import save_picture
from appliance.publish.settings import PublishSettings
from appliance.readings.reading import Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.assemble import STORE_FILE, assemble
from appliance.service.memory import peaks_mb
from appliance.service.pipeline import MeasuredTray
from benchmarks.measure import appliance
from benchmarks.trigger import shown

_PROMISED_S = 5.0
_STEADY = dict.fromkeys(("set_down", "nudge", "stay", "hand", "napkin", "lamps", "empty"), 0.0)
"""Weights of what interrupts a line, all left out: trays come at the pace that is asked for."""


class Watched:
    """What is seen of trays the moment that their readings are stored, and of the appliance at the end."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.trays: Counter[int] = Counter()
        self.stored_s: list[float] = []
        self.stages_ms: dict[str, list[float]] = {}
        self.peaks_mb: tuple[float | None, float] = (None, 0.0)
        self.degraded: list[str] = []

    def __call__(self, event: TrayEvent, tray: MeasuredTray) -> None:
        """Take down which tray it was, and how long after its trigger it is stored."""
        self.stored_s.append(self.clock.monotonic_s() - event.triggered_s)
        truth = shown(event)
        self.trays[-1 if truth is None else truth.tray] += 1
        for stage, ms in tray.outcome.latency_ms.items():
            self.stages_ms.setdefault(stage, []).append(ms)


def run(settings: Settings, minutes: float) -> dict[str, Any]:
    """Run the appliance for some minutes of the line and return what came of it."""
    assert isinstance(settings.camera, SimulatorSettings)
    watched = Watched()
    line = SimulatedLine(settings.camera)
    device = assemble(settings, watched.clock, camera=line, on_tray=watched)
    deadline = Deadline.after(60 * minutes, watched.clock)

    def done() -> bool:
        watched.peaks_mb, watched.degraded = peaks_mb(), device.degraded()
        return deadline.passed

    serve(device, threading.Event(), done=done)
    passed = {truth.tray for truth in line.trays_passed}
    readings = _stored(settings)
    own_mb, workers_mb = watched.peaks_mb
    return {
        "minutes": minutes,
        "trays": len(passed),
        "missed": len(passed - watched.trays.keys()) - device.overflowed,
        "twice": sum(count > 1 for tray, count in watched.trays.items() if tray >= 0),
        "readings": len(readings),
        "status": dict(Counter(reading.status for reading in readings)),
        "paths": dict(Counter(reading.path for reading in readings if reading.status != "rejected")),
        "overflow": device.overflowed,
        "late": device.late,
        "degraded": watched.degraded,
        "stored_s": _figures(watched.stored_s, 3),
        "over_5_s": sum(seconds > _PROMISED_S for seconds in watched.stored_s),
        "stages_ms": {stage: _figures(ms, 1) for stage, ms in watched.stages_ms.items()},
        "peak_memory_mb": own_mb,
        "workers_peak_memory_mb": workers_mb,
        "failure": device.failure,
    }


def _stored(settings: Settings) -> list[Reading]:
    with Store(settings.device.state_dir / STORE_FILE, StoreSettings()) as store:
        return [Reading.from_json(pending.payload) for pending in store.pending(1_000_000)]


def _figures(values: list[float], digits: int) -> dict[str, float]:
    if not values:
        return {}
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {
        name: round(float(value), digits)
        for name, value in (("p50", p50), ("p95", p95), ("p99", p99), ("max", max(values)))
    }


def _settings(folder: Path, chosen: argparse.Namespace) -> Settings:
    camera = {"trays_per_minute": chosen.per_minute, "seed": chosen.seed, "fps": chosen.fps}
    size = {"width": chosen.width, "height": chosen.width * 3 // 4}
    return Settings(
        device=DeviceSettings(
            site="bench", name="line", state_dir=folder / "state", calibration_dir=folder / "calibration"
        ),
        camera=SimulatorSettings.model_validate({**camera, **size, **_STEADY}),
        models=ModelSettings(folder=chosen.models and chosen.models.absolute()),
        # The port for what is thrown away (RFC 863): nobody listens.
        mqtt=PublishSettings(host="127.0.0.1", port=9),
        service=ServiceSettings(metrics_port=0),
    )


def _calibrate(settings: Settings, folder: Path) -> int:
    """Calibrate in a process of its own, so that its memory does not count."""
    line = SimulatedLine(SimulatorSettings(width=1280, height=960))
    empty, full = folder / "empty.png", folder / "full.png"
    save_picture(empty, line.reference_empty())
    save_picture(full, line.reference_full())
    size_mm = f"{line.layout.tray_mm[0]:g}x{line.layout.tray_mm[1]:g}"
    pictures = ("--empty", str(empty), "--full", str(full), "--tray-mm", size_mm)
    return appliance("calibrate", *pictures, "--out", str(settings.device.calibration_dir))


def main() -> int:
    """Run the benchmark; exit 1 if a tray has no reading in time."""
    parser = argparse.ArgumentParser(description="Run the whole appliance on the simulated line.")
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument(
        "--per-minute",
        type=float,
        default=42,
        help="pace of the belt (default 42: with what happens between trays, 30 a minute remain)",
    )
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of the networks")
    parser.add_argument("--seed", type=int, default=1, help="seed of the line (default 1)")
    parser.add_argument("--fps", type=float, default=10, help="frames per second (default 10)")
    parser.add_argument("--width", type=int, default=1280, help="width of the frames, 4:3 (default 1280)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = _settings(Path(name), chosen)
        if status := _calibrate(settings, Path(name)):
            return status
        report = run(settings, chosen.minutes)
    print(
        json.dumps(report) if chosen.json else "\n".join(f"{key}: {value}" for key, value in report.items())
    )
    faults = (report["missed"], report["twice"], report["overflow"], report["late"], report["over_5_s"])
    return 1 if any(faults) or report["failure"] else 0


if __name__ == "__main__":
    sys.exit(main())
