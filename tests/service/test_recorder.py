"""Readings on their way to the disk: which of them count as refused by it."""

from collections.abc import Callable
from datetime import UTC, datetime

from appliance.clock import Deadline, SystemClock
from appliance.errors import StoreError
from appliance.readings.boot import boot_id
from appliance.readings.measurement import Outcome
from appliance.readings.reading import Draft, Origin
from appliance.service.recorder import Recorder
from tests.camera.fake_clock import FakeClock

DRAFT = Draft(
    origin=Origin("site", "box", boot_id()),
    outcome=Outcome(status="rejected", reason="scripted", path="fallback", latency_ms={"total": 1.0}),
    captured_at=datetime(2026, 1, 5, 12, tzinfo=UTC),
    clock="synced",
    models={},
)


class Disk:
    """A store that does what it is told to for every reading."""

    def __init__(self) -> None:
        self.work: Callable[[], None] = lambda: None

    def add(self, _draft: Draft) -> None:
        self.work()


def refuse() -> None:
    raise StoreError("the disk is full")


def test_a_reading_that_is_being_written_does_not_count_as_refused() -> None:
    disk = Disk()
    recorder = Recorder(disk)
    seen: list[int] = []
    disk.work = lambda: seen.append(recorder.waiting)
    assert recorder.record(DRAFT)
    assert seen == [0]


def test_many_that_wait_are_stored_bit_by_bit_so_that_nobody_waits_for_all_of_them() -> None:
    disk, stored = Disk(), list[int]()
    recorder = Recorder(disk)
    disk.work = refuse
    for _ in range(100):
        recorder.record(DRAFT)
    disk.work = lambda: stored.append(1)
    assert not recorder.retry()
    assert (len(stored), recorder.waiting) == (20, 80)
    recorder.finish(Deadline.after(60.0, FakeClock()))
    assert (len(stored), recorder.waiting) == (100, 0)


def test_the_end_does_not_wait_for_a_disk_that_stays_full() -> None:
    disk, tried = Disk(), list[int]()
    recorder = Recorder(disk)

    def refuse_and_count() -> None:
        tried.append(1)
        refuse()

    disk.work = refuse_and_count
    recorder.record(DRAFT)
    recorder.finish(Deadline.after(60.0, FakeClock()))
    assert len(tried) == 2


def test_what_the_disk_refused_waits_until_it_takes_it() -> None:
    disk = Disk()
    recorder = Recorder(disk)
    disk.work = refuse
    assert not recorder.record(DRAFT)
    assert not recorder.record(DRAFT)
    assert recorder.waiting == 2
    disk.work = lambda: None
    assert recorder.retry()
    assert recorder.waiting == 0


def test_beyond_a_thousand_the_oldest_is_given_up_and_counted() -> None:
    disk = Disk()
    recorder = Recorder(disk)
    disk.work = refuse
    for _ in range(1003):
        recorder.record(DRAFT)
    assert (recorder.waiting, recorder.lost) == (1000, 3)
    disk.work = lambda: None
    recorder.finish(Deadline.after(120.0, SystemClock()))
    assert (recorder.waiting, recorder.lost) == (0, 3)
