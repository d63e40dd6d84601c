"""The line's intake: one recovery path for whatever a camera does."""

import queue
import threading

import numpy as np
import pytest

from appliance.budget import Budget
from appliance.camera.health import FROZEN_FRAMES
from appliance.clock import SystemClock
from appliance.line.trigger import TrayEvent
from appliance.picture import Picture
from appliance.service.intake import Intake
from tests.camera.fake_clock import FakeClock
from tests.service.lines import EveryFrame, ScriptedCamera, Sleeps, TimedCamera, Waits, gone, noisy

BUDGET = Budget(total_s=5.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "camera_retry_s", 0.01)
    monkeypatch.setattr(Budget, "camera_retry_most_s", 0.02)


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
    assert line.reopened == 2
    assert line.fault is None


def test_a_camera_that_ran_well_is_opened_again_at_once_and_one_that_fails_again_later() -> None:
    clock = FakeClock()
    stop = Waits()
    frames = [noisy(n) for n in range(12)]
    line = Intake(
        TimedCamera([*frames, gone(), gone(), gone(), *frames, gone()], clock),
        EveryFrame(),
        queue.Queue(),
        overflowing=lambda _: None,
        budget=BUDGET,
        clock=clock,
    )
    line.run(stop)
    assert stop.waited_s[0] == stop.waited_s[3] == 0.0
    assert all(waited_s > 0 for waited_s in stop.waited_s[1:3])


def test_a_camera_that_does_not_come_back_is_revived_but_not_all_the_time() -> None:
    clock = FakeClock()
    revived_s: list[float] = []

    def revive() -> bool:
        revived_s.append(clock.now_s - began_s)
        return True

    began_s, hour = clock.now_s, 3600
    line = Intake(
        TimedCamera([*[gone()] * hour, noisy(1)], clock),
        EveryFrame(),
        queue.Queue(),
        overflowing=lambda _: None,
        budget=BUDGET,
        clock=clock,
        revive=revive,
    )
    line.run(Waits())
    assert revived_s[0] < BUDGET.camera_away_s, "it is tried before the watchdog bites"
    assert line.revived == len(revived_s)
    assert 4 <= line.revived <= 8
    assert line.fault is None


@pytest.mark.parametrize(
    "spell",
    [[*[noisy(1)] * (FROZEN_FRAMES + 1)], [noisy(1), gone()]],
    ids=["frozen", "dies after a frame"],
)
def test_a_camera_that_never_runs_well_is_told_though_each_opening_gives_frames(
    spell: list[Picture | Exception],
) -> None:
    clock = FakeClock()
    camera = TimedCamera([*[noisy(n) for n in range(30)], gone(), *spell * 50, noisy(2)], clock, 0.1)
    line = Intake(camera, EveryFrame(), queue.Queue(), overflowing=lambda _: None, budget=BUDGET, clock=clock)
    ailing_s, began_s = list[float](), clock.now_s
    camera.watch = lambda: ailing_s.append(line.seconds_ailing())
    line.run(Sleeps(clock))
    assert ailing_s[:31] == [0.0] * 31, "one failure is none"
    assert max(ailing_s) > 5.0
    assert line.seconds_without_frame(began_s) < 5.0


def test_a_camera_that_runs_well_again_ails_no_more() -> None:
    clock = FakeClock()
    spells = [gone(), gone(), *[noisy(n) for n in range(120)]]
    camera = TimedCamera(spells * 3, clock, 0.1)
    line = Intake(camera, EveryFrame(), queue.Queue(), overflowing=lambda _: None, budget=BUDGET, clock=clock)
    ailing_s = list[float]()
    camera.watch = lambda: ailing_s.append(line.seconds_ailing())
    line.run(Sleeps(clock))
    assert 0 < max(ailing_s) < BUDGET.camera_ailing_s
    assert line.seconds_ailing() == 0.0


def test_a_silent_camera_is_given_up_sooner_when_its_frames_came_fast() -> None:
    clock = FakeClock()
    slow, fast = (
        TimedCamera([*[noisy(n) for n in range(40)], gone()], clock, frame_s) for frame_s in (0.25, 0.1)
    )
    for camera in (slow, fast):
        Intake(
            camera,
            EveryFrame(),
            queue.Queue(),
            overflowing=lambda _: None,
            budget=BUDGET,
            clock=clock,
        ).run(threading.Event())
    assert slow.allowed_s[0] == fast.allowed_s[0] == BUDGET.camera_open_s
    assert slow.allowed_s[40] == pytest.approx(2.5)
    assert fast.allowed_s[40] == pytest.approx(2.0)


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


def test_a_frozen_camera_is_opened_again_at_once() -> None:
    _, camera, _, _ = run([noisy(1)] * (FROZEN_FRAMES + 1) + [noisy(2)])
    assert camera.opened == 2


def test_a_dark_night_is_said_but_is_no_reason_for_a_restart_nor_to_open_the_camera_all_the_time() -> None:
    clock = FakeClock()
    night_s = 8 * 3600.0
    black = np.zeros((120, 160, 3), np.uint8)
    camera = TimedCamera([noisy(0), *[black] * int(night_s), noisy(1)], clock, frame_s=1.0)
    began_s, blind_s = clock.now_s, list[float]()
    line = Intake(camera, EveryFrame(), queue.Queue(), overflowing=lambda _: None, budget=BUDGET, clock=clock)
    camera.watch = lambda: blind_s.append(line.seconds_without_frame(began_s))
    line.run(Waits())
    assert max(blind_s) < BUDGET.camera_stall_s + BUDGET.camera_open_s
    assert camera.opened < 40
    assert line.fault is None


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
