"""The journal of commands: what was begun is never begun again, and what was done is told."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from appliance.errors import CommandError

_log = logging.getLogger(__name__)

_KEPT = 100
"""Requests that are remembered; results are bounded, and so is this file: to some 30 MB at worst."""

_WORTH_TELLING_S = 3600.0
"""A result that nobody took by then, because the broker was away, is kept for who asks again.

It counts from the request's end where the clock says less, as one that begins anew after a power cut.
"""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    digest TEXT NOT NULL,
    begun_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    result TEXT,
    tell_until REAL
) STRICT
"""
_SCHEMA_FORGOTTEN = """
CREATE TABLE IF NOT EXISTS forgotten (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    last_expired_at REAL NOT NULL
) STRICT
"""
_DOOMED = """
FROM request WHERE expires_at < ? AND result IS NOT NULL
AND number <= (SELECT coalesce(max(number), 0) FROM request) - ?
"""
_NOTE_DOOMED = f"""
INSERT INTO forgotten
SELECT 1, last FROM (SELECT max(expires_at) AS last {_DOOMED}) WHERE last IS NOT NULL
ON CONFLICT (number) DO UPDATE SET last_expired_at = max(last_expired_at, excluded.last_expired_at)
"""  # noqa: S608 - ours
_FIELDS = "id, command, digest, result"
_COLUMNS = {"number", "id", "command", "digest", "begun_at", "expires_at", "result", "tell_until"}


@dataclass(frozen=True)
class Entry:
    """A request as the journal knows it; `result` is None until it is done."""

    id: UUID
    command: str
    digest: str
    result: str | None


class Journal:
    """Remembers requests over crashes and power cuts; may be used by several threads.

    A request is written down before it is begun, so that one whose end is not written down was interrupted.
    Every method raises `CommandError` where the disk does not do as it should.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def open(self, interrupted: Callable[[Entry], str], now: datetime) -> None:
        """Open the file, or make it; what was begun and not ended gets the result that `interrupted` returns.

        A damaged file is set aside, and forgotten: no request outlives its ten minutes.
        """
        with self._naming_faults():
            try:
                self._connection = _connect(self._file)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                _log.error("%s is damaged (%s); it begins anew", self._file.name, error)
                self._file.replace(self._file.with_name(f"{self._file.name}.damaged"))
                for end in ("-wal", "-shm", "-journal"):
                    self._file.with_name(self._file.name + end).unlink(missing_ok=True)
                self._connection = _connect(self._file)
        for entry in self._select("result IS NULL"):
            self.finish(entry.id, interrupted(entry), now)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def find(self, request_id: UUID) -> Entry | None:
        """Return what is known of a request."""
        return next(iter(self._select("id = ?", str(request_id))), None)

    def begin(self, entry: Entry, now: datetime, expires_at: datetime) -> bool:
        """Write down that a request, not known yet, is begun; False where too many are remembered already.

        Those are forgotten first that were asked for first, but none that could still be asked for again.
        """
        with self._writing() as connection:
            doomed = now.timestamp(), _KEPT - 1
            connection.execute(_NOTE_DOOMED, doomed)
            connection.execute(f"DELETE {_DOOMED}", doomed)
            (remembered,) = connection.execute("SELECT count(*) FROM request").fetchone()
            if remembered >= _KEPT:
                return False
            connection.execute(
                "INSERT INTO request (id, command, digest, begun_at, expires_at) VALUES (?, ?, ?, ?, ?)",
                (str(entry.id), entry.command, entry.digest, now.timestamp(), expires_at.timestamp()),
            )
        return True

    def may_be_forgotten(self, expires_at: datetime) -> bool:
        """Whether a request that is not known, and expires then, may be one that was done and is forgotten.

        None is, as long as the clock does not go back.
        """
        with self._lock, self._naming_faults():
            query = "SELECT 1 FROM forgotten WHERE last_expired_at >= ?"
            return self._open.execute(query, (expires_at.timestamp(),)).fetchone() is not None

    def finish(self, request_id: UUID, result: str, now: datetime) -> bool:
        """Write down a result that is to be told; False where the request has one already."""
        with self._writing() as connection:
            done = connection.execute(
                "UPDATE request SET result = ?, tell_until = max(?, expires_at) + ?"
                " WHERE id = ? AND result IS NULL",
                (result, now.timestamp(), _WORTH_TELLING_S, str(request_id)),
            )
        return done.rowcount == 1

    def shorten(self, request_id: UUID, result: str) -> None:
        """Replace a result by another one."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE request SET result = ? WHERE id = ? AND result IS NOT NULL", (result, str(request_id))
            )

    def waiting(self, now: datetime) -> list[Entry]:
        """Return what is done and still to be told, in the order in which it was begun."""
        return self._select("tell_until > ?", now.timestamp())

    def told(self, request_id: UUID) -> None:
        """Note that a result has been told."""
        with self._writing() as connection:
            connection.execute("UPDATE request SET tell_until = NULL WHERE id = ?", (str(request_id),))

    def tell_again(self, request_id: UUID, now: datetime) -> None:
        """Have a result told once more, if there is one."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE request SET tell_until = max(?, expires_at) + ? WHERE id = ? AND result IS NOT NULL",
                (now.timestamp(), _WORTH_TELLING_S, str(request_id)),
            )

    def count_since(self, commands: frozenset[str], since: datetime) -> int:
        """Return how many requests for one of `commands`, begun since then, were done or may yet be."""
        marks = ", ".join("?" * len(commands))
        came_to_something = "(result IS NULL OR json_extract(result, '$.status') = 'done')"
        condition = f"command IN ({marks}) AND begun_at >= ? AND {came_to_something}"
        return len(self._select(condition, *commands, since.timestamp()))

    def _select(self, condition: str, *values: object) -> list[Entry]:
        with self._lock, self._naming_faults():
            rows = self._open.execute(
                f"SELECT {_FIELDS} FROM request WHERE {condition} ORDER BY number",  # noqa: S608 - ours
                values,
            ).fetchall()
        return [Entry(UUID(id_), command, digest, result) for id_, command, digest, result in rows]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._naming_faults(), self._open as connection:
            yield connection

    @contextlib.contextmanager
    def _naming_faults(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"{self._file.name}: cannot be used: {error}; check the disk") from error

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise CommandError(f"{self._file.name}: is not open")
        return self._connection


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=0.5, check_same_thread=False)
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        # Rollback journal, and every commit on the disk before it counts.
        connection.execute("PRAGMA synchronous = FULL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        connection.execute(_SCHEMA)
        connection.execute(_SCHEMA_FORGOTTEN)
        columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(request)")}
        if not columns >= _COLUMNS:
            raise sqlite3.DatabaseError("its table is another one")
        undo.pop_all()
    return connection
