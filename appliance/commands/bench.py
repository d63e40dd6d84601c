"""`appliance bench`: how long each stage takes, and the memory of all processes."""

import argparse
import json
import time
from collections import Counter
from typing import Any

import numpy as np

from appliance.clock import SystemClock
from appliance.picture import load_picture
from appliance.service.assemble import unhurried_measurer
from appliance.service.memory import peaks_mb
from appliance.service.stages import Stages

_PERCENTILES = (50, 95, 99)


def command(options: argparse.Namespace) -> int:
    """Measure every picture several times and print milliseconds per stage.

    The first measurement is a warm-up and not counted. `total` is from the decoded picture to the outcome;
    `cpu` is the processor time of this process per picture, decoding included, but not that of the networks'
    process. Peak memory is this process's; that of the networks' is told beside it.
    """
    clock = SystemClock()
    samples: dict[str, list[float]] = {}
    paths: Counter[str] = Counter()
    with unhurried_measurer(options.calibration, options.models, clock) as measurer:
        measurer.measure(load_picture(options.images[0]))
        for _ in range(options.repeat):
            for image in options.images:
                cpu_s = time.process_time()
                decode = Stages(clock)
                with decode.time("decode"):
                    picture = load_picture(image)
                outcome = measurer.measure(picture).outcome
                paths["rejected" if outcome.status == "rejected" else outcome.path] += 1
                latency_ms = {"decode": decode.latency_ms()["decode"], **outcome.latency_ms}
                latency_ms["cpu"] = (time.process_time() - cpu_s) * 1000
                for stage, ms in latency_ms.items():
                    samples.setdefault(stage, []).append(ms)
        own_mb, workers_mb = peaks_mb()
        networks = measurer.health()
    report = {
        "pictures": options.repeat * len(options.images),
        "rejected": paths["rejected"],
        "paths": {path: paths[path] for path in ("full", "fallback")},
        "networks": networks,
        "stages_ms": {
            stage: {f"p{p}": round(float(np.percentile(values, p)), 1) for p in _PERCENTILES}
            for stage, values in samples.items()
        },
        "peak_memory_mb": None if own_mb is None else round(own_mb, 1),
        "workers_peak_memory_mb": round(workers_mb, 1),
    }
    print(json.dumps(report) if options.json else _text(report))
    return 0


def _text(report: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {path}" for path, count in report["paths"].items())
    lines = [f"{report['pictures']} pictures: {counts}, {report['rejected']} rejected; milliseconds:"]
    for stage, values in report["stages_ms"].items():
        lines.append(f"  {stage:16}" + "".join(f"  {name} {ms:7.1f}" for name, ms in values.items()))
    if report["peak_memory_mb"] is not None:
        lines.append(
            f"peak memory {report['peak_memory_mb']:.0f} MB, and"
            f" {report['workers_peak_memory_mb']:.0f} MB of the networks' process"
        )
    return "\n".join(lines)
