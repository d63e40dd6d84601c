"""What a store holds, seen from outside, also while the service writes: counts, ages, what was set aside."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.errors import StoreError
from appliance.readings.read_only import connect_read_only
from appliance.readings.reading import Reading

_WAIT_S = 5.0


@dataclass(frozen=True)
class Survey:
    """A store as it was at one moment; `oldest_pending` is when the first unsent reading was captured."""

    schema: int
    pending: int
    sent: int
    lost: int
    oldest_pending: datetime | None
    last: Sequence[str]


def survey(path: Path, last: int = 0) -> Survey:
    """Look at a store without changing it, with the payloads of the `last` readings.

    Raises `StoreError` where it cannot be read.
    """
    try:
        with closing(connect_read_only(path, _WAIT_S)) as db:
            (schema,) = db.execute("PRAGMA user_version").fetchone()
            pending, sent, lost = db.execute(
                "SELECT (SELECT count(*) FROM reading WHERE sent_at_s IS NULL),"
                " (SELECT count(*) FROM reading WHERE sent_at_s IS NOT NULL), (SELECT readings FROM loss)"
            ).fetchone()
            oldest = db.execute(
                "SELECT payload FROM reading WHERE sent_at_s IS NULL ORDER BY number LIMIT 1"
            ).fetchone()
            rows = db.execute("SELECT payload FROM reading ORDER BY number DESC LIMIT ?", (last,)).fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}; try as the service's user") from error
    oldest_pending = None if oldest is None else _captured(oldest[0])
    return Survey(schema, pending, sent, lost, oldest_pending, [payload for (payload,) in rows])


def set_aside(path: Path) -> list[Path]:
    """Return the damaged databases that were set aside beside the store at `path`, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*Z"))


def _captured(payload: str) -> datetime | None:
    try:
        return Reading.from_json(payload).captured_at
    except ValueError:
        return None
