"""Damage anywhere in the store's files: it opens or says so, goes on, and what was not hit is there."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.readings import salvage
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.readings.examples import draft
from tests.readings.places import in_memory

NAME = "readings.sqlite"
FILES = (NAME, f"{NAME}-wal", f"{NAME}-shm")
PAGE_BYTES = 4096
READINGS = 300


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[str]]]:
    """Return folders with the files of a store that was closed, and of one that the power left as it was."""
    folder = tmp_path_factory.mktemp("stores")
    (folder / "live").mkdir()
    with Store(folder / "live" / NAME, StoreSettings()) as store:
        assert store._connection is not None
        ids = [str(store.add(draft()).id) for _ in range(READINGS)]
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(folder / "live", folder / "closed")
        more = [str(store.add(draft()).id) for _ in range(50)]
        shutil.copytree(folder / "live", folder / "cut")
    return {"closed": (folder / "closed", ids), "cut": (folder / "cut", ids + more)}


@st.composite
def blows(draw: st.DrawFn) -> tuple[str, str, float, bytes]:
    """Where to hit: which file, flip or cut, at which share of its length, and with what."""
    what = draw(st.sampled_from(["flip", "overwrite", "cut", "remove"]))
    length = {"flip": 1, "overwrite": 600, "cut": 1, "remove": 1}[what]
    data = draw(st.binary(min_size=1, max_size=length))
    return draw(st.sampled_from(FILES)), what, draw(st.floats(0, 1, exclude_max=True)), data


def strike(file: Path, what: str, share: float, data: bytes) -> None:
    if not file.exists() or file.stat().st_size == 0:
        return
    # A database that is gone, or empty (to SQLite also one of one byte), may be new for all one can see.
    at = max(2, int(share * file.stat().st_size))
    with file.open("r+b") as opened:
        if what == "cut":
            opened.truncate(at)
        elif what != "remove":
            opened.seek(at)
            old = opened.read(len(data))
            opened.seek(at)
            opened.write(
                bytes(a ^ (b or 1) for a, b in zip(old, data, strict=False)) if what == "flip" else data
            )
    if what == "remove" and file.name != NAME:
        file.unlink()


@pytest.mark.parametrize("kind", ["closed", "cut"])
@settings(max_examples=60)
@given(damage=st.lists(blows(), min_size=1, max_size=4))
def test_whatever_is_broken_the_store_goes_on(
    stores: dict[str, tuple[Path, list[str]]], kind: str, damage: list[tuple[str, str, float, bytes]]
) -> None:
    source, ids = stores[kind]
    with in_memory() as place:
        folder = Path(place) / "state"
        shutil.copytree(source, folder)
        for name, *blow in damage:
            strike(folder / name, *blow)
        with Store(folder / NAME, StoreSettings()) as store:
            kept = [str(one.id) for one in store.pending(10_000)]
            one = store.add(draft())
            store.mark_sent([one.id])
            assert [str(waiting.id) for waiting in store.pending(10_000)] == kept
            counts = store.counts()
            assert counts.pending == len(kept)
            assert len(kept) == len(ids) or kind == "cut" or store.alarm is not None
        assert kept == [id_ for id_ in ids if id_ in set(kept)], "in their order, none made up, none twice"
        with Store(folder / NAME, StoreSettings()) as store:
            assert store.alarm is None
            assert store.add(draft()).sequence == one.sequence + 1


@settings(max_examples=40)
@given(data=st.data())
def test_readings_on_pages_that_were_not_hit_survive(
    stores: dict[str, tuple[Path, list[str]]], data: st.DataObject
) -> None:
    source, ids = stores["closed"]
    hit = data.draw(st.sets(st.sampled_from(leaves(source / NAME)), min_size=1, max_size=5))
    content = bytearray((source / NAME).read_bytes())
    lost: set[str] = set()
    for page in hit:
        at = (page - 1) * PAGE_BYTES
        lost |= {id_ for id_ in ids if id_.encode() in content[at : at + PAGE_BYTES]}
        junk = data.draw(st.binary(min_size=16, max_size=16)) * (PAGE_BYTES // 16)
        content[at : at + PAGE_BYTES] = junk
    with in_memory() as place:
        file = Path(place) / NAME
        file.write_bytes(content)
        with Store(file, StoreSettings()) as store:
            assert store.alarm is not None
            kept = [str(one.id) for one in store.pending(10_000)]
            assert set(ids) - set(kept) <= lost
            assert store.add(draft()).sequence > len(ids) - len(lost)
    assert 0 < len(lost) < len(ids) / 2


@pytest.mark.parametrize("number", [0, 1, 127])
def test_a_row_whose_number_was_changed_keeps_its_place(
    stores: dict[str, tuple[Path, list[str]]], tmp_path: Path, number: int
) -> None:
    source, ids = stores["closed"]
    content = bytearray((source / NAME).read_bytes())
    at = (leaves(source / NAME)[5] - 1) * PAGE_BYTES
    # Where the page's second row lies; its length takes two bytes, its number one (sections 1.5 and 1.6).
    cell = at + int.from_bytes(content[at + 10 : at + 12], "big")
    assert 2 < content[cell + 2] < 127
    content[cell + 2] = number
    (tmp_path / NAME).write_bytes(content)
    with Store(tmp_path / NAME, StoreSettings()) as store:
        assert [str(one.id) for one in store.pending(1000)] == ids
        assert store.alarm is not None
        assert store.add(draft()).sequence == len(ids) + 1


def test_a_first_page_of_junk_costs_no_reading(
    stores: dict[str, tuple[Path, list[str]]], tmp_path: Path
) -> None:
    for kind, (source, ids) in stores.items():
        shutil.copytree(source, tmp_path / kind)
        file = tmp_path / kind / NAME
        content = bytearray(file.read_bytes())
        content[:PAGE_BYTES] = b"junk" * (PAGE_BYTES // 4)
        file.write_bytes(content)
        with Store(file, StoreSettings()) as store:
            assert [str(one.id) for one in store.pending(10_000)] == ids
            assert store.add(draft()).sequence == len(ids) + 1
            assert (store.alarm is None) == (kind == "cut"), "the log has that page, too"


def test_names_that_are_no_text_are_damage_too(
    stores: dict[str, tuple[Path, list[str]]], tmp_path: Path
) -> None:
    source, ids = stores["closed"]
    content = (source / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(content.replace(b"tabledevicedevice", b"table\x80\x81vice\x80\x81vice", 1))
    with Store(tmp_path / NAME, StoreSettings()) as store:
        assert store.alarm is not None
        assert [str(one.id) for one in store.pending(1000)] == ids


def test_an_empty_database_beside_its_log_is_set_aside(
    stores: dict[str, tuple[Path, list[str]]], tmp_path: Path
) -> None:
    shutil.copytree(stores["cut"][0], tmp_path / "state")
    file = tmp_path / "state" / NAME
    file.write_bytes(b"")
    with Store(file, StoreSettings()) as store:
        assert store.alarm is not None
        assert "empty, but its log is not" in store.alarm
        store.add(draft())


def leaves(file: Path) -> list[int]:
    """Return the numbers of the pages that hold readings and nothing else."""
    content = file.read_bytes()
    with closing(sqlite3.connect(file)) as db:
        [(root,)] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'reading'").fetchall()
    # A leaf of a table begins with 13 (SQLite's file format, section 1.6).
    return [
        page
        for page in range(2, len(content) // PAGE_BYTES + 1)
        if page != root
        and content[(page - 1) * PAGE_BYTES] == 13
        and b'"janban.reading/1"' in content[(page - 1) * PAGE_BYTES : page * PAGE_BYTES]
    ]


@pytest.mark.parametrize(
    "change",
    ["payload = CAST(x'7bff7d' AS TEXT)", "payload = '{'", "payload = '[]'", "id = sequence", "boot_id = ''"],
)
def test_a_reading_that_cannot_be_read_does_not_hold_up_the_others(tmp_path: Path, change: str) -> None:
    with Store(tmp_path / NAME, StoreSettings()) as store:
        ids = [store.add(draft()).id for _ in range(5)]
        with sqlite3.connect(tmp_path / NAME) as db:
            db.execute(f"UPDATE reading SET {change} WHERE sequence IN (1, 2, 4)")  # noqa: S608
        assert [one.id for one in store.pending(2)] == [ids[2], ids[4]]
        assert store.counts().lost == 3
        assert "3 unsent readings were damaged and are lost" in str(store.counts().alarm)
        assert store.add(draft()).sequence == 6


def test_a_counter_that_damage_set_back_does_not_give_a_number_twice(tmp_path: Path) -> None:
    with Store(tmp_path / NAME, StoreSettings()) as store:
        for _ in range(5):
            store.add(draft())
        with sqlite3.connect(tmp_path / NAME) as db:
            db.execute("UPDATE device SET last_sequence = 2")
        assert store.add(draft()).sequence == 6
        with sqlite3.connect(tmp_path / NAME) as db:
            db.execute("DELETE FROM device")
        assert store.add(draft()).sequence == 7


def test_saving_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path / NAME, StoreSettings()) as store:
        ids = [store.add(draft()).id for _ in range(100)]
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    monkeypatch.setattr("appliance.readings.salvage._BATCH_ROWS", 30)
    keep, kept = salvage._keep_unsent, []

    def stumble(store: sqlite3.Connection, row: tuple[object, ...]) -> None:
        if len(kept) == 70:
            raise KeyboardInterrupt
        kept.append(row)
        keep(store, row)

    with monkeypatch.context() as patch:
        patch.setattr(salvage, "_keep_unsent", stumble)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path / NAME, StoreSettings()).open()
    seen: list[object] = []
    monkeypatch.setattr(salvage, "_keep_unsent", lambda store, row: (seen.append(row), keep(store, row)))
    with Store(tmp_path / NAME, StoreSettings()) as store:
        assert [one.id for one in store.pending(1000)] == ids
        assert store.alarm is not None
    assert len(seen) == 40, "60 were safe"
    assert {file.name.split("-")[0] for file in tmp_path.iterdir()} == {NAME, f"{NAME}.damaged"}
