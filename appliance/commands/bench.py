"""`appliance bench`: how long each stage takes, and the memory of the process."""

import argparse
import json
import resource
import time

import numpy as np

from appliance.clock import SystemClock
from appliance.estimate.back_projection import BackProjectionParameters
from appliance.picture import load_picture
from appliance.service.pipeline import TrayMeasurer
from appliance.service.stages import Stages
from appliance.tray.calibration_folder import load_calibration

_PERCENTILES = (50, 95, 99)


def command(options: argparse.Namespace) -> int:
    """Measure every picture several times and print milliseconds per stage.

    The first measurement is a warm-up and not counted. `total` is from the decoded picture to the outcome;
    `cpu` is the processor time of the whole process per picture, decoding included.
    """
    clock = SystemClock()
    measurer = TrayMeasurer(load_calibration(options.calibration), BackProjectionParameters(), clock)
    samples: dict[str, list[float]] = {}
    measurer.measure(load_picture(options.images[0]))
    rejections = 0
    for _ in range(options.repeat):
        for image in options.images:
            cpu_s = time.process_time()
            decode = Stages(clock)
            with decode.time("decode"):
                picture = load_picture(image)
            outcome = measurer.measure(picture).outcome
            rejections += outcome.status == "rejected"
            latency_ms = {"decode": decode.latency_ms()["decode"], **outcome.latency_ms}
            latency_ms["cpu"] = (time.process_time() - cpu_s) * 1000
            for stage, ms in latency_ms.items():
                samples.setdefault(stage, []).append(ms)
    stages = {
        stage: {f"p{p}": round(float(np.percentile(values, p)), 1) for p in _PERCENTILES}
        for stage, values in samples.items()
    }
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured = options.repeat * len(options.images)
    if options.json:
        report = {
            "pictures": measured,
            "rejected": rejections,
            "stages_ms": stages,
            "peak_memory_mb": round(peak_mb, 1),
        }
        print(json.dumps(report))
        return 0
    print(f"{measured} pictures, {rejections} rejected; milliseconds:")
    for stage, values in stages.items():
        print(f"  {stage:16}" + "".join(f"  {name} {ms:7.1f}" for name, ms in values.items()))
    print(f"peak memory {peak_mb:.0f} MB")
    return 0
