"""The store of readings, which is also the outbox: stored before published, sent only once acknowledged."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from appliance.clock import Clock, SystemClock
from appliance.errors import StoreError
from appliance.readings.ballast import Ballast
from appliance.readings.database import (
    WAL_LIMIT_BYTES,
    advice,
    delete_set_aside,
    is_damage,
    is_full,
    live_bytes,
    open_database,
    open_read_only,
    replace_damaged,
    transact,
)
from appliance.readings.migrations import MIGRATIONS
from appliance.readings.pending import Pending
from appliance.readings.reading import Draft, Reading
from appliance.readings.settings import StoreSettings

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_PRUNE_EVERY = 200
_PRUNE_MOST = 1000
"""Looked at and deleted for their age at a time: many more than come meanwhile, and nobody waits for long."""

_PRUNE_BATCH = 32
MOST_NUMBER = (1 << 63) - 1
"""SQLite has no larger one."""

_SECONDS_PER_DAY = 86_400
_NEXT_SEQUENCE = """
INSERT INTO device
VALUES (:device, 1 + (SELECT coalesce(max(sequence), 0) FROM reading WHERE device = :device))
ON CONFLICT (name) DO UPDATE SET last_sequence = max(last_sequence + 1, excluded.last_sequence)
RETURNING last_sequence
"""
"""The readings have their say, lest a damaged counter give a number again and be refused for ever."""

_DELETE_SENT_BEFORE = """
DELETE FROM reading WHERE sent_at_s < ? AND number IN
  (SELECT number FROM reading WHERE sent_at_s IS NOT NULL ORDER BY number LIMIT ?)
"""
_DELETE_OLDEST_SENT = """
DELETE FROM reading WHERE number IN
  (SELECT number FROM reading WHERE sent_at_s IS NOT NULL ORDER BY number LIMIT ?)
"""
_DELETE_OLDEST_UNSENT = """
DELETE FROM reading WHERE number < (SELECT max(number) FROM reading) AND number IN
  (SELECT number FROM reading WHERE sent_at_s IS NULL ORDER BY number LIMIT ?)
"""
_BALLAST_BYTES = 2 * WAL_LIMIT_BYTES
"""A whole log, and the database's growth when that log is written back."""

_CHECKPOINT_PAGES = 1000
_TIGHT_CHECKPOINT_PAGES = 8
_TIGHT_SPARE_PAGES = 16
"""More than a reading takes, with its entries in the indices."""


@dataclass(frozen=True)
class Counts:
    """How many readings wait, how many sent ones are kept, and how many unsent ones were ever given up.

    Beside them how the store is: `size_mb` in use, `alarm` as in `Store`, and `tight` while the disk is full.
    """

    pending: int
    sent: int
    lost: int
    size_mb: float = field(default=0.0, compare=False)
    alarm: str | None = field(default=None, compare=False)
    tight: bool = field(default=False, compare=False)


class Store:
    """Readings in SQLite (write-ahead log, synchronous FULL): what `add` returned survives a power cut.

    Share one between threads; every method may wait for the disk, and raises `StoreError` when the disk is
    full or failing, with nothing half-written; later calls work again as soon as the disk does.

    With `ballast` it makes room by itself on a disk that others have filled: it throws off a file that it
    keeps for that, and overwrites the oldest sent readings; unsent ones are never deleted for it.
    """

    def __init__(
        self, path: Path, settings: StoreSettings, clock: Clock | None = None, *, ballast: bool = False
    ) -> None:
        """Take the database file; nothing is opened yet."""
        self._path = path
        self._ballast = Ballast(path.with_name(f"{path.name}.ballast"), _BALLAST_BYTES) if ballast else None
        self._keep_sent_s = settings.keep_sent_days * _SECONDS_PER_DAY
        self._max_bytes = round(settings.max_mb * 1_000_000)
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._opened = self._read_only = False
        self._connection: sqlite3.Connection | None = None
        self._added = 0
        self._unreadable = 0
        self.alarm: str | None = None
        """Set when damage to the database was found since `open`: one line for the health report."""

    def open(self) -> None:
        """Open or create the database, check it (which reads all of it), and drop what is too old.

        A damaged database is renamed aside, what can be read of it is taken over, and `alarm` is set.
        """
        with self._lock:
            if self._read_only:
                self.close()
            if self._connection is None:
                self._connection, self.alarm = self._open_database()
            self._opened = True
        self._prune_quietly()

    def open_read_only(self) -> None:
        """Open for reading alone what `open` could not open; `open` tries it again. Not if it is open."""
        with self._lock:
            if not self._opened:
                self._connection = open_read_only(self._path)
                self._opened = self._read_only = True

    def probe(self) -> None:
        """Write, to see whether the disk takes it; raises `StoreError`. Opens what is not open for that."""
        if self._read_only or not self._opened:
            self.open()
        self.run("nothing can be written", lambda db: db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}"))

    def close(self) -> None:
        """Close the database; safe to call twice."""
        with self._lock:
            self._opened = self._read_only = False
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, draft: Draft) -> Reading:
        """Store a reading durably under the device's next sequence number, and return it.

        Adding the same draft again returns what is stored already: a failing disk may have kept what it
        reported as lost. Raises pydantic's `ValidationError` for a draft that is no reading.
        """

        def work(db: sqlite3.Connection) -> Reading:
            known = db.execute("SELECT payload FROM reading WHERE id = ?", (str(draft.id),)).fetchone()
            if known is not None:
                return Reading.from_json(known[0])
            [(sequence,)] = db.execute(_NEXT_SEQUENCE, {"device": draft.origin.device}).fetchall()
            reading = draft.numbered(sequence)
            db.execute(
                "INSERT INTO reading (id, device, sequence, boot_id, stored_monotonic_s, payload)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    str(reading.id),
                    reading.device,
                    sequence,
                    str(reading.boot_id),
                    self._clock.monotonic_s() if draft.made_s is None else draft.made_s,
                    reading.to_json(),
                ),
            )
            self._make_room(db)
            return reading

        reading = self.run("a reading cannot be stored", work)
        self._added += 1
        if self._added % _PRUNE_EVERY == 0:
            self._prune_quietly()
        return reading

    def pending(self, limit: int, *, most: int = MOST_NUMBER) -> list[Pending]:
        """Return the first `limit` readings that are not sent, in the order in which they were stored.

        Those alone that have the number `most` or a lower one.

        One that a broken disk has changed beyond use is given up, counted and told: it must not hold up the
        others.
        """

        def work(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return db.execute(
                "SELECT number, id, payload, boot_id, stored_monotonic_s FROM reading"
                " WHERE sent_at_s IS NULL AND number <= ? ORDER BY number LIMIT ?",
                (most, limit),
            ).fetchall()

        while True:
            whole, broken = [], []
            for number, *row in self.run("the outbox cannot be read", work, writing=False):
                try:
                    whole.append(Pending.of(*row))
                except ValueError:
                    broken.append(number)
            if not broken:
                return whole
            self._give_up(broken)

    def _give_up(self, broken: list[int]) -> None:
        def work(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM reading WHERE number = ?", [(number,) for number in broken])
            db.execute("UPDATE loss SET readings = readings + ?", (len(broken),))

        self.run("damaged readings cannot be deleted", work)
        self._unreadable += len(broken)
        self.alarm = f"{self._path.name}: {self._unreadable} unsent readings were damaged and are lost"
        _log.error("%s", self.alarm)

    def mark_sent(self, ids: Iterable[UUID]) -> None:
        """Record that the broker acknowledged these readings; unknown ids are ignored."""
        now_s = self._clock.utc().timestamp()
        rows = [(now_s, str(id_)) for id_ in ids]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("UPDATE reading SET sent_at_s = ? WHERE id = ? AND sent_at_s IS NULL", rows)

        self.run("a reading cannot be marked as sent", work)

    def counts(self) -> Counts:
        """Count what is in the store."""

        def work(db: sqlite3.Connection) -> Counts:
            [(pending, sent, lost)] = db.execute(
                "SELECT (SELECT count(*) FROM reading WHERE sent_at_s IS NULL),"
                " (SELECT count(*) FROM reading WHERE sent_at_s IS NOT NULL), (SELECT readings FROM loss)"
            ).fetchall()
            size_mb = round(live_bytes(db) / 1_000_000, 3)
            return Counts(pending, sent, lost, size_mb, self.alarm, self.tight)

        return self.run("readings cannot be counted", work, writing=False)

    def newest_stamp(self) -> datetime | None:
        """Return when the reading that was stored last was captured, by its own word; None without one."""

        def work(db: sqlite3.Connection) -> datetime | None:
            row = db.execute("SELECT payload FROM reading ORDER BY number DESC LIMIT 1").fetchone()
            try:
                return None if row is None else Reading.from_json(row[0]).captured_at
            except ValueError:
                return None

        return self.run("the newest reading cannot be read", work, writing=False)

    def prune(self, now: datetime) -> None:
        """Delete the oldest sent readings: some of those beyond the bound, more while the store is too large.

        `add` and `open` do this by themselves now and then. Unsent readings go only when no sent one is left
        and the store is still too large; each one is counted and logged.
        """
        before_s = now.timestamp() - self._keep_sent_s

        def work(db: sqlite3.Connection) -> None:
            db.execute(_DELETE_SENT_BEFORE, (before_s, _PRUNE_MOST))
            self._make_room(db)

        self.run("old readings cannot be deleted", work)

    def _prune_quietly(self) -> None:
        try:
            self._hold_ballast()
            self.prune(self._clock.utc())
        except StoreError as error:
            _log.warning("%s", error)

    @property
    def tight(self) -> bool:
        """Whether the disk is full, or was at the last look."""
        return self._ballast is not None and not self._ballast.held

    def _hold_ballast(self) -> None:
        """Keep room again once there is some."""
        with self._lock:
            if self._ballast is not None and self._connection is not None:
                pages = _CHECKPOINT_PAGES if self._ballast.hold() else _TIGHT_CHECKPOINT_PAGES
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")

    def _give_way(self) -> bool:
        """Free room on a full disk; return whether that may have helped.

        Damaged databases that were set aside go where no sent reading is left to go.
        The log is written back early from now on and keeps its length, so that it needs no more room, whoever
        takes what became free.
        """
        # What is not even deleted from is not full: it refuses writes, which SQLite cannot tell apart.
        if self._ballast is None or not self._ballast.drop():
            return False
        _log.error("%s: the disk is full: the oldest sent readings make room", self._path)
        db = self._connected()
        db.execute(f"PRAGMA wal_autocheckpoint = {_TIGHT_CHECKPOINT_PAGES}")
        deleted = transact(db, lambda db: db.execute(_DELETE_OLDEST_SENT, (_PRUNE_BATCH,)), writing=True)
        if not deleted.rowcount:
            delete_set_aside(self._path)
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return True

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Delete the oldest readings, sent ones first, while the store is too large; the newest one stays.

        On a full disk, sent ones go as soon as the file would grow.
        """
        if self.tight and db.execute("PRAGMA freelist_count").fetchone()[0] < _TIGHT_SPARE_PAGES:
            db.execute(_DELETE_OLDEST_SENT, (_PRUNE_BATCH,))
        while live_bytes(db) > self._max_bytes:
            if db.execute(_DELETE_OLDEST_SENT, (_PRUNE_BATCH,)).rowcount:
                continue
            lost = db.execute(_DELETE_OLDEST_UNSENT, (_PRUNE_BATCH,)).rowcount
            if not lost:
                return
            db.execute("UPDATE loss SET readings = readings + ?", (lost,))
            _log.error("the store is full: %d unsent readings given up, oldest first", lost)

    def run(self, what: str, work: Callable[[sqlite3.Connection], _T], *, writing: bool = True) -> _T:
        """Do `work` in a transaction; once more when a full disk was given room. `what` is for the error."""
        with self._lock:
            if not self._opened:
                raise StoreError(f"{self._path}: {what}: the store is closed")
            try:
                try:
                    return self._attempt(work, writing=writing)
                except sqlite3.Error as error:
                    if not (writing and is_full(error) and self._give_way()):
                        raise
                    return self._attempt(work, writing=writing)
            except (sqlite3.Error, OSError) as error:
                raise self._failure(what, error) from error

    def _attempt(self, work: Callable[[sqlite3.Connection], _T], *, writing: bool) -> _T:
        """Do `work` in a transaction; once more on a fresh database if this one turns out to be damaged."""
        try:
            return transact(self._connected(), work, writing=writing)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            return transact(self._started_afresh(str(error)), work, writing=writing)

    def _connected(self) -> sqlite3.Connection:
        """Return the connection; open it again if replacing a damaged database had failed."""
        if self._connection is None:
            self._connection, self.alarm = open_database(self._path, self._clock.utc())
        return self._connection

    def _open_database(self) -> tuple[sqlite3.Connection, str | None]:
        """Open the database; without the ballast where it needs the room."""
        try:
            return open_database(self._path, self._clock.utc(), all_or_nothing=True)
        except StoreError:
            if self._ballast is not None:
                self._ballast.drop()
            return open_database(self._path, self._clock.utc())

    def _started_afresh(self, why: str) -> sqlite3.Connection:
        damaged, self._connection = self._connection, None
        if damaged is not None:
            damaged.close()
        self._connection, self.alarm = replace_damaged(self._path, self._clock.utc(), why)
        return self._connection

    def _failure(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"{self._path}: {what}: {error}{advice(error)}")
