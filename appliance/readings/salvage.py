"""Taking over what can still be read of a damaged store."""

import logging
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

from appliance.readings.migrations import migrate
from appliance.readings.reading import Reading

_log = logging.getLogger(__name__)

_MAGIC = b"SQLite format 3\0"

_PAGE_BYTES = 4096
_BATCH_ROWS = 1000
_MOST_TRIED = 1_000_000
"""Numbers that are tried one by one behind the first damage: more than a store of a gigabyte holds."""

_UNSENT = """
SELECT number, id, device, sequence, boot_id, stored_monotonic_s, payload
FROM reading NOT INDEXED WHERE sent_at_s IS NULL AND
"""
_FROM = f"{_UNSENT} number > ? ORDER BY number"
_ONE = f"{_UNSENT} number = ?"

_ENDS = ("SELECT seq FROM sqlite_sequence WHERE name = 'reading'", "SELECT max(number) FROM reading")
_LAST_SEQUENCES = (
    "SELECT name, last_sequence FROM device",
    "SELECT device, max(sequence) FROM reading GROUP BY device",
)

_BROKEN = (sqlite3.Error, UnicodeDecodeError)
"""The second where SQLite's message quotes a name that is junk."""

_Row = tuple[object, ...]


def salvage(damaged: Path, store: sqlite3.Connection) -> int:
    """Copy unsent readings and counters from `damaged` into `store`; return how many are there then.

    Goes on where it was interrupted, if `store` holds some already. Failing at all of it is no error: the
    damaged file stays for a closer look.
    """
    try:
        _lengthen(damaged)
        if not _has_readings(damaged):
            _renew_first_page(damaged)
        source = _opened(damaged)
    except (OSError, sqlite3.Error) as error:
        _log.warning("nothing of the damaged store can be read: %s", error)
        return 0
    with closing(source):
        [(done,)] = store.execute("SELECT coalesce(max(number), 0) FROM reading").fetchall()
        rows = _rows(source, done)
        while batch := list(islice(rows, _BATCH_ROWS)):
            with _transaction(store):
                for row in batch:
                    _keep_unsent(store, row)
        with _transaction(store):
            for query in _LAST_SEQUENCES:
                for name, last in _rows_of(source, query):
                    _raise_counter(store, name, last)
            for (lost,) in _rows_of(source, "SELECT readings FROM loss WHERE typeof(readings) = 'integer'"):
                store.execute("UPDATE loss SET readings = ?", (lost,))
    [(saved,)] = store.execute("SELECT count(*) FROM reading").fetchall()
    return int(saved)


@contextmanager
def _transaction(store: sqlite3.Connection) -> Iterator[None]:
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
        store.execute("COMMIT")
    except BaseException:
        if store.in_transaction:
            store.execute("ROLLBACK")
        raise


def _lengthen(damaged: Path) -> None:
    """Fill a file that was cut short up to the size in its header, for SQLite reads nothing of it otherwise.

    Page size and page count are big-endian at bytes 16 and 28 (SQLite's file format, section 1.3).
    """
    with damaged.open("r+b") as file:
        magic, page_bytes, pages = struct.unpack(">16sH10xI", file.read(32).ljust(32, b"\0"))
        whole_bytes = (65_536 if page_bytes == 1 else page_bytes) * pages
        if magic == _MAGIC and file.seek(0, os.SEEK_END) < whole_bytes:
            file.truncate(whole_bytes)


def _opened(damaged: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _has_readings(damaged: Path) -> bool:
    """Say whether SQLite finds the table of readings, whatever is in it."""
    try:
        with closing(_opened(damaged)) as source:
            source.execute("SELECT 1 FROM reading LIMIT 0")
    except _BROKEN:
        return False
    return True


def _renew_first_page(damaged: Path) -> None:
    """Replace the page that says where everything is by that of a new database, where it is the same.

    A table's first page is where the steps of the schema put it, so that it need not be remembered. What is
    found by it is checked row by row; where it is wrong, nothing is found.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        migrate(model)
        page = bytearray(model.serialize()[:_PAGE_BYTES])
    page[18:20] = b"\2\2"  # It has a write-ahead log.
    page[28:32] = struct.pack(">I", damaged.stat().st_size // _PAGE_BYTES)
    with damaged.open("r+b") as file:
        file.write(page)


def _rows(source: sqlite3.Connection, after: int) -> Iterator[_Row]:
    """Yield unsent rows in their order: in one go up to the first damage, then one by one.

    In their order also because SQLite packs rows densely that come so: others would not fit the store.
    """
    for number, *rest in _rows_of(source, _FROM, after):
        # A number that damage changed does not move its row: it lies where it was stored.
        after = max(number, after + 1) if isinstance(number, int) else after + 1
        yield after, *rest
    ends = [end for query in _ENDS for (end,) in _rows_of(source, query) if isinstance(end, int)]
    for number in range(after + 1, min(max(ends, default=0), after + _MOST_TRIED) + 1):
        # Each damaged page would be told once for every row on it.
        with suppress(*_BROKEN):
            yield from source.execute(_ONE, (number,)).fetchall()


def _rows_of(source: sqlite3.Connection, query: str, *values: int) -> Iterator[_Row]:
    """Yield rows until the damage ends the scan."""
    try:
        yield from source.execute(query, values)
    except _BROKEN as error:
        _log.warning("a scan of the damaged store ended early: %s", error)


def _keep_unsent(store: sqlite3.Connection, row: _Row) -> None:
    """Insert a row if its payload is a whole reading and none that is there already."""
    _, identifier, device, sequence, _, _, payload = row
    try:
        reading = Reading.from_json(str(payload))
        if (str(reading.id), reading.device, reading.sequence) != (identifier, device, sequence):
            return
        store.execute(
            "INSERT OR IGNORE INTO reading"
            " (number, id, device, sequence, boot_id, stored_monotonic_s, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    except (ValueError, sqlite3.IntegrityError):
        return
    _raise_counter(store, reading.device, reading.sequence)


def _raise_counter(store: sqlite3.Connection, name: object, last: object) -> None:
    if isinstance(name, str) and isinstance(last, int):
        store.execute(
            "INSERT INTO device VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)",
            (name, last),
        )
