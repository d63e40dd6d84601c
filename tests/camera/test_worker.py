import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from appliance.camera import worker as worker_module
from appliance.camera.frame import EndOfFrames
from appliance.camera.worker import WorkerCamera
from appliance.errors import CameraError
from tests.camera.child_cameras import SIZE, ChildCamera

LONG_S = 30.0  # for a machine that is busy; the tests do not wait for it to pass


def worker(max_age_s: float = 10.0, **child: object) -> WorkerCamera:
    return WorkerCamera(partial(ChildCamera, **child), largest_px=SIZE[0] * SIZE[1], max_age_s=max_age_s)


def pid_of(source: WorkerCamera) -> int:
    process = source._process
    assert process is not None
    assert process.pid is not None
    return process.pid


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_frames_arrive_whole_and_in_order() -> None:
    with worker() as source:
        pid = pid_of(source)
        seen = [source.read(LONG_S) for _ in range(30)]
        assert pid != os.getpid()
    for frame in seen:
        assert frame.image.shape == (*SIZE, 3)
        assert (frame.image == frame.index % 256).all(), "a frame torn between two"
    indices = [frame.index for frame in seen]
    assert indices == sorted(set(indices))
    assert not alive(pid)


def test_a_reader_that_was_away_finds_the_present() -> None:
    with worker() as source:
        first = source.read(LONG_S)
        time.sleep(0.5)
        assert source.read(LONG_S).index > first.index + 5


def test_a_worker_that_had_to_wait_for_its_reader_gives_fresh_frames_again() -> None:
    with worker(max_age_s=0.5, fps=5000) as source:
        pid = pid_of(source)
        while True:
            try:
                source.read(1.0)
                break
            except CameraError:
                assert alive(pid)
        time.sleep(1.5)  # far more messages than a pipe holds
        frame = source.read(LONG_S)
        assert time.monotonic() - frame.captured_s < 1.0
        assert (frame.image == frame.index % 256).all()


def test_an_end_comes_after_the_last_frame() -> None:
    with worker(at=3, fps=5) as source:
        last = source.read(LONG_S)
        with pytest.raises(EndOfFrames):  # noqa: PT012
            while True:
                last = source.read(LONG_S)
        assert last.index == 2
        with pytest.raises(EndOfFrames):
            source.read(LONG_S)


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("fail", "the lens fell off"),
        ("crash", "SIGSEGV"),
        ("exit", "exit status 3"),
        ("raise", "a bug"),
        ("grow", "500x500"),
    ],
)
def test_whatever_kills_the_camera_becomes_an_error(then: str, message: str) -> None:
    with worker(at=2, then=then) as source:
        pid = pid_of(source)
        with pytest.raises(CameraError, match=message):  # noqa: PT012
            for _ in range(4):
                source.read(LONG_S)
        with pytest.raises(CameraError):
            source.read(LONG_S)
    assert not alive(pid)


def test_a_camera_that_does_not_open_says_why() -> None:
    with worker(then="not installed") as source, pytest.raises(CameraError, match="run this"):
        source.read(LONG_S)


@pytest.mark.parametrize("then", ["hang", "hang for good"])
def test_a_hanging_camera_is_noticed_and_killed(then: str) -> None:
    source = worker(at=1, then=then)
    with source:
        pid = pid_of(source)
        source.read(LONG_S)
        with pytest.raises(CameraError, match="hangs"):
            source.read(0.3)
    assert not alive(pid)


def test_a_worker_that_failed_is_not_asked_to_end() -> None:
    with worker(at=1, then="hang for good") as source:
        process = source._process
        source.read(LONG_S)
        with pytest.raises(CameraError, match="hangs"):
            source.read(0.1)
        assert process is not None
        asked: list[str] = []
        process.terminate = lambda: asked.append("SIGTERM")  # type: ignore[method-assign]
    assert asked == []


def test_a_worker_that_cannot_be_killed_is_said_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "END_STEP_S", 0.1)
    source = worker(at=1, then="hang for good")
    source.open()
    held = source._process
    assert held is not None
    source.read(LONG_S)
    held.kill = lambda: None  # type: ignore[method-assign] # as in uninterruptible sleep
    with pytest.raises(CameraError, match=r"hangs$"):
        source.read(0.1)
    with source:
        source.read(LONG_S)
        with pytest.raises(CameraError, match="reboot"):
            source.read(0.1)
    del held.kill
    held.kill()
    held.join(LONG_S)
    with source:
        source.read(LONG_S)
        with pytest.raises(CameraError, match=r"hangs$"):
            source.read(0.1)


def test_a_stopped_worker_is_killed() -> None:
    """SIGSTOP is the nearest to uninterruptible sleep that a test can make."""
    with worker() as source:
        pid = pid_of(source)
        source.read(LONG_S)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(CameraError, match="hangs"):  # noqa: PT012
            for _ in range(20):
                source.read(0.3)
    assert not alive(pid)


def test_old_frames_are_not_given_out() -> None:
    messages = []
    with worker(max_age_s=1.0, age_s=5.0) as source:
        while not any("older than 1 s" in message for message in messages):
            with pytest.raises(CameraError) as caught:
                source.read(0.5)
            messages.append(str(caught.value))
            assert len(messages) < LONG_S / 0.5


def test_it_can_be_opened_again_after_a_crash() -> None:
    source = worker(at=1, then="crash")
    for _ in range(2):
        with source:
            assert source.read(LONG_S).index == 0
            with pytest.raises(CameraError):
                source.read(LONG_S)


_UNKILLABLE = """
import os, signal
from functools import partial
from appliance.camera.worker import WorkerCamera
from tests.camera.child_cameras import SIZE, ChildCamera

source = WorkerCamera(partial(ChildCamera), largest_px=SIZE[0] * SIZE[1], max_age_s=10.0)
source.open()
source.read(30.0)
process = source._process
print(process.pid, flush=True)
# As in uninterruptible sleep: no signal reaches it.
os.kill(process.pid, signal.SIGSTOP)
process.kill = process.terminate = process._popen.kill = process._popen.terminate = lambda: None
source.close()
"""


def test_a_worker_that_nothing_ends_does_not_hold_up_the_end_of_the_appliance() -> None:
    """Python itself waits for its children at the end, and would for ever."""
    with subprocess.Popen(
        [sys.executable, "-c", _UNKILLABLE],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as appliance:
        assert appliance.stdout is not None
        child = int(appliance.stdout.readline())
        try:
            assert appliance.wait(LONG_S) == 0
        finally:
            os.kill(child, signal.SIGKILL)
            appliance.kill()


def test_closing_is_idempotent_and_leaves_nothing() -> None:
    source = worker()
    source.close()
    source.open()
    source.open()
    source.close()
    source.close()
    assert not [child for child in multiprocessing.active_children() if child.name == "camera"]
    with pytest.raises(CameraError, match="not open"):
        source.read(1.0)
