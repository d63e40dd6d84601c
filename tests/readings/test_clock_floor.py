"""Stamps of a box without a clock: never behind those of an earlier boot."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.readings.clock_floor import ClockFloor
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.readings.clocks import SetClock
from tests.readings.examples import draft
from tests.readings.places import in_memory

LUNCH = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
NEVER_SET = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock-floor"


def clock_at(now: datetime, now_s: float = 5.0) -> SetClock:
    clock = SetClock()
    clock.now, clock.now_s = now, now_s
    return clock


def test_a_clock_that_starts_anew_goes_on_from_the_last_time_known(file: Path) -> None:
    ClockFloor(file, clock_at(LUNCH)).save("synced")
    clock = clock_at(NEVER_SET)
    floor = ClockFloor(file, clock)
    clock.pass_s(90)
    assert floor.stamp(clock.utc(), clock.monotonic_s(), "unsynced") == LUNCH + timedelta(seconds=90)
    assert floor.stamp(clock.utc(), clock.monotonic_s() - 1000, "unsynced") == LUNCH


def test_a_synchronised_clock_and_a_later_one_are_left_alone(file: Path) -> None:
    floor = ClockFloor(file, clock_at(LUNCH), newest=LUNCH)
    for state, stamp in (("synced", LUNCH - timedelta(days=1)), ("unsynced", LUNCH + timedelta(days=1))):
        assert floor.stamp(stamp, 5.0, state) == stamp
    assert ClockFloor(file, clock_at(LUNCH)).stamp(NEVER_SET, 5.0, "unsynced") == NEVER_SET, "nothing known"


def test_a_clock_that_was_once_far_ahead_does_not_stamp_all_readings_to_come(file: Path) -> None:
    """As one with a battery that is empty; the box is on a network without a time server since."""
    ClockFloor(file, clock_at(LUNCH)).save("synced")
    far = datetime(2099, 1, 1, tzinfo=UTC)
    floor = ClockFloor(file, clock_at(far), newest=LUNCH)
    assert floor.stamp(far, 5.0, "unsynced") == far, "it may be so"
    next_day = LUNCH + timedelta(days=1)
    floor = ClockFloor(file, clock_at(next_day), newest=far)
    assert floor.stamp(next_day, 5.0, "unsynced") == next_day
    assert floor.stamp(NEVER_SET, 5.0, "unsynced") == LUNCH


def test_only_synchronised_time_is_saved_and_not_too_often(file: Path) -> None:
    clock = clock_at(LUNCH)
    floor = ClockFloor(file, clock)
    floor.save("unsynced", at_once=True)
    assert not file.exists()
    floor.save("synced")
    first = file.read_text()
    clock.pass_s(599)
    floor.save("synced")
    assert file.read_text() == first
    floor.save("synced", at_once=True)
    second = file.read_text()
    clock.pass_s(600)
    floor.save("synced")
    assert len({first, second, file.read_text()}) == 3


@pytest.mark.parametrize("content", [b"", b"yesterday", b"\xff\xfe", b"9" * 400])
def test_a_broken_file_is_no_floor_and_is_said(
    file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(content)
    assert ClockFloor(file, clock_at(LUNCH)).stamp(NEVER_SET, 5.0, "unsynced") == NEVER_SET
    assert "holds no time" in caplog.text


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ClockFloor(tmp_path / "gone" / "file", clock_at(LUNCH)).save("synced")
    assert "the time cannot be saved" in caplog.text


@given(
    boots=st.lists(
        st.tuples(st.datetimes(max_value=datetime(2026, 1, 1)), st.lists(st.integers(0, 9000), max_size=4)),  # noqa: DTZ001
        min_size=2,
        max_size=5,
    )
)
def test_stamps_never_go_back_over_boots_that_never_learn_the_time(
    boots: list[tuple[datetime, list[int]]],
) -> None:
    place = in_memory()
    folder = Path(place.name)
    ClockFloor(folder / "clock-floor", clock_at(LUNCH)).save("synced")
    stamps = [LUNCH]
    for start, pauses_s in boots:
        clock = clock_at(start.replace(tzinfo=UTC))
        with Store(folder / "readings.sqlite", StoreSettings(), clock) as store:
            floor = ClockFloor(folder / "clock-floor", clock, store.newest_stamp())
            for pause_s in pauses_s:
                clock.pass_s(pause_s)
                stamp = floor.stamp(clock.utc(), clock.monotonic_s(), "unsynced")
                stamps.append(store.add(draft(captured_at=stamp, clock="unsynced")).captured_at)
                floor.save("unsynced")
    place.cleanup()
    assert all(earlier <= later for earlier, later in pairwise(stamps))
