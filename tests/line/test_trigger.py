from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from appliance.camera.frame import Frame
from appliance.camera.settings import SimulatorSettings
from appliance.line.rectangles import Rectangle
from appliance.line.track import Sighting, Track
from appliance.line.trigger import Trigger, TriggerSettings
from benchmarks.trigger import run
from tests.line.drawn_line import SIZE, TRAY, Shot, Tray, watch

EMPTY = [Shot()] * 10


def lying(frames: int, tray: Tray | None = None) -> list[Shot]:
    return [Shot((tray or Tray(),))] * frames


def coming(tray: Tray, frames: int = 5) -> list[Shot]:
    ways = np.linspace(SIZE[1], 0, frames + 1)[:-1]
    return [Shot((Tray(tray.x, tray.y + way, tray.angle, tray.food),)) for way in ways]


@pytest.mark.parametrize("belt", [25, 60, 235])
@pytest.mark.parametrize("angle", [0, 33, 90, 145])
def test_a_tray_set_down_counts_once_and_soon(belt: int, angle: float) -> None:
    tray = Tray(angle=angle)
    shots = [*EMPTY, *coming(tray), *lying(40, tray), *coming(tray)[::-1], *EMPTY]
    [(at_s, event)] = watch(shots, belt=belt)
    assert event.reason == "settled"
    assert at_s <= 1.5 + 1.0
    assert np.allclose(np.mean(event.corners_px, axis=0), (160, 120), atol=6)


def test_a_tray_that_stays_counts_once() -> None:
    assert len(watch([*EMPTY, *lying(300)])) == 1


def test_a_tray_there_at_the_start_counts_once_also_when_it_leaves() -> None:
    shots = [*lying(30), *coming(Tray())[::-1], *[Shot()] * 40]
    assert len(watch(shots)) == 1
    assert len(watch(shots, size=None)) == 1


def test_the_next_tray_in_the_same_place_is_a_new_one() -> None:
    tray, other = Tray(), Tray(food=30)
    shots = [*EMPTY]
    for one in (tray, other, tray):
        shots += [*coming(one), *lying(12, one), *coming(one)[::-1]]
    assert len(watch([*shots, *EMPTY])) == 3


def test_pushing_and_turning_a_tray_counts_no_more() -> None:
    ways = [(160 + 4 * i, 120 - 2 * i, 3 * i) for i in range(10)]
    pushed = [Shot((Tray(*way),)) for way in ways]
    shots = [*EMPTY, *coming(Tray()), *lying(15), *pushed, *[pushed[-1]] * 20, *pushed[::-1], *lying(20)]
    assert len(watch([*shots, *EMPTY])) == 1


@pytest.mark.parametrize("gap", [0.0, 20.0])
@pytest.mark.parametrize("step", [12.0, 24.0])
@pytest.mark.parametrize("angle", [0, 90])
def test_a_row_of_trays_counts_each(gap: float, step: float, angle: float) -> None:
    pitch = (TRAY[0] if angle == 0 else TRAY[1]) + gap
    shots = [*EMPTY]
    front = -100.0
    while front - 3 * pitch < SIZE[0] + 100:
        shots.append(Shot(tuple(Tray(front - i * pitch, 120, angle, food=40 + 40 * i) for i in range(4))))
        front += step
    events = watch([*shots, *EMPTY])
    assert len(events) == 4
    assert len({event.number for _, event in events}) == 4


def test_a_row_that_stops_anywhere_counts_each_once() -> None:
    for stop in (60.0, 150.0, 240.0):
        ways = [*np.arange(-100, stop, 16), *[stop] * 25, *np.arange(stop, 620, 16)]
        shots = [Shot(tuple(Tray(x - i * TRAY[0]) for i in range(2))) for x in ways]
        assert len(watch([*EMPTY, *shots, *EMPTY])) == 2, stop


def test_hands_and_napkins_are_no_trays() -> None:
    hand = [
        Shot(boxes=((140, 240 - 10 * i, 60, 400, 170),)) for i in [*range(18), *[17] * 20, *range(17, -1, -1)]
    ]
    napkin = [Shot(boxes=((12 * i - 80, 90, 70, 60, 245),)) for i in range(35)]
    assert watch([*EMPTY, *hand, *EMPTY, *napkin, *EMPTY]) == []


def test_a_hand_over_a_lying_tray_counts_nothing_more() -> None:
    reach = [*range(18), *[17] * 10, *range(17, -1, -1)]
    hand = [Shot((Tray(),), boxes=((130, 240 - 11 * i, 70, 400, 110),)) for i in reach]
    assert len(watch([*EMPTY, *coming(Tray()), *lying(15), *hand, *lying(15), *hand, *lying(5)])) == 1


@pytest.mark.parametrize("other", [0.4, 0.7, 1.2])
@pytest.mark.parametrize("trays", [(), (Tray(angle=20),)])
def test_lamps_count_nothing(other: float, trays: tuple[Tray, ...]) -> None:
    shots = [Shot(trays, light) for light in [1.0] * 20 + [other] * 20 + [1.0] * 20]
    assert len(watch(shots)) == len(trays)


def test_slow_drift_counts_nothing() -> None:
    shots = [Shot(light=1 + 0.4 * np.sin(i / 40)) for i in range(250)]
    assert watch([*shots, *coming(Tray()), *lying(12)])[0][0] > 25


def test_litter_on_the_belt_hides_no_tray() -> None:
    napkin = (200, 30, 60, 50, 240)
    shots = [Shot(boxes=(napkin,))] * 100
    shots += [Shot((Tray(float(x)),)) for x in range(-100, 420, 20)]
    assert len(watch([*EMPTY, *shots, *EMPTY])) == 1


def test_a_tray_cut_by_the_edge_is_not_whole() -> None:
    tray = Tray(x=60)
    assert watch([*EMPTY, *coming(tray), *lying(40, tray)]) == []


def test_events_know_their_times() -> None:
    [(at_s, event)] = watch([*EMPTY, *coming(Tray()), *lying(30)])
    assert event.triggered_s == pytest.approx(1000 + at_s)
    assert event.first_seen_s <= event.frame.captured_s <= event.last_seen_s <= event.triggered_s
    assert event.sharpness > 0
    assert event.sides > 0.8
    assert event.in_view == pytest.approx(1.0, abs=0.03)


def test_a_recordings_end_reports_the_tray_in_view() -> None:
    [(_, event)] = watch([*EMPTY, *coming(Tray()), *lying(2)])
    assert event.reason == "end"


def test_the_size_is_learnt_from_the_first_lone_tray() -> None:
    shots = [*EMPTY, *coming(Tray(angle=15)), *lying(20, Tray(angle=15))]
    [(_, event)] = watch(shots, size=None)
    sides = np.linalg.norm(np.diff(np.asarray(event.corners_px), axis=0), axis=1)
    assert sorted(sides)[0] == pytest.approx(TRAY[1], rel=0.05)
    assert sorted(sides)[-1] == pytest.approx(TRAY[0], rel=0.05)


def test_a_wrong_size_is_corrected_in_the_end() -> None:
    """The camera was hung lower since: trays are larger than those that were calibrated."""
    shots = [*EMPTY, *coming(Tray()), *lying(120)]
    assert len(watch(shots, size=(TRAY[0] * 0.75, TRAY[1] * 0.75))) == 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (37, 53), (480, 640)])
def test_any_picture_size_is_taken(shape: tuple[int, int]) -> None:
    trigger = Trigger(TriggerSettings())
    rng = np.random.default_rng(2)
    for i in range(5):
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        assert trigger.feed(Frame(image, i * 0.1, datetime(2026, 3, 2, tzinfo=UTC), i)) == []


def test_a_change_of_size_and_a_clock_that_stands_do_no_harm() -> None:
    trigger = Trigger(TriggerSettings(), TRAY)
    for i, shape in enumerate([(240, 320), (120, 160), (240, 320), (240, 320)]):
        image = np.full((*shape, 3), 90, np.uint8)
        assert trigger.feed(Frame(image, 5.0, datetime(2026, 3, 2, tzinfo=UTC), i)) == []


def simulated(trays: int, **chosen: object) -> None:
    settings = SimulatorSettings.model_validate(
        {"trays_per_minute": 60, "fps": 10, "width": 320, "height": 240, **chosen}
    )
    count = run(settings, trays)
    assert count.sent.total() >= trays
    assert (count.missed, count.double, count.false) == ({}, {}, [])
    assert count.events.total() == count.sent.total()
    assert max(count.delays_s) < 3.5


@pytest.mark.parametrize("belt", ["dark", "light"])
def test_no_simulated_tray_is_missed_or_counted_twice(belt: str) -> None:
    weights = {"glide": 1.0, "tailgate": 2.0, "belt_stop": 1.0, "set_down": 3.0, "nudge": 1.0, "stay": 0.0}
    simulated(12, belt=belt, seed=5, **weights)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("trays", "chosen"),
    [
        (1000, {"seed": 101}),
        (500, {"seed": 102, "belt": "light"}),
        (300, {"seed": 103, "tilt_deg": 10}),
        (200, {"seed": 104, "tray": "plastic-4"}),
        (200, {"seed": 105, "trays_per_minute": 12}),
    ],
)
def test_no_tray_of_thousands_is_missed_or_counted_twice(trays: int, chosen: dict[str, object]) -> None:
    simulated(trays, **chosen)


@pytest.mark.parametrize(("shift", "apart"), [(0.0, False), (0.5, False), (0.7, False), (0.95, True)])
def test_no_tray_begins_inside_another(shift: float, apart: bool) -> None:  # noqa: FBT001
    place = Rectangle(60, 48, 68, 53, 0, sides=1.0, weakest=1.0, in_view=1.0, covered=1.0)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 100.0, datetime(2026, 3, 2, tzinfo=UTC), 0)
    settings = TriggerSettings()
    track = Track(0, Sighting(place, frame, True, True, 1.0), settings, 1.0)  # noqa: FBT003
    beside = replace(place, y=place.y + shift * place.short)
    assert Trigger(settings)._apart(beside, track) is apart
