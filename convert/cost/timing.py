"""`python -m convert.cost.timing MODEL RUNS THREADS` prints times of the runs, and memory, as JSON."""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

_WARM_UP_RUNS: Final = 3


_MEMORY: Final = Path("/proc/self/smaps_rollup")
_ANONYMOUS: Final = re.compile(r"^Anonymous:\s+(\d+) kB$", re.MULTILINE)


def run(path: str, runs: int, threads: int) -> dict[str, object]:
    """Run a model on noise; return `times_ms` of all runs after the warm-up, and `memory_bytes`."""
    interpreter = Interpreter(path, num_threads=threads)
    before = _anonymous_bytes()
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _noise(generator, details))
    times_ms = []
    for _ in range(_WARM_UP_RUNS + runs):
        began_s = time.perf_counter()
        interpreter.invoke()
        times_ms.append((time.perf_counter() - began_s) * 1000)
    after = _anonymous_bytes()
    grown = None if before is None or after is None else max(0, after - before)
    return {"times_ms": times_ms[_WARM_UP_RUNS:], "memory_bytes": grown}


def _anonymous_bytes() -> int | None:
    """Return this process's memory that is no file's; None where the system does not tell."""
    try:
        found = _ANONYMOUS.search(_MEMORY.read_text(encoding="ascii"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _noise(generator: np.random.Generator, details: dict[str, Any]) -> npt.NDArray[np.generic]:
    """Return values in 0..1 for floats and in 0..99 for integers, of the tensor's shape and type."""
    dtype = np.dtype(details["dtype"])
    shape = tuple(int(size) for size in details["shape"])
    values = generator.random(shape) if dtype.kind == "f" else generator.integers(0, 100, shape)
    return values.astype(dtype)


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
