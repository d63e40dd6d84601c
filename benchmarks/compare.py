"""Compares this pipeline with the original study's way, on the same pictures: a part of `make bench`.

Every way has a process of its own, and all have the same two cores and two threads. Each tray is measured by
all ways, one right after the other and in another order each time. Learning the calibrations warms a way up,
and one tray before the first that counts.

Only a quiet machine tells the truth: PyTorch's threads wait for each other without letting go of their core,
and take ten times as long where something else wants it. `OMP_WAIT_POLICY=passive` softens that.
"""

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Final, TypeVar

from appliance.errors import JanbanError
from benchmarks.compare_report import as_json, figures, markdown
from benchmarks.contestant import Contestant, Turn
from benchmarks.processor_time import busy_cores
from benchmarks.trays import Trays, trays
from benchmarks.way import THREADS

WAYS: Final = {
    "this pipeline, int8": "benchmarks.way_appliance:ApplianceWay",
    "PyTorch: MiDaS small and ResNet-18": "benchmarks.way_pytorch:light_way",
    "the study's way, PyTorch: DPT_Large and ResNet-50": "benchmarks.way_pytorch:study_way",
}
"""The first is what the others are compared with."""

_LEAST_TRAYS = 3

_QUIET_CORES = 0.1
"""A machine is quiet on which other programs keep no more than this busy."""

_T = TypeVar("_T")


def compare(
    ways: Mapping[str, str], chosen: Trays, limit: int, seconds: float
) -> tuple[dict[str, list[Turn]], dict[str, float]]:
    """Return each way's turns, of the same trays in the same places, and its weights in megabytes.

    Measures up to `limit` trays, from the first again after the last, and begins none after `seconds`, but
    three at least. Raises `JanbanError` where a way cannot measure one.
    """
    with ExitStack() as stack:
        contestants = {
            name: stack.enter_context(Contestant(way, chosen.calibrations)) for name, way in ways.items()
        }
        for contestant in contestants.values():
            contestant.wait_until_ready()
        for contestant in contestants.values():
            contestant.measure(*chosen.pictures[-1])
        turns: dict[str, list[Turn]] = {name: [] for name in ways}
        until_s = time.monotonic() + seconds
        names = list(ways)
        for number, (calibration, picture) in enumerate(islice(_endless(chosen.pictures), limit)):
            if number >= _LEAST_TRAYS and time.monotonic() > until_s:
                break
            for name in rotated(names, number):
                turns[name].append(contestants[name].measure(calibration, picture))
        return turns, {name: contestant.weights_mb for name, contestant in contestants.items()}


def rotated(names: list[_T], by: int) -> list[_T]:
    """Return the names, beginning with another one for each `by`."""
    by %= len(names)
    return names[by:] + names[:by]


def _endless(items: tuple[_T, ...]) -> Iterator[_T]:
    return chain.from_iterable(repeat(items))


def two_cores() -> tuple[int, ...]:
    """Have this process, and those that it starts, run on two cores alone; return their numbers.

    Of a core that runs two threads at once, one number is taken.
    """
    by_core: dict[str, int] = {}
    for number in sorted(os.sched_getaffinity(0)):
        by_core.setdefault(_threads_of_core(number), number)
    cores = tuple(by_core.values())[:THREADS]
    os.sched_setaffinity(0, cores)
    return cores


def _threads_of_core(number: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(number)


def processor() -> str:
    """Return the processor's name, as the system tells it."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    return found[1] if found else platform.machine()


def main() -> int:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description="this pipeline beside the original study's way")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of rendered_trays")
    parser.add_argument("--trays", type=int, default=24, help="measure so many trays [24]")
    parser.add_argument("--seconds", type=float, default=90, help="begin no tray after so long [90]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    others = busy_cores()
    if others > _QUIET_CORES:
        print(f"other programs keep {others:.1f} cores busy: figures will be too large", file=sys.stderr)
    cores = two_cores()
    with tempfile.TemporaryDirectory() as name:
        try:
            chosen = trays(options.data, Path(name))
            print(f"comparing on {chosen.origin}: takes about two minutes", file=sys.stderr)
            turns, weights_mb = compare(WAYS, chosen, options.trays, options.seconds)
        except JanbanError as error:
            print(f"benchmarks.compare: {error}", file=sys.stderr)
            return 1
    by_way = figures(turns, weights_mb)
    count = len(next(iter(turns.values())))
    where = f"{len(cores)} cores ({processor()}), {THREADS} threads each, {others:.1f} cores busy before"
    if options.json:
        print(json.dumps({"trays": count, "of": chosen.origin, "on": where, "ways": as_json(by_way)}))
        return 0
    print(f"{count} {chosen.origin}, {where}:\n\n{markdown(by_way)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
