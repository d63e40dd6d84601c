from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.readings.reading import Reading
from benchmarks.soak.line_report import LineReport, Steps, line_report
from benchmarks.soak.passages import Passage
from tests.readings.examples import draft, outcome

STARTED_S = 1000.0
UTC_S = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
STEPS = Steps(UTC_S, ())
LINE = [Passage(0, 3.0, 3.6), Passage(1, 5.0, 5.6), Passage(2, 5.4, 6.0)]


def reading(
    line_s: float, *, off_s: float = 0.0, latency_ms: float = 200.0, rejected: bool = False
) -> Reading:
    at = datetime.fromtimestamp(UTC_S, UTC) + timedelta(seconds=STARTED_S + line_s + off_s)
    if rejected:
        seen = outcome(status="rejected", reason="no tray", path="fallback", compartments=(), leftover=None)
    else:
        seen = outcome()
    seen = seen.model_copy(update={"latency_ms": {"total": latency_ms}})
    return draft(outcome=seen, captured_at=at).numbered(1)


def told(*readings: Reading, down: tuple[tuple[float, float], ...] = (), steps: Steps = STEPS) -> LineReport:
    return line_report(LINE, readings, steps, STARTED_S, down)


def test_each_tray_has_its_reading() -> None:
    report = told(reading(3.2), reading(5.2), reading(5.8))
    assert (report.trays, report.read, report.availability) == (3, 3, 1.0)


def test_two_trays_in_view_at_once_are_told_apart_by_who_leaves_first() -> None:
    assert told(reading(3.2), reading(5.5), reading(5.5)).read == 3


def test_a_tray_without_a_reading_is_missed_unless_nobody_could_see_it() -> None:
    assert told(reading(5.2), reading(5.8)).missed == 1
    blind = told(reading(5.2), reading(5.8), down=((1002.0, 1003.5),))
    assert (blind.blind, blind.missed) == (1, 0)
    assert blind.availability == 2 / 3


def test_second_readings_strays_rejected_and_late_ones_are_told_apart() -> None:
    report = told(
        reading(3.2), reading(3.4), reading(4.3), reading(5.2, rejected=True), reading(5.9, latency_ms=6e3)
    )
    assert (report.read, report.twice, report.strays, report.rejected, report.late) == (1, 1, 1, 1, 1)
    assert report.reasons == {"rejected: no tray": 1}


def test_readings_before_and_after_the_trays_that_count_are_left_out() -> None:
    assert told(reading(1.0), reading(3.2), reading(9.0)).strays == 0


@given(st.floats(-1e6, 1e6), st.floats(0, 100))
def test_a_stamp_is_taken_back_to_when_it_was_made_whatever_the_clock_said(off_s: float, at_s: float) -> None:
    steps = Steps(UTC_S, ((1020.0, 1040.0, off_s),))
    off = off_s if 20 <= at_s <= 40 else 0.0
    stamp = datetime.fromtimestamp(UTC_S, UTC) + timedelta(seconds=1000 + at_s + off)
    found = steps.monotonic_s(stamp)
    # A step of a few seconds can make two moments look alike; then either is right.
    alike = {1000 + at_s, 1000 + at_s - off_s, 1000 + at_s + off}
    assert min(abs(found - moment) for moment in alike) < 1e-3
