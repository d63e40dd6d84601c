"""A power cut at any moment: what `add` returned is there, in order, and the store goes on."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.readings.reading import Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.readings.examples import draft
from tests.readings.places import in_memory
from tests.readings.power_cut import FOLDER, MARKS, Cut, Disk, Event, cuts, lay_out, read_trace

ROOT = Path(__file__).parents[2]
NAME = "readings.sqlite"

BEGIN = """
    import os, sys
    from datetime import timedelta
    from pathlib import Path
    from appliance.readings.settings import StoreSettings
    from appliance.readings.store import Store
    from tests.readings.clocks import SetClock
    from tests.readings.examples import draft
    folder, rounds, pragma = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    marks = os.open(folder / "marks", os.O_WRONLY | os.O_CREAT)
    def mark(*words):
        os.write(marks, (" ".join(map(str, words)) + "\\n").encode())
    clock = SetClock()
"""
WORK = """
    for _ in range(rounds):
        with Store(folder / "readings.sqlite", StoreSettings(keep_sent_days=1), clock) as store:
            store._connection.execute("PRAGMA wal_autocheckpoint = 12")
            store._connection.execute(pragma)
            for turn in range(12):
                reading = store.add(draft())
                mark("added", reading.id, reading.sequence)
                if turn % 4 == 3:
                    ids = [one.id for one in store.pending(3)]
                    for id_ in ids:
                        mark("sending", id_)
                    store.mark_sent(ids)
                    for id_ in ids:
                        mark("sent", id_)
            clock.pass_s(100_000)
            store.prune(clock.utc())
            reading = store.add(draft())
            mark("added", reading.id, reading.sequence)
"""
REPLACEMENT = """
    for _ in range(rounds):
        with Store(folder / "readings.sqlite", StoreSettings(), clock) as store:
            for _ in range(20):
                reading = store.add(draft())
                mark("added", reading.id, reading.sequence)
        # A schema from the future: nothing of ours, but every row can be read.
        file = os.open(folder / "readings.sqlite", os.O_WRONLY)
        os.pwrite(file, b"99", 62)
        os.fsync(file)
        os.close(file)
        clock.pass_s(1)
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that traces a folder."""
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("needs gcc, and LD_PRELOAD")
    library = tmp_path_factory.mktemp("shim") / "trace.so"
    source = Path(__file__).with_name("trace.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


@pytest.fixture
def after() -> Iterator[Path]:
    """Return where to lay out what a cut left."""
    with in_memory() as place:
        yield Path(place) / "state"


@pytest.fixture
def trace(shim: Path, tmp_path: Path) -> Callable[..., list[Event]]:
    """Return a function that has the real store work and returns what it did to its folder."""

    def work(rounds: int, pragma: str = "PRAGMA synchronous = FULL", program: str = WORK) -> list[Event]:
        folder, log = tmp_path / "state", tmp_path / "trace.log"
        folder.mkdir()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(shim),
            "JANBAN_TRACE_FOLDER": str(folder),
            "JANBAN_TRACE_LOG": str(log),
        }
        source = textwrap.dedent(BEGIN) + textwrap.dedent(program)
        command = [sys.executable, "-c", source, str(folder), str(rounds), pragma]
        subprocess.run(command, check=True, env=environment)
        events = read_trace(log, folder)
        assert_whole(events, folder)
        return events

    return work


def assert_whole(events: list[Event], folder: Path) -> None:
    """Show that nothing escaped the trace: played to its end it gives the files that are there.

    All but SQLite's shared memory, which it maps, and trusts to nobody who comes after a power cut.
    """
    disk = Disk()
    for event in events:
        disk.do(event)
    there = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != MARKS}
    traced = disk.all()
    assert there.keys() == traced.keys()
    assert [name for name in there if there[name] != traced[name] and not name.endswith("-shm")] == []
    assert any(event.syncs for event in events) or not disk.least()


def loss(cut: Cut, folder: Path, *, replaced: bool = False) -> str | None:
    """Reopen what a power cut left, and say what is wrong with it; an alarm is wrong unless `replaced`."""
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(cut.image, folder, random.Random(cut.at_event))  # noqa: S311 - nothing here is a secret
    with Store(folder / NAME, StoreSettings()) as store:
        pending = [str(one.id) for one in store.pending(10_000)]
        with closing(sqlite3.connect(folder / NAME)) as db:
            rows = db.execute("SELECT id, sequence, payload FROM reading ORDER BY number").fetchall()
        following = store.add(draft()).sequence
        alarm = store.alarm
    marks = [mark.split() for mark in cut.marks]
    added = {id_: int(sequence) for word, id_, *rest in marks if word == "added" for sequence in rest}
    sending = {id_ for word, id_, *_ in marks if word == "sending"}
    sent = {id_ for word, id_, *_ in marks if word == "sent"}
    sequences = [sequence for _, sequence, _ in rows]
    explained = {*sequences, *(added[id_] for id_ in sending)}
    wrong = {
        "an alarm": alarm is not None and not replaced,
        "acknowledged readings are missing": set(added) - sending - set(pending),
        "readings that are marked as sent wait again": sent & set(pending),
        "more readings than the one in hand": [id_ for id_, *_ in rows if id_ not in added][1:],
        "a sequence number changed": [id_ for id_, number, _ in rows if added.get(id_, number) != number],
        "a payload changed": [id_ for id_, _, payload in rows if str(Reading.from_json(payload).id) != id_],
        "out of order": sequences != sorted(set(sequences)),
        "a gap in the sequence": set(range(1, following)) - explained,
        "a number twice": following in explained,
    }
    return next((what for what, found in wrong.items() if found), None)


def first_loss(events: list[Event], folder: Path) -> str:
    found = (loss(cut, folder) for cut in cuts(events, seed=6, torn_each=1, every_write=True))
    return next((one for one in found if one is not None), "nothing found")


@pytest.mark.parametrize(
    ("rounds", "torn_each", "every_write"),
    [
        pytest.param(2, 1, False, id="syncs"),
        pytest.param(12, 6, True, id="writes", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_a_power_cut_at_any_moment_loses_nothing(
    trace: Callable[..., list[Event]], after: Path, rounds: int, torn_each: int, *, every_write: bool
) -> None:
    states = 0
    for cut in cuts(trace(rounds), seed=6, torn_each=torn_each, every_write=every_write):
        states += 1
        assert loss(cut, after) is None, (cut.at_event, cut.how)
    print(f"{states} states")
    assert states > 50 * rounds


@pytest.mark.parametrize(
    ("torn_each", "every_write"),
    [
        pytest.param(2, False, id="syncs"),
        pytest.param(8, True, id="writes", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_power_cut_while_a_damaged_store_is_replaced_loses_nothing(
    trace: Callable[..., list[Event]], after: Path, torn_each: int, *, every_write: bool
) -> None:
    events = trace(2, program=REPLACEMENT)
    begin = next(number for number, event in enumerate(events) if event.data == b"99")
    states = 0
    for cut in cuts(events, seed=6, torn_each=torn_each, every_write=every_write):
        if cut.at_event > begin:
            states += 1
            assert loss(cut, after, replaced=True) is None, (cut.at_event, cut.how)
    print(f"{states} states")
    assert states > 100


def test_a_store_that_does_not_sync_would_be_found_out(
    trace: Callable[..., list[Event]], after: Path
) -> None:
    events = trace(1, "PRAGMA synchronous = OFF")
    assert "missing" in first_loss(events, after)


def test_a_folder_that_is_not_synced_would_be_found_out(
    trace: Callable[..., list[Event]], after: Path
) -> None:
    events = [event for event in trace(1) if not (event.syncs and event.name == FOLDER)]
    assert "missing" in first_loss(events, after)
