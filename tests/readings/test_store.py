import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.errors import StoreError
from appliance.readings import store as store_module
from appliance.readings.reading import Origin, Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Counts, Store
from tests.readings.clocks import SetClock
from tests.readings.examples import ORIGIN, draft

SETTINGS = StoreSettings()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "readings.db"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(file: Path, clock: SetClock) -> Iterator[Store]:
    with Store(file, SETTINGS, clock) as opened:
        yield opened


def test_readings_wait_in_order_until_they_are_sent(store: Store) -> None:
    added = [store.add(draft()) for _ in range(5)]
    assert [reading.sequence for reading in added] == [1, 2, 3, 4, 5]
    assert [Reading.from_json(waiting.payload) for waiting in store.pending(3)] == added[:3]
    store.mark_sent([added[1].id, added[0].id, uuid4()])
    assert [waiting.id for waiting in store.pending(9)] == [reading.id for reading in added[2:]]
    assert store.counts() == Counts(pending=3, sent=2, lost=0)


def test_a_sequence_goes_on_over_restarts_and_pruning(file: Path, clock: SetClock) -> None:
    with Store(file, SETTINGS, clock) as store:
        store.mark_sent([store.add(draft()).id, store.add(draft()).id])
        clock.pass_s(31 * 86_400)
        store.prune(clock.utc())
        assert store.counts() == Counts(pending=0, sent=0, lost=0)
    with Store(file, SETTINGS, clock) as store:
        assert store.add(draft()).sequence == 3
        assert store.alarm is None


def test_pruning_takes_some_at_a_time_the_oldest_first(
    file: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box that was off for a month has all of them to delete, and trays wait while it does."""
    monkeypatch.setattr(store_module, "_PRUNE_MOST", 10)
    with Store(file, SETTINGS, clock) as store:
        store.mark_sent([store.add(draft()).id for _ in range(25)])
        clock.pass_s(31 * 86_400)
        left = []
        for _ in range(3):
            store.prune(clock.utc())
            left.append(store.counts().sent)
        assert left == [15, 5, 0]


def test_every_device_has_its_own_sequence(store: Store) -> None:
    other = Origin("north", "line-2", ORIGIN.boot_id)
    assert [store.add(draft(origin=origin)).sequence for origin in (ORIGIN, other, ORIGIN)] == [1, 1, 2]


def test_a_draft_added_twice_is_one_reading(store: Store) -> None:
    one = draft()
    assert store.add(one) == store.add(one)
    assert (store.counts().pending, store.add(draft()).sequence) == (1, 2)


def test_a_draft_that_is_no_reading_takes_no_number(store: Store) -> None:
    with pytest.raises(ValueError, match="site"):
        store.add(draft(origin=Origin("a/b", "line-1", ORIGIN.boot_id)))
    assert store.add(draft()).sequence == 1


def test_a_clock_that_jumps_does_not_change_the_order(store: Store, clock: SetClock) -> None:
    added = []
    for days in (0, -9000, 40, -1):
        clock.now += timedelta(days=days)
        added.append(store.add(draft(captured_at=clock.utc())).id)
    assert [waiting.id for waiting in store.pending(9)] == added


def test_historical_is_what_the_monotonic_clock_and_the_boot_say(store: Store, clock: SetClock) -> None:
    store.add(draft(captured_at=datetime(1970, 1, 1, tzinfo=UTC)))
    [waiting] = store.pending(1)
    clock.now += timedelta(days=20_000)
    assert not waiting.historical(ORIGIN.boot_id, clock.now_s + 60, after_s=60)
    assert waiting.historical(ORIGIN.boot_id, clock.now_s + 60.1, after_s=60)
    assert waiting.historical(uuid4(), clock.now_s, after_s=60)
    assert Reading.from_json(waiting.late_payload()) == Reading.from_json(waiting.payload).late()
    store.add(draft(made_s=clock.now_s - 3600))
    assert store.pending(2)[1].historical(ORIGIN.boot_id, clock.now_s, after_s=60), "the disk took it late"


def test_a_payload_of_another_version_is_marked_late_as_it_is(store: Store, file: Path) -> None:
    store.add(draft())
    with sqlite3.connect(file) as db:
        db.execute(
            "UPDATE reading SET payload = ?", ('{"schema":"janban.reading/9","묻":1,"historical":false}',)
        )
    [waiting] = store.pending(1)
    assert json.loads(waiting.late_payload()) == {"schema": "janban.reading/9", "묻": 1, "historical": True}


def test_sent_readings_make_room_first_and_none_is_lost(file: Path, clock: SetClock) -> None:
    with Store(file, StoreSettings(max_mb=1), clock) as store:
        store.mark_sent([store.add(draft(meal="x" * 200)).id for _ in range(400)])
        waiting = [store.add(draft(meal="x" * 200)).id for _ in range(400)]
        counts = store.counts()
        assert [one.id for one in store.pending(1000)] == waiting
        assert 0 < counts.sent < 400
        assert counts.lost == 0
    assert file.stat().st_size < 1_300_000


def test_unsent_readings_beyond_the_bound_are_counted_and_logged(
    file: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(file, StoreSettings(max_mb=1), clock) as store:
        ids = [store.add(draft(meal="x" * 200)).id for _ in range(1000)]
        counts = store.counts()
        assert [one.id for one in store.pending(1000)] == ids[counts.lost :]
        assert counts.pending + counts.lost == 1000
        assert counts.lost > 0
    with Store(file, SETTINGS, clock) as store:
        assert store.counts() == counts
        assert store.add(draft()).sequence == 1001
    logged = [r.args[0] for r in caplog.records if r.levelno == logging.ERROR and isinstance(r.args, tuple)]
    assert sum(n for n in logged if isinstance(n, int)) == counts.lost


def test_threads_share_a_store(store: Store) -> None:
    taken: list[str] = []

    def publish() -> None:
        while len(taken) < 200:
            ids = [waiting.id for waiting in store.pending(7)]
            taken.extend(str(id_) for id_ in ids)
            store.mark_sent(ids)

    publisher = threading.Thread(target=publish)
    writers = [threading.Thread(target=lambda: [store.add(draft()) for _ in range(50)]) for _ in range(4)]
    for thread in (publisher, *writers):
        thread.start()
    for thread in (publisher, *writers):
        thread.join(30)
    assert len(set(taken)) == len(taken) == 200
    assert store.counts() == Counts(pending=0, sent=200, lost=0)


def test_a_closed_store_and_an_impossible_place_say_so(file: Path, tmp_path: Path) -> None:
    store = Store(file, SETTINGS)
    with pytest.raises(StoreError, match="closed"):
        store.add(draft())
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "readings.db", SETTINGS).open()


def test_a_folder_that_the_store_makes_is_made_to_last(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("appliance.readings.database.sync_folder", synced.append)
    with Store(file.parent / "deep" / file.name, SETTINGS):
        pass
    assert synced == [tmp_path, file.parent]


def test_a_database_that_another_process_holds_is_an_error_not_a_loss(store: Store, file: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    one = draft()
    with pytest.raises(StoreError, match="locked"):
        store.add(one)
    holder.execute("ROLLBACK")
    assert store.add(one).sequence == 1
    holder.close()
