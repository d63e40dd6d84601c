"""A model's latency on this machine's processor, measured in a process of its own.

LiteRT can take its process down with a model that it does not like; the workshop is not to go with it.
"""

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from convert.errors import ModelFileError

_DEADLINE_S: Final = 300.0
_WARM_UP_RUNS: Final = 3
_LONGEST_REASON: Final = 200


@dataclass(frozen=True)
class Latency:
    """Median and fastest time of a run in milliseconds, over `runs` runs after a warm-up."""

    median_ms: float
    fastest_ms: float
    runs: int
    threads: int


def measure(path: Path, *, runs: int = 20, threads: int = 1) -> Latency:
    """Run a model on noise; raises `ModelFileError` if it cannot be run here, in one line."""
    command = [sys.executable, "-m", "convert.cost.measure", str(path), str(runs), str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{path}: {runs} runs took more than {_DEADLINE_S:.0f} s; measure with fewer --runs"
        ) from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise ModelFileError(f"{path}: LiteRT cannot run it: {reason[0][:_LONGEST_REASON]}")
    return Latency(**json.loads(done.stdout.strip().splitlines()[-1]))


def _run(path: str, runs: int, threads: int) -> Latency:
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    noise = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _noise(noise, details))
    times_ms = []
    for _ in range(_WARM_UP_RUNS + runs):
        began = time.perf_counter()
        interpreter.invoke()
        times_ms.append((time.perf_counter() - began) * 1000)
    times_ms = times_ms[_WARM_UP_RUNS:]
    return Latency(round(statistics.median(times_ms), 3), round(min(times_ms), 3), runs, threads)


def _noise(generator: np.random.Generator, details: dict[str, Any]) -> npt.NDArray[np.generic]:
    """Return values in 0..1 for floats and in 0..99 for integers, of the tensor's shape and type."""
    dtype = np.dtype(details["dtype"])
    shape = tuple(int(size) for size in details["shape"])
    values = generator.random(shape) if dtype.kind == "f" else generator.integers(0, 100, shape)
    return values.astype(dtype)


if __name__ == "__main__":
    print(json.dumps(vars(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
