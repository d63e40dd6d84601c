from dataclasses import replace

import pytest

from benchmarks.soak.beats import Beat
from benchmarks.soak.conduct import Played
from benchmarks.soak.faults import Overcome
from benchmarks.soak.line_report import Steps
from benchmarks.soak.passages import Passage
from benchmarks.soak.plan import Fault
from benchmarks.soak.report import report
from benchmarks.soak.subscriber import Received
from tests.readings.examples import draft

END_S = 120.0


def beats(*away: tuple[float, float]) -> list[Beat]:
    """Ten a second, but for the times when the process is away."""
    moments = [number / 10 for number in range(1, round(END_S * 10))]
    return [
        Beat(at_s, 1, at_s - 0.05, opened=1, answering=True, connected=True, pending=0, waiting=0)
        for at_s in moments
        if not any(from_s < at_s < to_s for from_s, to_s in away)
    ]


@pytest.fixture
def played() -> Played:
    readings = [draft().numbered(number) for number in (1, 2, 3)]
    received = Received()
    for reading in readings:
        received.readings[reading.id] = reading
        received.times[reading.id] = 1
    killed = Overcome(Fault("service killed", 100.0, 0.0), 100.0, 3.0)
    return Played(
        started_s=0.0,
        from_s=0.0,
        to_s=END_S,
        passages=[Passage(0, 50.0, 50.5), Passage(1, 110.0, 110.5)],
        overcome=[Overcome(Fault("camera black", 20.0, 0.0), 20.0, 1.0), killed],
        beats=beats((100.0, 103.0)),
        samples=[],
        received=received,
        stored=readings,
        steps=Steps(0.0, ()),
        starts=2,
        starved=0,
        exit_status=0,
        lost_by_store=0,
    )


def test_what_ends_the_service_is_told_apart(played: Played) -> None:
    told = report(played)
    assert told.whole.service_up == pytest.approx(1 - 3.0 / END_S, abs=1e-3)
    assert told.gentle.service_up == 1.0
    assert (told.whole.faults, told.gentle.faults) == (2, 1)
    assert (told.whole.line.trays, told.gentle.line.trays) == (2, 1)
    assert "before the first fault" in told.as_text()
    assert not list(told.failures())


def test_a_number_that_never_arrived_is_a_loss(played: Played) -> None:
    last = max(played.received.readings.values(), key=lambda reading: reading.sequence)
    del played.received.readings[last.id]
    told = report(played)
    assert told.lost == 1
    assert "1 readings lost" in told.as_text()


def test_a_gap_is_a_loss_though_the_store_has_forgotten_it(played: Played) -> None:
    first = min(played.received.readings.values(), key=lambda reading: reading.sequence)
    del played.received.readings[first.id]
    assert report(replace(played, stored=[])).lost == 1


def test_what_does_not_recover_and_a_bad_end_are_failures(played: Played) -> None:
    stuck = Overcome(Fault("disk full", 30.0, 5.0), 30.0, None)
    told = report(replace(played, overcome=[stuck], exit_status=-9))
    assert list(told.failures()) == [
        "disk full: 1 of 1 not recovered",
        "the service ended with status -9",
    ]
    assert told.gentle.minutes == told.whole.minutes
