"""A disk that others have filled: sent readings make room, unsent ones stay, and none that is new is lost."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import Deadline, SystemClock
from appliance.errors import StoreError
from appliance.readings.ballast import Ballast
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.recorder import Recorder
from tests.readings.examples import draft

_DISK_MB = 32
_LONG_S = 60.0


class Hog:
    """Somebody who takes all room there is on a disk."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "hog"

    def eat(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def spare(self, bytes_: int) -> None:
        os.truncate(self._file, self._file.stat().st_size - bytes_)

    def leave(self) -> None:
        self._file.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root, to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def hog(disk: Path) -> Hog:
    return Hog(disk)


def ids(store: Store) -> list[object]:
    return [one.id for one in store.pending(100_000)]


def add(store: Store, count: int) -> list[object]:
    return [store.add(draft()).id for _ in range(count)]


@pytest.mark.timeout(300)
def test_a_disk_that_others_filled_takes_readings_while_there_are_sent_ones(disk: Path, hog: Hog) -> None:
    with Store(disk / "readings.sqlite", StoreSettings(), ballast=True) as store:
        store.mark_sent(add(store, 1500))
        waiting = add(store, 100)
        assert not store.counts().tight
        hog.eat()
        waiting += add(store, 300)
        assert store.counts().tight
        for _ in range(4):
            # Also what the store has just freed is eaten.
            hog.eat()
            waiting += add(store, 50)
        counts = store.counts()
        assert ids(store) == waiting
        assert 0 < counts.sent < 1500
        assert counts.lost == 0
        store.mark_sent(waiting[:200])
        assert ids(store) == waiting[200:]


@pytest.mark.timeout(300)
def test_without_sent_readings_new_ones_wait_in_memory_and_none_is_lost(disk: Path, hog: Hog) -> None:
    with Store(disk / "readings.sqlite", StoreSettings(), ballast=True) as store:
        recorder = Recorder(store)
        drafts = [draft() for _ in range(700)]
        for number, one in enumerate(drafts):
            if number % 50 == 20:
                hog.eat()
            recorder.record(one)
        assert recorder.waiting > 0
        assert [*ids(store), *(one.id for one in drafts[-recorder.waiting :])] == [one.id for one in drafts]
        hog.leave()
        recorder.finish(Deadline.after(_LONG_S, SystemClock()))
        assert (recorder.waiting, recorder.lost, store.counts().lost) == (0, 0, 0)
        assert ids(store) == [one.id for one in drafts]
        add(store, 200)
        assert not store.counts().tight, "the room is kept again"


def test_damaged_stores_that_were_set_aside_go_before_a_new_reading_is_refused(disk: Path, hog: Hog) -> None:
    """Two of them may be as large as the store itself; what they are kept for is a closer look."""
    aside = disk / "readings.sqlite.damaged-20260302T030000000000Z"
    aside.write_bytes(bytes(6_000_000))
    with Store(disk / "readings.sqlite", StoreSettings(), ballast=True) as store:
        store.mark_sent(add(store, 100))
        hog.eat()
        add(store, 200)
        assert aside.exists(), "sent readings go first"
        hog.eat()
        refused = 0
        for _ in range(3000):
            try:
                add(store, 1)
            except StoreError:
                refused += 1
            hog.eat()
            if not aside.exists():
                break
        assert not aside.exists()
        assert refused == 0
        assert store.counts().lost == 0


def test_a_store_opens_on_a_full_disk(disk: Path, hog: Hog) -> None:
    file = disk / "readings.sqlite"
    with Store(file, StoreSettings(), ballast=True) as store:
        stored = add(store, 20)
    hog.eat()
    with Store(file, StoreSettings(), ballast=True) as store:
        stored += add(store, 20)
        assert ids(store) == stored
        assert store.alarm is None


@pytest.mark.parametrize(("readings", "all_of_them"), [(1200, True), (3000, False)])
@pytest.mark.parametrize("room_bytes", [0, 1_000_000])
def test_a_damaged_store_on_a_full_disk_saves_what_it_can_and_goes_on(
    disk: Path, hog: Hog, readings: int, room_bytes: int, *, all_of_them: bool
) -> None:
    file = disk / "readings.sqlite"
    with Store(file, StoreSettings(), ballast=True) as store:
        stored = [store.add(draft(models={"network": "x" * 2500})).id for _ in range(readings)]
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    hog.eat()
    hog.spare(room_bytes)
    with Store(file, StoreSettings(), ballast=True) as store:
        saved = ids(store)
        assert store.alarm is not None
        assert (len(saved) == readings) == all_of_them, "the disk has room for so many"
        assert len(saved) >= 500
        assert saved == stored[: len(saved)]
        hog.leave()
        assert store.add(draft()).sequence > len(saved)


def test_without_ballast_a_full_disk_is_one_clear_line(disk: Path, hog: Hog) -> None:
    with Store(disk / "readings.sqlite", StoreSettings()) as store:
        store.mark_sent(add(store, 50))
        hog.eat()
        with pytest.raises(StoreError, match=r"cannot be stored: .*; free space on the disk"):
            add(store, 500)


def test_what_sqlite_calls_full_is_answered_by_room(tmp_path: Path) -> None:
    file = tmp_path / "readings.sqlite"
    with Store(file, StoreSettings(), ballast=True) as store:
        store.mark_sent(add(store, 200))
        assert store._connection is not None
        [(pages,)] = store._connection.execute("PRAGMA page_count").fetchall()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        waiting = add(store, 100)
        assert ids(store) == waiting
        assert store.counts().sent < 200
        assert not file.with_name("readings.sqlite.ballast").exists()


def test_opening_a_store_with_room_deletes_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        with Store(tmp_path / "readings.sqlite", StoreSettings(), ballast=True) as store:
            store.mark_sent(add(store, 40))
    with sqlite3.connect(tmp_path / "readings.sqlite") as db:
        assert db.execute("SELECT count(*) FROM reading").fetchone() == (120,)


def test_ballast_takes_room_and_gives_it_back(tmp_path: Path) -> None:
    file = tmp_path / "ballast"
    ballast = Ballast(file, 1_000_000)
    assert ballast.hold()
    assert file.stat().st_blocks * 512 >= 1_000_000
    ballast.drop()
    assert not ballast.held
    assert not file.exists()
    file.write_bytes(b"")
    os.truncate(file, 1_000_000)
    assert ballast.hold()
    assert file.stat().st_blocks * 512 >= 1_000_000, "a file with a hole takes no room"


def test_ballast_is_not_made_on_a_disk_on_the_brink(disk: Path, hog: Hog) -> None:
    ballast = Ballast(disk / "ballast", 20_000_000)
    assert not ballast.hold()
    hog.eat()
    hog.leave()
    assert Ballast(disk / "ballast", 10_000_000).hold()
    assert not Ballast(disk / "nowhere" / "ballast", 1).hold()
