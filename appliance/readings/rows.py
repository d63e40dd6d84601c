"""Rows of readings on their way between two stores, each step within a transaction of the caller's."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from appliance.readings.reading import Reading


class Row(NamedTuple):
    """A reading as a store keeps it; `sent_at_s` (UTC) is when the broker acknowledged it, if it did."""

    number: int
    id: str
    device: str
    sequence: int
    boot_id: str
    stored_monotonic_s: float
    payload: str
    sent_at_s: float | None


_COLUMNS = ", ".join(Row._fields)
_AFTER = f"SELECT {_COLUMNS} FROM reading WHERE number > ? {{}} ORDER BY number LIMIT ?"  # noqa: S608 - ours
_MARKS = ", ".join("?" * len(Row._fields))


def stored(db: sqlite3.Connection, after: int, limit: int, *, unsent: bool = False) -> list[Row]:
    """Return the first rows with a number above `after`, in their order; with `unsent` those alone."""
    query = _AFTER.format("AND sent_at_s IS NULL" if unsent else "")
    return [Row(*row) for row in db.execute(query, (after, limit))]


def borrow(db: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Keep rows under their numbers, but those whose reading is there already."""
    db.executemany(f"INSERT OR IGNORE INTO reading ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608 - ours


def bring(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Keep rows behind those that are there, each reading once; what is sent there counts as sent here.

    A sequence that another reading has is replaced by the next one.
    """
    for row in rows:
        if mark_sent(db, [row.id], row.sent_at_s):
            _append(db, row)


def _append(db: sqlite3.Connection, row: Row) -> None:
    taken = db.execute(
        "SELECT 1 FROM reading WHERE device = ? AND sequence = ?", (row.device, row.sequence)
    ).fetchone()
    if taken is not None:
        sequence = last_sequences(db).get(row.device, row.sequence) + 1
        payload = Reading.from_json(row.payload).model_copy(update={"sequence": sequence}).to_json()
        row = row._replace(sequence=sequence, payload=payload)
    raise_sequences(db, {row.device: row.sequence})
    columns, marks = _COLUMNS.partition(", ")[2], _MARKS.partition(", ")[2]
    db.execute(f"INSERT INTO reading ({columns}) VALUES ({marks})", row[1:])  # noqa: S608 - ours


def mark_sent(db: sqlite3.Connection, ids: Iterable[UUID | str], sent_at_s: float | None) -> list[str]:
    """Mark readings as sent at a time, None leaves them as they are; return the ids that are not there."""
    mark = "UPDATE reading SET sent_at_s = coalesce(sent_at_s, ?) WHERE id = ?"
    return [str(id_) for id_ in ids if not db.execute(mark, (sent_at_s, str(id_))).rowcount]


def begin_above(db: sqlite3.Connection, number: int) -> None:
    """Let the numbers of further readings begin above `number`."""
    if not db.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'reading'", (number,)
    ).rowcount:
        db.execute("INSERT INTO sqlite_sequence VALUES ('reading', ?)", (number,))


def count_unsent(db: sqlite3.Connection, above: int, most: int) -> int:
    """Return how many readings wait to be sent, of those with a number above the one, and no higher one."""
    query = "SELECT count(*) FROM reading WHERE sent_at_s IS NULL AND number > ? AND number <= ?"
    return int(db.execute(query, (above, most)).fetchone()[0])


def last_sequences(db: sqlite3.Connection) -> dict[str, int]:
    """Return each device's last sequence."""
    found = dict(db.execute("SELECT device, max(sequence) FROM reading GROUP BY device").fetchall())
    for name, last in db.execute("SELECT name, last_sequence FROM device"):
        found[name] = max(last, found.get(name, 0))
    return found


def raise_sequences(db: sqlite3.Connection, last: Mapping[str, int]) -> None:
    """Let each device's next sequence come after the one given."""
    db.executemany(
        "INSERT INTO device VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)",
        last.items(),
    )


def sent_ids(db: sqlite3.Connection) -> list[str]:
    """Return the ids of what is sent."""
    return [id_ for (id_,) in db.execute("SELECT id FROM reading WHERE sent_at_s IS NOT NULL")]
