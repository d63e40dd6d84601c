"""The line's intake: one recovery path for whatever a camera does."""

import queue
import threading

import numpy as np
import pytest

from appliance.budget import Budget
from appliance.clock import SystemClock
from appliance.line.trigger import TrayEvent
from appliance.picture import Picture
from appliance.service import intake as intake_module
from appliance.service.intake import Intake
from tests.service.lines import EveryFrame, ScriptedCamera, gone, noisy

BUDGET = Budget(total_s=5.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_FIRST_RETRY_S", 0.01)


def run(
    script: list[Picture | Exception], *, room: int = 100
) -> tuple[Intake, ScriptedCamera, list[int], list[int]]:
    """Run an intake to its script's end; return it, its camera, and the trays queued and turned away."""
    clock = SystemClock()
    camera = ScriptedCamera(script, clock)
    trays: queue.Queue[TrayEvent] = queue.Queue(room)
    turned_away: list[int] = []
    line = Intake(
        camera,
        EveryFrame(),
        trays,
        overflowing=lambda event: turned_away.append(event.number),
        budget=BUDGET,
        clock=clock,
    )
    line.run(threading.Event())
    queued = [trays.get_nowait().number for _ in range(trays.qsize())]
    return line, camera, queued, turned_away


def test_every_tray_is_queued_and_the_end_is_said() -> None:
    line, camera, queued, turned_away = run([noisy(1), noisy(2), noisy(3)])
    assert queued == [1, 2, 3]
    assert turned_away == []
    assert line.ended.is_set()
    assert line.fault is None
    assert camera.closed == camera.opened == 1


def test_a_camera_that_fails_is_opened_again() -> None:
    line, camera, queued, _ = run([noisy(1), gone(), gone(), noisy(2)])
    assert queued == [1, 2]
    assert camera.opened == camera.closed == 3
    assert line.fault is None


def test_a_fault_is_known_while_it_lasts() -> None:
    clock = SystemClock()
    stop = threading.Event()
    line = Intake(
        ScriptedCamera([gone()] * 100, clock),
        EveryFrame(),
        queue.Queue(),
        overflowing=lambda _: None,
        budget=BUDGET,
        clock=clock,
    )
    since_s = clock.monotonic_s()
    thread = threading.Thread(target=line.run, args=(stop,))
    thread.start()
    stop.wait(0.2)
    stop.set()
    thread.join(5.0)
    assert line.fault == "the camera is gone"
    assert line.seconds_without_frame(since_s) >= 0.2


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_pictures_are_no_trays(level: int) -> None:
    _, _, queued, _ = run([noisy(1), np.full((120, 160, 3), level, np.uint8), noisy(2)])
    assert queued == [1, 3]


def test_a_camera_that_stays_black_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "camera_stall_s", 1e-9)
    black = np.zeros((120, 160, 3), np.uint8)
    _, camera, queued, _ = run([noisy(1), black, noisy(2)])
    assert queued == [1, 3]
    assert camera.opened == 2


def test_a_full_queue_turns_trays_away_and_says_so() -> None:
    _, _, queued, turned_away = run([noisy(n) for n in range(5)], room=2)
    assert queued == [1, 2]
    assert turned_away == [3, 4, 5]
