"""Taking over what can still be read of a damaged store."""

import logging
import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

from appliance.readings.reading import Reading

_log = logging.getLogger(__name__)

_MAGIC = b"SQLite format 3\0"

_UNSENT_FROM_THE_START = """
SELECT number, id, device, sequence, boot_id, stored_monotonic_s, payload
FROM reading NOT INDEXED WHERE sent_at_s IS NULL ORDER BY number ASC
"""
_UNSENT_FROM_THE_END = """
SELECT number, id, device, sequence, boot_id, stored_monotonic_s, payload
FROM reading NOT INDEXED WHERE sent_at_s IS NULL ORDER BY number DESC
"""


def salvage(damaged: Path, store: sqlite3.Connection) -> int:
    """Copy unsent readings and the sequence counters from `damaged` into the fresh `store`; return how many.

    Rows are read from both ends, because a broken page ends a scan where it lies. Failing at all of it is no
    error: the damaged file stays for a closer look.
    """
    try:
        _lengthen(damaged)
        source = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        _log.warning("nothing of the damaged store can be read: %s", error)
        return 0
    try:
        store.execute("BEGIN IMMEDIATE")
        try:
            saved = sum(_keep_unsent(store, row) for row in _rows(source))
            for name, last in (*_rows_of(source, "SELECT name, last_sequence FROM device"), *_seen(source)):
                _raise_counter(store, name, last)
            store.execute("COMMIT")
        except BaseException:
            if store.in_transaction:
                store.execute("ROLLBACK")
            raise
        return saved
    finally:
        source.close()


def _lengthen(damaged: Path) -> None:
    """Fill a file that was cut short up to the size in its header, for SQLite reads nothing of it otherwise.

    Page size and page count are big-endian at bytes 16 and 28 (SQLite's file format, section 1.3).
    """
    with damaged.open("r+b") as file:
        magic, page_bytes, pages = struct.unpack(">16sH10xI", file.read(32).ljust(32, b"\0"))
        whole_bytes = (65_536 if page_bytes == 1 else page_bytes) * pages
        if magic == _MAGIC and file.seek(0, os.SEEK_END) < whole_bytes:
            file.truncate(whole_bytes)


def _rows(source: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    for query in (_UNSENT_FROM_THE_START, _UNSENT_FROM_THE_END):
        yield from _rows_of(source, query)


def _seen(source: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    yield from _rows_of(source, "SELECT device, max(sequence) FROM reading GROUP BY device")


def _rows_of(source: sqlite3.Connection, query: str) -> Iterator[tuple[object, ...]]:
    """Yield rows until the damage ends the scan."""
    try:
        yield from source.execute(query)
    except sqlite3.Error as error:
        _log.warning("a scan of the damaged store ended early: %s", error)


def _keep_unsent(store: sqlite3.Connection, row: tuple[object, ...]) -> int:
    """Insert a row if its payload is a whole reading; return 1, or 0 if it was there before or is broken."""
    _, identifier, device, sequence, _, _, payload = row
    try:
        reading = Reading.from_json(str(payload))
        if (str(reading.id), reading.device, reading.sequence) != (identifier, device, sequence):
            return 0
        done = store.execute(
            "INSERT OR IGNORE INTO reading"
            " (number, id, device, sequence, boot_id, stored_monotonic_s, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    except (ValueError, sqlite3.IntegrityError):
        return 0
    _raise_counter(store, reading.device, reading.sequence)
    return done.rowcount


def _raise_counter(store: sqlite3.Connection, name: object, last: object) -> None:
    if isinstance(name, str) and isinstance(last, int):
        store.execute(
            "INSERT INTO device VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)",
            (name, last),
        )
