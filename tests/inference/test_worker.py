"""The networks in a real process: whatever it does, the caller hears in time, and the next one serves."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.clock import Deadline, SystemClock
from appliance.errors import BrokenRunError, NoDeviceError
from appliance.inference import process
from appliance.inference.ladder import Ladder
from appliance.inference.manifest import Device
from appliance.inference.process import Limits, NetworksProcess
from appliance.inference.selection import Selection
from appliance.inference.worker import WorkerNetworks
from tests.inference.child_engines import SLOW_S, open_engines
from tests.inference.entries import two_networks

ROOT = Path(__file__).resolve().parents[2]
CLOCK = SystemClock()
LONG_S = 60.0
"""Waits end far sooner; only a fault lasts so long."""

DEPTH, SEGMENTATION = two_networks()
SELECTION = Selection(Path("models"), {"depth": DEPTH, "segmentation": SEGMENTATION})


def at_once(_low: float, _high: float) -> float:
    return 0.0


@dataclass
class Bench:
    """Networks in a process that obeys orders."""

    networks: WorkerNetworks
    orders: Path

    def order(self, what: str) -> None:
        """Order something, done once by the next run."""
        self.orders.write_text(what)

    def depth(self, view: npt.NDArray[np.uint8], seconds: float = LONG_S) -> npt.NDArray[np.float32]:
        return self.networks.depth(view, Deadline.after(seconds, CLOCK))

    def wait(self) -> None:
        assert self.networks.wait_until_ready(Deadline.after(LONG_S, CLOCK))

    @property
    def process(self) -> NetworksProcess:
        self.wait()
        serving = self.networks._supervisor.serving
        assert serving is not None
        return serving


Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Bench] = []

    def begin(
        *devices: Device,
        when_opened: str = "",
        start_s: float = LONG_S,
        start_least_s: float = LONG_S,
        hang_s: float = LONG_S,
        ping_s: float = LONG_S,
        memory_mb: float = 2000,
    ) -> Bench:
        orders = tmp_path / "orders"
        orders.with_suffix(".open").write_text(when_opened)
        networks = WorkerNetworks(
            SELECTION,
            partial(open_engines, SELECTION, orders),
            Ladder(devices or ("cpu",), lambda: True, CLOCK.monotonic_s(), at_once),
            Limits(min(start_s, start_least_s), start_s, hang_s, hang_s, ping_s, memory_mb),
            CLOCK,
            parity=False,
        )
        started.append(Bench(networks, orders))
        return started[-1]

    yield begin
    for bench in started:
        bench.networks.close()


def view(red: int) -> npt.NDArray[np.uint8]:
    return np.full((60, 80, 3), (0, 0, red), np.uint8)


def until(reached: Callable[[], bool]) -> None:
    deadline = Deadline.after(LONG_S, CLOCK)
    while not reached():
        assert not deadline.passed
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_views_go_in_and_maps_come_out(start: Start) -> None:
    bench = start()
    bench.wait()
    dark, bright = bench.depth(view(10)), bench.depth(view(250))
    assert (dark.shape, dark.dtype) == ((8, 8), np.float32)
    assert np.unique(dark).size == np.unique(bright).size == 1
    assert bright[0, 0] > dark[0, 0]
    segmented = bench.networks.segmentation(view(10), Deadline.after(LONG_S, CLOCK))
    assert segmented.probabilities == pytest.approx(np.full((7, 8, 8), 1 / 7))
    assert segmented.quantity == pytest.approx(np.array([0.5, 0.5]))
    assert bench.networks.versions == SELECTION.versions("cpu")
    assert bench.networks.complaints() == ()


def test_a_view_that_both_see_is_squeezed_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    squeezed = []
    squeeze = process.squeeze

    def counted(
        seen: npt.NDArray[np.uint8], height: int, width: int, into: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.uint8]:
        squeezed.append(seen)
        return squeeze(seen, height, width, into)

    monkeypatch.setattr(process, "squeeze", counted)
    bench = start()
    bench.wait()
    one, other = view(10), view(250)
    first = bench.depth(one)
    bench.networks.segmentation(one, Deadline.after(LONG_S, CLOCK))
    second = bench.depth(other)
    assert [seen is one for seen in squeezed] == [True, False]
    assert (first != second).all()


def test_while_it_starts_calls_fail_at_once(start: Start) -> None:
    bench = start(when_opened="hang")
    with pytest.raises(BrokenRunError, match="are starting"):
        bench.depth(view(10))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("abort", r"died \(by SIGABRT\): F usb_driver.cc:857\] transfer on tag 2 failed"),
        ("segfault", r"died \(by SIGSEGV\)"),
        ("exit", r"died \(exit status 3\)"),
        ("raise", "ValueError: a bug"),
        ("nan", "no finite numbers"),
        ("leak", "of memory, more than models.memory_mb"),
    ],
)
def test_a_fault_is_told_long_before_the_deadline_and_the_next_process_serves(
    start: Start, order: str, message: str
) -> None:
    bench = start(memory_mb=250)
    pid = bench.process.pid
    bench.order(order)
    with pytest.raises(BrokenRunError, match=message):
        bench.depth(view(10))
    bench.wait()
    assert bench.depth(view(10)).shape == (8, 8)
    assert bench.process.pid != pid
    until(lambda: not alive(pid))
    (said,) = bench.networks.complaints()
    assert said.startswith("faults of the networks within an hour: 1, last on the processor")


def test_processes_that_were_replaced_leave_nothing_behind(start: Start) -> None:
    bench = start()
    bench.wait()
    before = descriptors()
    for order in ("abort", "raise", "nan"):
        pid = bench.process.pid
        bench.order(order)
        with pytest.raises(BrokenRunError):
            bench.depth(view(10))
        until(lambda pid=pid: bench.process.pid != pid and not bench.networks._supervisor.busy)
    assert descriptors() <= before


def descriptors() -> int:
    """Count open file descriptors, without those that only a caught error still holds."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("how", ["sleeps", "is stopped"])
def test_a_process_that_hangs_costs_its_caller_no_more_than_the_deadline(start: Start, how: str) -> None:
    bench = start(hang_s=0.3)
    pid = bench.process.pid
    if how == "sleeps":
        bench.order("hang")
    else:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(BrokenRunError, match="no answer in time"):
        bench.depth(view(10), seconds=0.1)
    until(lambda: not alive(pid))
    until(lambda: bench.process.pid != pid)
    assert bench.depth(view(10)).shape == (8, 8)
    assert "hung for more than 0.3 s" in bench.networks.complaints()[0]


def test_a_process_that_stands_still_while_nobody_asks_is_noticed_and_replaced(start: Start) -> None:
    bench = start(hang_s=0.3, ping_s=0.1)
    pid = bench.process.pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: bench.process.pid != pid)
    assert bench.depth(view(10)).shape == (8, 8)
    assert "hung for more than 0.3 s" in bench.networks.complaints()[0]


def test_a_process_that_dies_while_nobody_asks_is_replaced(start: Start) -> None:
    bench = start()
    pid = bench.process.pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: bench.process.pid != pid)
    assert "died (by SIGKILL)" in bench.networks.complaints()[0]


def test_an_idle_process_that_answers_its_pings_is_left_alone(start: Start) -> None:
    bench = start(ping_s=0.01)
    pid = bench.process.pid
    time.sleep(1.0)
    assert bench.depth(view(10)).shape == (8, 8)
    assert bench.process.pid == pid
    assert bench.networks.complaints() == ()


def test_who_gives_up_early_kills_nobody_and_the_next_answer_is_the_next_ones(start: Start) -> None:
    bench = start()
    pid = bench.process.pid
    expected = bench.depth(view(250))
    bench.order("be slow")
    with pytest.raises(BrokenRunError, match="no answer in time"):
        bench.depth(view(10), seconds=SLOW_S / 10)
    assert (bench.depth(view(250)) == expected).all()
    assert bench.process.pid == pid


def test_calls_from_two_threads_get_their_own_answers(start: Start) -> None:
    bench = start()
    bench.wait()
    expected = {red: float(bench.depth(view(red))[0, 0]) for red in (10, 250)}
    wrong = []

    def ask(red: int) -> None:
        for _ in range(100):
            wrong.extend(set(bench.depth(view(red)).ravel().tolist()) - {expected[red]})

    threads = [threading.Thread(target=ask, args=(red,)) for red in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert wrong == []


def test_a_process_that_never_gets_ready_is_a_fault(start: Start) -> None:
    bench = start(when_opened="hang on cpu", start_s=0.3)
    until(lambda: "did not start within 0.3 s" in "".join(bench.networks.complaints()))
    with pytest.raises(BrokenRunError):
        bench.depth(view(10))


def test_a_start_that_hangs_is_noticed_by_how_long_starts_took(start: Start) -> None:
    bench = start(start_s=20 * LONG_S, start_least_s=0.1)
    pid = bench.process.pid
    bench.orders.with_suffix(".open").write_text("hang on cpu")
    os.kill(pid, signal.SIGKILL)
    until(lambda: "did not start within" in "".join(bench.networks.complaints()))
    bench.orders.with_suffix(".open").unlink()
    assert bench.process.pid != pid


def test_an_edge_tpu_that_keeps_aborting_leaves_its_work_to_the_processor(start: Start) -> None:
    bench = start("edgetpu", "cpu")
    bench.order("abort on edgetpu")
    bench.wait()
    faults = 0
    while bench.networks.device == "edgetpu":
        bench.wait()
        with pytest.raises(BrokenRunError):
            bench.depth(view(10))
        faults += 1
        assert faults < 100
        until(lambda: bench.process.usable)
    assert bench.depth(view(10)).shape == (8, 8)
    assert bench.networks.versions == SELECTION.versions("cpu")
    assert (
        "the processor stands in for the Edge TPU: its process died (by SIGABRT)"
        in bench.networks.complaints()[0]
    )


def test_without_an_answering_edge_tpu_the_processor_serves_from_the_start(start: Start) -> None:
    bench = start("edgetpu", "cpu", when_opened="no device on edgetpu")
    bench.wait()
    assert bench.networks.device == "cpu"
    assert bench.depth(view(10)).shape == (8, 8)


def test_the_only_device_that_is_absent_is_told_as_such(start: Start) -> None:
    bench = start("edgetpu", when_opened="no device on edgetpu")
    assert not bench.networks.wait_until_ready(Deadline.after(LONG_S, CLOCK))
    assert "no Edge TPU answers" in bench.networks.complaints()[0]
    with pytest.raises(NoDeviceError, match="no Edge TPU answers"):
        bench.depth(view(10))


def test_closing_leaves_no_process(start: Start) -> None:
    bench = start()
    pid = bench.process.pid
    bench.networks.close()
    assert not alive(pid)
    with pytest.raises(BrokenRunError, match="closed"):
        bench.depth(view(10))
    assert not bench.networks.wait_until_ready(Deadline.after(LONG_S, CLOCK))


_APPLIANCE = """
import sys, time
from functools import partial
from pathlib import Path
from appliance.clock import Deadline
from appliance.errors import BrokenRunError
from tests.inference.test_worker import *

orders = Path(sys.argv[1])
factory, ladder = partial(open_engines, SELECTION, orders), Ladder(("cpu",), bool, 0.0)
networks = WorkerNetworks(SELECTION, factory, ladder, Limits(60, 60, 60, 60, 60, 2000), CLOCK, parity=False)
assert networks.wait_until_ready(Deadline.after(60, CLOCK))
orders.write_text(sys.argv[2])
try:
    networks.depth(view(1), Deadline.after(0.2, CLOCK))
except BrokenRunError:
    pass
print(networks._supervisor.serving.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("order", ["", "hang"])
def test_it_ends_with_the_appliance_however_that_ends(tmp_path: Path, order: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _APPLIANCE, str(tmp_path / "orders"), order],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as appliance:
        assert appliance.stdout is not None
        pid = int(appliance.stdout.readline())
        assert alive(pid)
        appliance.kill()
        until(lambda: not alive(pid))
