"""`python -m convert.cost.timing MODEL RUNS THREADS` prints the times of the runs in ms, as JSON."""

import json
import sys
import time
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

_WARM_UP_RUNS: Final = 3


def times_ms(path: str, runs: int, threads: int) -> list[float]:
    """Run a model on noise, and return the times of all runs after the warm-up in milliseconds."""
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _noise(generator, details))
    times = []
    for _ in range(_WARM_UP_RUNS + runs):
        began_s = time.perf_counter()
        interpreter.invoke()
        times.append((time.perf_counter() - began_s) * 1000)
    return times[_WARM_UP_RUNS:]


def _noise(generator: np.random.Generator, details: dict[str, Any]) -> npt.NDArray[np.generic]:
    """Return values in 0..1 for floats and in 0..99 for integers, of the tensor's shape and type."""
    dtype = np.dtype(details["dtype"])
    shape = tuple(int(size) for size in details["shape"])
    values = generator.random(shape) if dtype.kind == "f" else generator.integers(0, 100, shape)
    return values.astype(dtype)


if __name__ == "__main__":
    print(json.dumps(times_ms(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
