"""A model's latency and memory on this machine's processor, measured in a process of its own.

LiteRT can take its process down with a model that it does not like; the workshop is not to go with it.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from convert.errors import ModelFileError

_DEADLINE_S: Final = 300.0
_LONGEST_REASON: Final = 200


@dataclass(frozen=True)
class Measured:
    """Median and fastest time of a run in milliseconds, over `runs` runs after a warm-up.

    `memory_bytes` is what the process grew by from loading the model to having run it: activations, and the
    runtime's own arrangement of the parameters; None where the system does not tell.
    """

    median_ms: float
    fastest_ms: float
    runs: int
    threads: int
    memory_bytes: int | None


def measure(path: Path, *, runs: int = 20, threads: int = 1) -> Measured:
    """Run a model on noise; raises `ModelFileError` if it cannot be run here, in one line."""
    command = [sys.executable, "-m", "convert.cost.timing", str(path), str(runs), str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{path}: {runs} runs took more than {_DEADLINE_S:.0f} s; measure with fewer --runs"
        ) from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise ModelFileError(f"{path}: LiteRT cannot run it: {reason[0][:_LONGEST_REASON]}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    times_ms = told["times_ms"]
    return Measured(statistics.median(times_ms), min(times_ms), runs, threads, told["memory_bytes"])
