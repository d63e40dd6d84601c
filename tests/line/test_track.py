from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.camera.frame import Frame
from appliance.line.rectangles import Rectangle
from appliance.line.settings import TriggerSettings
from appliance.line.track import Sighting, State, Track, TrayEvent

PLACE = Rectangle(60, 48, 68, 53, 10, sides=1.0, weakest=1.0, in_view=1.0, covered=1.0)
SETTINGS = TriggerSettings()
PERIOD_S = 0.1


def sighting(
    at_s: float, x: float = 60, *, whole: bool = True, calm: bool = True, sharp: float = 100
) -> Sighting:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), at_s, datetime(2026, 3, 2, tzinfo=UTC), 0)
    place = replace(PLACE, x=x, in_view=1.0 if whole else 0.6)
    return Sighting(place, frame, whole, calm, sharp if whole else 0.0)


def new_track(first: Sighting) -> tuple[Track, TrayEvent | None]:
    track = Track(0, first, SETTINGS, 10.0)
    return track, track.see(first)


class Line(RuleBasedStateMachine):
    """Whatever happens to a tray, in any order: one event at most, with a whole tray that was really seen."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.wholes: list[Frame] = []
        self.events: list[TrayEvent] = []
        self.order = [State.ENTERING]
        first = sighting(self.now_s, whole=False)
        self.track, event = new_track(first)
        assert event is None

    def _take(self, event: TrayEvent | None) -> None:
        if event is not None:
            self.events.append(event)
        if self.track.state is not self.order[-1]:
            self.order.append(self.track.state)

    @rule(
        passed=st.floats(0.03, 1.5),
        step=st.floats(-7, 7),
        whole=st.booleans(),
        calm=st.booleans(),
        sharp=st.floats(0, 1000),
    )
    def see(self, passed: float, step: float, whole: bool, calm: bool, sharp: float) -> None:  # noqa: FBT001
        self.now_s += passed
        seen = sighting(self.now_s, 60 + step, whole=whole, calm=calm, sharp=sharp)
        alive = self.track.state is not State.GONE
        if whole and alive:
            self.wholes.append(seen.frame)
        self._take(self.track.see(seen))

    @rule(passed=st.floats(0.03, 1.5), bare=st.booleans(), outside=st.booleans())
    def miss(self, passed: float, bare: bool, outside: bool) -> None:  # noqa: FBT001
        self.now_s += passed
        self._take(self.track.miss(self.now_s, bare=bare, outside=outside))

    @rule()
    def end(self) -> None:
        self._take(self.track.end(self.now_s))

    @invariant()
    def one_event_at_most_and_it_shows_a_whole_tray(self) -> None:
        assert len(self.events) <= 1
        for event in self.events:
            assert any(event.frame is frame for frame in self.wholes)
            assert event.first_seen_s <= event.frame.captured_s <= event.last_seen_s <= event.triggered_s

    @invariant()
    def states_never_go_back(self) -> None:
        ranks = [list(State).index(state) for state in self.order]
        assert ranks == sorted(ranks)

    @invariant()
    def every_whole_tray_that_is_gone_was_reported(self) -> None:
        if self.track.state is State.GONE and self.wholes:
            assert len(self.events) == 1


Line.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLine = Line.TestCase


def run(steps: list[Sighting | tuple[bool, bool]]) -> list[tuple[float, TrayEvent]]:
    """Feed a track; a pair stands for a frame without the tray: (bare, outside)."""
    track: Track | None = None
    events = []
    for i, step in enumerate(steps):
        now_s = i * PERIOD_S
        if isinstance(step, Sighting):
            frame = replace(step.frame, captured_s=now_s)
            step = replace(step, frame=frame)  # noqa: PLW2901
            track = track or Track(0, step, SETTINGS, 10.0)
            event = track.see(step)
        else:
            assert track is not None
            event = track.miss(now_s, bare=step[0], outside=step[1])
        if event is not None:
            events.append((now_s, event))
    return events


def test_a_tray_that_lies_is_reported_soon_and_once() -> None:
    steps = [sighting(0, 20, whole=False), sighting(0, 40), *[sighting(0)] * 200]
    [(at_s, event)] = run(list(steps))
    assert event.reason == "settled"
    assert at_s <= 0.2 + SETTINGS.settle_s + 2 * PERIOD_S


def test_a_gliding_tray_is_reported_when_it_begins_to_leave() -> None:
    xs = [20.0, 32, 44, 56, 68, 80, 92]
    steps = [sighting(0, x, whole=32 <= x <= 80, sharp=500 if x == 56 else 100) for x in xs]
    [(at_s, event)] = run(list(steps))
    assert (event.reason, at_s) == ("leaving", 6 * PERIOD_S)
    assert event.frame.captured_s == 3 * PERIOD_S, "the sharpest frame"


def test_a_hand_on_the_tray_makes_it_wait_but_not_for_ever() -> None:
    [(at_s, event)] = run([sighting(0, calm=False) for _ in range(100)])
    assert event.reason == "waited"
    assert SETTINGS.longest_wait_s <= at_s <= SETTINGS.longest_wait_s + PERIOD_S


def test_a_calm_frame_is_preferred_to_one_with_a_moving_hand() -> None:
    [(_, event)] = run([sighting(0, calm=False, sharp=110), *[sighting(0, sharp=100)] * 8])
    assert event.frame.captured_s > 0


def test_a_tray_seen_in_part_only_is_none() -> None:
    steps: list[Sighting | tuple[bool, bool]] = [sighting(0, x, whole=False) for x in range(20, 60, 8)]
    assert run([*steps, (False, True)]) == []


def test_one_glimpse_is_not_believed() -> None:
    assert run([sighting(0), (True, False), (True, False), (True, False)]) == []


def test_a_hidden_tray_that_never_comes_back_is_reported() -> None:
    lying: list[Sighting | tuple[bool, bool]] = [sighting(0, calm=False)] * 5
    [(at_s, event)] = run([*lying, *[(False, False)] * 100])
    assert event.reason == "waited"
    assert at_s <= SETTINGS.longest_wait_s + PERIOD_S


def test_corners_are_those_of_the_frame() -> None:
    [(_, event)] = run([sighting(0)] * 8)
    corners = np.asarray(event.corners_px)
    assert np.allclose(corners.mean(axis=0), [(60 + 0.5) * 10 - 0.5, (48 + 0.5) * 10 - 0.5], atol=1e-2)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert np.allclose(np.sort(sides), [530, 530, 680, 680], atol=0.1)


def test_a_rectangle_laid_across_two_trays_for_one_frame_is_not_measured() -> None:
    whole_elsewhere = sighting(100.2, x=95, sharp=900)
    track, _ = new_track(sighting(100.0, x=10, whole=False))
    events = [
        track.see(one)
        for one in (
            sighting(100.1, x=12, whole=False),
            whole_elsewhere,
            sighting(100.3, x=18, whole=False),
            sighting(100.4, x=36, whole=False),
            sighting(100.5, x=54),
            sighting(100.6, x=72),
            sighting(100.7, x=90, whole=False),
        )
    ]
    [event] = [event for event in events if event is not None]
    assert event.frame is not whole_elsewhere.frame
    assert event.frame.captured_s in {100.5, 100.6}


def test_a_tray_that_is_whole_in_one_frame_only_is_reported() -> None:
    track, _ = new_track(sighting(100.0, x=10, whole=False))
    steps = (sighting(100.1, x=28, whole=False), sighting(100.2, x=46), sighting(100.3, x=64, whole=False))
    events = [track.see(one) for one in steps]
    assert [event is not None for event in events] == [False, False, True]
