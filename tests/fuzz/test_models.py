"""Damaged .tflite files with the right checksum: whatever a runtime does with them, only its process pays."""

import hashlib
import random
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from appliance.clock import Deadline, SystemClock
from appliance.errors import InferenceError
from appliance.inference.both import open_both
from appliance.inference.ladder import Ladder
from appliance.inference.process import Limits, NetworksProcess
from appliance.inference.selection import Selection
from appliance.inference.wire import Job
from appliance.inference.worker import WorkerNetworks
from convert.manifest import model_file
from convert.tflite.run import tflite_signature
from tests.convert.tflite.networks import SPEC, tiny
from tests.fuzz.effort import EXAMPLES
from tests.fuzz.promise import assert_one_line
from tests.inference.entries import entry

CLOCK = SystemClock()
SAMPLES = [tiny(dtype) for dtype in ("int8", "uint8", "float32")]
LONG_S = 60.0
LIMITS = Limits(start_least_s=10.0, start_s=10.0, hang_least_s=10.0, hang_s=10.0, ping_s=10.0, memory_mb=400)

FOUND = {
    "ends by SIGSEGV": 687,
    "ends by SIGSEGV, too": 3630,
    "ends by SIGSEGV or raises TypeError": 360,
    "claims pictures of 44 megapixels": 1364,
    "claims 9.8 million pictures at once": 2468,
    "cannot be run": 4,
    "runs all the same": 31,
}
"""What LiteRT 2.1 made of a seed's file, on x86; another one may do otherwise, within the promise."""


def damage(seed: int) -> bytes:
    """A sample with one to four places of its flatbuffer changed."""
    rng = random.Random(seed)  # noqa: S311 - to be the same in every run
    data = bytearray(SAMPLES[seed % len(SAMPLES)])
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                over = (b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\1\0\0\0")
                data[at : at + 4] = rng.choice(over)
            case 2:
                del data[at : at + rng.randint(1, 16)]
            case _:
                data[at] = rng.randrange(256)
    return bytes(data)


def selection(folder: Path, sample: bytes, content: bytes) -> Selection:
    """A models folder whose manifest describes `sample`, with the size and checksum of `content`."""
    path = folder / "depth.tflite"
    path.write_bytes(sample)
    picture, outputs = tflite_signature(path, SPEC)
    described = model_file(path, device="cpu", picture=picture, outputs=outputs)
    path.write_bytes(content)
    checked = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    return Selection(folder, {"depth": entry(files=(described.model_copy(update=checked),))})


def end_of(chosen: Selection) -> InferenceError | None:
    """Open and run the model in a process of the networks, as the appliance does; return how that failed."""
    job = Job(partial(open_both, chosen, 1, Path("/")), "cpu", chosen.files("cpu"))
    process = NetworksProcess(job, LIMITS, CLOCK)
    try:
        deadline = Deadline.after(LONG_S, CLOCK)
        while (fault := process.fault()) is None and process.ready is None:
            assert not deadline.passed
            time.sleep(0.01)
        return fault
    finally:
        process.stop()
        assert process.gone()


@pytest.mark.parametrize("seed", [*FOUND.values(), *range(100_000, 100_000 + EXAMPLES // 10)])
def test_a_damaged_model_costs_its_process_only(tmp_path: Path, seed: int) -> None:
    fault = end_of(selection(tmp_path, SAMPLES[seed % len(SAMPLES)], damage(seed)))
    if fault is not None:
        assert_one_line(str(fault), "")


def test_the_samples_run(tmp_path: Path) -> None:
    assert end_of(selection(tmp_path, SAMPLES[0], SAMPLES[0])) is None


def test_a_model_that_kills_its_process_is_outlived(tmp_path: Path) -> None:
    """Whoever asks meanwhile is told in one line; when the file is whole again, it serves."""
    seed = FOUND["ends by SIGSEGV"]
    sample, bad = SAMPLES[seed % len(SAMPLES)], damage(seed)
    good, chosen = (selection(tmp_path, sample, content) for content in (sample, bad))
    view = np.zeros((60, 80, 3), np.uint8)
    for one, content in ((chosen, bad), (good, sample)):
        (tmp_path / "depth.tflite").write_bytes(content)
        networks = WorkerNetworks(
            one,
            partial(open_both, one, 1, Path("/")),
            Ladder(("cpu",), bool, CLOCK.monotonic_s(), lambda _low, _high: 0.0),
            LIMITS,
            CLOCK,
        )
        try:
            if one is good:
                assert networks.wait_until_ready(Deadline.after(LONG_S, CLOCK))
                assert networks.depth(view, Deadline.after(LONG_S, CLOCK)).shape == (SPEC.height, SPEC.width)
            else:
                deadline = Deadline.after(LONG_S, CLOCK)
                while not networks.complaints() or "starting" in networks.complaints()[0]:
                    assert not deadline.passed
                    time.sleep(0.02)
                with pytest.raises(InferenceError) as refused:
                    networks.depth(view, Deadline.after(LONG_S, CLOCK))
                assert_one_line(str(refused.value), "")
                assert all(line.isprintable() for line in networks.complaints())
        finally:
            networks.close()
