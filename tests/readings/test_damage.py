"""What hardware does to the store: torn power, full disks, broken files."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.errors import StoreError
from appliance.readings.migrations import MIGRATIONS, NewerSchemaError, migrate
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.readings.examples import draft

SETTINGS = StoreSettings()
ROOT = Path(__file__).parents[2]

WRITER = """
    import sys
    from pathlib import Path
    from appliance.readings.settings import StoreSettings
    from appliance.readings.store import Store
    from tests.readings.examples import draft
    with Store(Path(sys.argv[1]), StoreSettings()) as store:
        while True:
            reading = store.add(draft())
            print(reading.sequence, reading.id, flush=True)
            if reading.sequence % 3 == 0:
                store.mark_sent([store.pending(1)[0].id])
"""

FILLER = """
    import resource, sys
    from pathlib import Path
    from appliance.errors import StoreError
    from appliance.readings.settings import StoreSettings
    from appliance.readings.store import Store
    from tests.readings.examples import draft
    path = Path(sys.argv[1])
    with Store(path, StoreSettings()) as store:
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, unlimited[1]))
        stored = []
        try:
            while True:
                stored.append(store.add(draft()).id)
        except StoreError as error:
            print(error)
        again = 0
        for _ in range(3):
            try:
                store.add(draft())
            except StoreError:
                again += 1
        assert again == 3, again
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        stored += [store.add(draft()).id for _ in range(3)]
        assert [one.id for one in store.pending(10_000)] == stored
    with Store(path, StoreSettings()) as store:
        assert store.alarm is None
        assert [one.id for one in store.pending(10_000)] == stored
        assert store.add(draft()).sequence == len(stored) + 1
"""


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_whatever_add_returned_survives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "readings.db"
    acknowledged: dict[int, str] = {}
    for pause_s in (0.0, 0.013, 0.041, 0.087, 0.15):
        with python(WRITER, str(file)) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(pause_s)
            writer.send_signal(signal.SIGKILL)
            whole = [
                line.split()
                for line in (first + writer.stdout.read()).splitlines(keepends=True)
                if line[-1] == "\n"
            ]
        acknowledged |= {int(sequence): id_ for sequence, id_ in whole}
    with sqlite3.connect(file) as db:
        kept = dict(db.execute("SELECT sequence, id FROM reading").fetchall())
    assert acknowledged.items() <= kept.items()
    assert sorted(kept) == list(range(1, len(kept) + 1)), "no gap, nothing twice"
    with Store(file, SETTINGS) as store:
        assert store.alarm is None
        assert store.add(draft()).sequence == len(kept) + 1


def test_a_disk_that_takes_no_more_costs_nothing_stored_and_heals(tmp_path: Path) -> None:
    with python(FILLER, str(tmp_path / "readings.db")) as filler:
        said, _ = filler.communicate(timeout=60)
    assert filler.returncode == 0
    [line] = said.splitlines()
    assert "a reading cannot be stored" in line
    assert "free space" in line


def test_a_full_database_is_one_clear_line_and_heals(tmp_path: Path) -> None:
    with Store(tmp_path / "readings.db", SETTINGS) as store:
        assert store._connection is not None
        [(pages,)] = store._connection.execute("PRAGMA page_count").fetchall()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        stored = []
        with pytest.raises(
            Exception, match="a reading cannot be stored: database or disk is full; free space"
        ) as full:
            stored.extend(store.add(draft()).id for _ in range(100))
        assert "\n" not in str(full.value)
        store._connection.execute("PRAGMA max_page_count = 1000000")
        stored.append(store.add(draft()).id)
        assert [one.id for one in store.pending(100)][-1] == stored[-1]


def damaged_middle(file: Path) -> None:
    """Overwrite the middle third of the file."""
    content = bytearray(file.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = (b"junk" * third)[:third]
    file.write_bytes(content)


def no_database(file: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n" * 4000)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 17])


def other_tables(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("ALTER TABLE reading RENAME COLUMN device TO box")


def from_the_future(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("damage", "saved_at_least"),
    [(damaged_middle, 50), (no_database, 0), (cut_short, 30), (other_tables, 0), (from_the_future, 300)],
)
def test_a_damaged_store_is_set_aside_and_the_service_goes_on(
    tmp_path: Path, damage: object, saved_at_least: int
) -> None:
    file = tmp_path / "readings.db"
    with Store(file, SETTINGS) as store:
        ids = [store.add(draft()).id for _ in range(302)]
        store.mark_sent(ids[:2])
    assert callable(damage)
    damage(file)
    with Store(file, SETTINGS) as store:
        assert store.alarm is not None
        assert "damaged" in store.alarm
        saved = [one.id for one in store.pending(1000)]
        assert len(saved) >= saved_at_least
        assert saved == [id_ for id_ in ids[2:] if id_ in set(saved)], "in their order, none made up"
        sequence = store.add(draft()).sequence
        assert sequence > max((ids.index(id_) + 1 for id_ in saved), default=0)
    assert len([one for one in tmp_path.glob("readings.db.damaged-*") if one.name.endswith("Z")]) == 1
    with Store(file, SETTINGS) as store:
        assert store.alarm is None
        assert len(store.pending(1000)) == len(saved) + 1


def test_a_sequence_goes_on_where_only_sent_readings_were_damaged(tmp_path: Path) -> None:
    file = tmp_path / "readings.db"
    with Store(file, SETTINGS) as store:
        store.mark_sent([store.add(draft()).id for _ in range(5)])
        store.prune(datetime(2999, 1, 1, tzinfo=UTC))
    from_the_future(file)
    with Store(file, SETTINGS) as store:
        assert store.alarm is not None
        assert store.add(draft()).sequence == 6


def overwrite_open(store: Store, file: Path) -> None:
    """Overwrite a database of more pages than SQLite keeps in memory."""
    for _ in range(300):
        store.add(draft())
    assert store._connection is not None
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._connection.execute("PRAGMA cache_size = 0")
    no_database(file)


def test_damage_that_shows_while_running_is_answered_too(tmp_path: Path) -> None:
    file = tmp_path / "readings.db"
    with Store(file, SETTINGS) as store:
        overwrite_open(store, file)
        reading = store.add(draft())
        assert store.alarm is not None
        assert [one.id for one in store.pending(1000)][-1] == reading.id


def test_a_store_that_cannot_be_replaced_now_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "readings.db"
    with Store(file, SETTINGS) as store:
        overwrite_open(store, file)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("read-only file system")))
            for _ in range(2):
                with pytest.raises(StoreError, match="read-only file system"):
                    store.add(draft())
        reading = store.add(draft())
        assert [one.id for one in store.pending(9)] == [reading.id]
        assert store.alarm is not None


class Nagger:
    """A timer that has run out, again and again."""

    def __init__(self, _after_s: float, remind: Callable[[], None]) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._nag, args=(remind,))
        self.start, self.join, self.cancel = self._thread.start, self._thread.join, self._over.set

    def _nag(self, remind: Callable[[], None]) -> None:
        while not self._over.wait(0.0001):
            remind()


def test_a_check_that_takes_too_long_is_left_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "readings.db"
    with Store(file, SETTINGS) as store:
        ids = [store.add(draft()).id for _ in range(500)]
    monkeypatch.setattr("appliance.readings.database.threading.Timer", Nagger)
    while "checked in part only" not in caplog.text:
        with Store(file, SETTINGS) as store:
            assert [one.id for one in store.pending(1000)] == ids
            assert store.alarm is None


def test_only_the_last_two_damaged_databases_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "readings.db"
    for _ in range(4):
        no_database(file)
        with Store(file, SETTINGS) as store:
            assert store.alarm is not None
    assert len(list(tmp_path.glob("*.damaged-*Z"))) == 2


def test_migrations_apply_what_is_missing_and_nothing_twice() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    steps = [("CREATE TABLE a (x)",), ("INSERT INTO a VALUES (1)", "CREATE TABLE b (y)")]
    migrate(db, steps[:1])
    migrate(db, steps)
    migrate(db, steps)
    assert db.execute("SELECT x FROM a").fetchall() == [(1,)]
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    with pytest.raises(NewerSchemaError):
        migrate(db, steps[:1])


def test_a_migration_that_fails_leaves_the_database_as_it_was() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, [("CREATE TABLE a (x)",)])
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        migrate(db, [("CREATE TABLE a (x)",), ("INSERT INTO a VALUES (1)", "nonsense")])
    assert db.execute("SELECT x FROM a").fetchall() == []
    assert db.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_database_of_the_first_version_opens_and_keeps_its_readings(tmp_path: Path) -> None:
    file = tmp_path / "readings.db"
    with sqlite3.connect(file) as db:
        db.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
    with Store(file, SETTINGS) as store:
        assert store.alarm is None
        assert [str(one.id) for one in store.pending(9)] == ["0197a000-0000-7000-8000-000000000002"]
        assert store.counts().sent == 1
        assert store.add(draft()).sequence == 3
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
