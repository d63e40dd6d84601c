import math

import pytest

from benchmarks.soak.availability import EXPECTED, by_kind, down_spans, lasting_s, project
from benchmarks.soak.beats import Beat
from benchmarks.soak.faults import Overcome
from benchmarks.soak.plan import KINDS, Fault, Kind


def beat(at_s: float, frame_s: float | None = None) -> Beat:
    frame_s = at_s - 0.05 if frame_s is None else frame_s
    return Beat(at_s, 1, frame_s, opened=1, answering=True, connected=True, pending=0, waiting=0)


def steady(from_s: float, to_s: float) -> list[Beat]:
    return [beat(from_s + number / 10) for number in range(round((to_s - from_s) * 10))]


def overcome(kind: Kind, began_s: float, recovered_s: float | None) -> Overcome:
    return Overcome(Fault(kind, began_s, 0.0), began_s, recovered_s)


def test_all_is_well_while_beats_and_frames_come() -> None:
    assert down_spans(steady(0, 60), 0, 60) == ([], [])


def test_a_process_that_is_away_counts_from_its_last_beat_to_the_first_new_one() -> None:
    down, unseen = down_spans([*steady(0, 10), *steady(14, 60)], 0, 60)
    assert lasting_s(down) == pytest.approx(4.1)
    assert lasting_s(unseen) == pytest.approx(4.1)


def test_a_camera_without_true_frames_is_an_outage_of_the_second_kind_alone() -> None:
    blind = [beat(10 + number / 10, frame_s=9.95) for number in range(30)]
    down, unseen = down_spans([*steady(0, 10), *blind, *steady(13, 60)], 0, 60)
    assert down == []
    assert lasting_s(unseen) == pytest.approx(3.0, abs=0.1)


def test_silence_until_the_end_counts_to_the_end() -> None:
    down, _ = down_spans(steady(0, 10), 0, 60)
    assert lasting_s(down) == pytest.approx(50.1)


def test_outages_belong_to_the_fault_before_them() -> None:
    faults = [overcome("camera black", 10, 2.0), overcome("networks abort", 20, 1.0)]
    faults.append(overcome("camera black", 30, None))
    table = by_kind(faults, [(11.0, 13.0), (31.0, 45.0)], 60)
    assert table["camera black"].unseen_s == (2.0 + 14.0) / 2
    assert table["networks abort"].unseen_s == 0
    assert (table["camera black"].count, table["camera black"].not_recovered) == (2, 1)
    assert table["camera black"].p95_s == 2.0


def test_a_kind_that_never_recovered_has_no_figures() -> None:
    table = by_kind([overcome("disk full", 10, None)], [], 60)
    assert math.isnan(table["disk full"].p50_s)


def test_a_run_without_faults_has_no_kinds() -> None:
    assert by_kind([], [(1.0, 2.0)], 60) == {}


def test_projection_multiplies_what_was_measured_by_how_often_it_is_assumed() -> None:
    table = by_kind([overcome("camera frozen", 10, 3.0)], [(10.0, 13.0)], 60)
    projected = project(table)
    assert projected.minutes_by_kind["camera frozen"] == pytest.approx(EXPECTED["camera frozen"] * 3 / 60)
    assert projected.minutes_down == pytest.approx(sum(projected.minutes_by_kind.values()))
    assert 0.999 < projected.availability < 1


def test_every_kind_has_an_assumed_rate() -> None:
    assert set(EXPECTED) == set(KINDS)
