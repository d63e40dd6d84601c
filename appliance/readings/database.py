"""Opening the store's database: checked, migrated, and set aside if it is damaged."""

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from appliance.errors import StoreError
from appliance.files import sync_folder
from appliance.readings.migrations import NewerSchemaError, migrate
from appliance.readings.read_only import connect_read_only
from appliance.readings.salvage import salvage

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_BUSY_TIMEOUT_S = 0.5
_CHECK_S = 10.0
"""A third of the time that systemd gives the service to start. What lies behind is found when it is used."""

WAL_LIMIT_BYTES = 4_000_000
"""Up to this length the log keeps its room on the disk; SQLite writes it back at about this length."""

_CACHE_KB = 512
"""SQLite's own 2 MB fill within the first thousand readings, which looks like a leak and brings no speed."""

_ASIDE = ".damaged-"
_KEPT_ASIDE = 2
_ROOM_TO_OPEN_BYTES = 1_000_000
"""A log's index, and its first pages."""

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}

_SIDE_FILES = ("-wal", "-shm", "-journal")


class _DamagedError(Exception):
    """The file is no usable database of ours."""


def readable(text: bytes) -> str:
    """Return what SQLite holds as a text; a flipped bit in one must not make a whole query fail."""
    return text.decode(errors="replace")


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Say whether `error` means that the database itself is broken, not the disk or the request.

    So it is where sqlite3 cannot decode SQLite's own message: there is junk in the names that it quotes.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_database(
    path: Path, now: datetime, *, all_or_nothing: bool = False
) -> tuple[sqlite3.Connection, str | None]:
    """Open the store at `path` in autocommit mode, for one thread at a time; create it if there is none.

    A damaged database is renamed aside with `now` in its name, and what can still be read of it is taken
    over; the second value then says so in one line. Raises `StoreError` if the place cannot be used at all,
    and with `all_or_nothing` if a full disk has no room for all that can be read.
    """
    try:
        _make_folder(path.parent)
        if _fresh(path).exists():
            return replace_damaged(path, now, "its replacement was interrupted")
        try:
            connection = _connect(path)
        except _DamagedError as damage:
            return replace_damaged(path, now, str(damage), all_or_nothing=all_or_nothing)
        delete_database(_growing(path))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{path}: the store of readings cannot be opened: {error}; check the disk"
        ) from error
    return connection, None


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open the store at `path` on a disk that takes no writes; raises `StoreError` where that cannot be.

    A log that a power cut left is read, too, where its index is still there.
    """
    with contextlib.ExitStack() as undo:
        try:
            with _naming_damage():
                connection = connect_read_only(path, _BUSY_TIMEOUT_S)
                undo.callback(connection.close)
                connection.text_factory = readable
                _probe(connection)
        except (OSError, sqlite3.Error, _DamagedError) as error:
            raise StoreError(f"{path}: the store of readings cannot even be read: {error}") from error
        undo.pop_all()
    return connection


def _make_folder(folder: Path) -> None:
    """Make the folder and those above it; SQLite syncs names in it, but not its own."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def replace_damaged(
    path: Path, now: datetime, why: str, *, all_or_nothing: bool = False
) -> tuple[sqlite3.Connection, str]:
    """Put a fresh database with what can be saved in place of the closed one at `path`, and open it.

    The fresh one is made beside the damaged one and takes its place only when it is whole, so that nothing
    is lost if this is interrupted: it goes on at the next opening.
    """
    fresh = _fresh(path)
    if not fresh.exists():
        delete_set_aside(path, keep=_KEPT_ASIDE - 1)
        _grow(path, _growing(path), all_or_nothing=all_or_nothing)
        _growing(path).rename(fresh)
        sync_folder(path.parent)
    aside = _set_aside(path, now)
    fresh.rename(path)
    sync_folder(path.parent)
    try:
        connection = _connect(path)
    except _DamagedError as damage:
        raise _too_broken(path, damage) from damage
    [(saved,)] = connection.execute("SELECT count(*) FROM reading WHERE sent_at_s IS NULL").fetchall()
    alarm = f"{path.name} was damaged ({why}); it is kept as {aside.name}, {saved} unsent readings were saved"
    _log.error("%s", alarm)
    return connection, alarm


def _growing(path: Path) -> Path:
    return path.with_name(f"{path.name}.growing")


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.fresh")


def _grow(damaged: Path, growing: Path, *, all_or_nothing: bool) -> None:
    """Make a database of what can be saved from `damaged`, or go on with one that was begun."""
    try:
        try:
            connection = _connect(growing)
        except _DamagedError:
            delete_database(growing)
            connection = _connect(growing)
    except _DamagedError as damage:
        raise _too_broken(damaged, damage) from damage
    with contextlib.closing(connection):
        # It is renamed, so that all of it has to be in one file; and to be opened it needs some room then.
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        _leave_room(connection, shutil.disk_usage(growing.parent).free - _ROOM_TO_OPEN_BYTES)
        try:
            salvage(damaged, connection)
        except sqlite3.OperationalError as error:
            if all_or_nothing or error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            # A service that does not start for want of room would lose more.
            _log.error("%s: the disk is full, more could not be saved of it", damaged)


def _leave_room(connection: sqlite3.Connection, bytes_: int) -> None:
    """Let the database grow by `bytes_` and no further; SQLite then says that the disk is full."""
    pages, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
    )
    connection.execute(f"PRAGMA max_page_count = {pages + max(0, bytes_) // page_bytes}").fetchall()


def _too_broken(path: Path, damage: _DamagedError) -> StoreError:
    return StoreError(f"{path}: even a new store is damaged ({damage}); replace the SD card")


def _connect(path: Path) -> sqlite3.Connection:
    log = path.with_name(f"{path.name}-wal")
    if path.exists() and path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0:
        # SQLite would take it for a new one, and delete the log.
        raise _DamagedError("it is empty, but its log is not")
    _drop_what_others_left(log, path.with_name(f"{path.name}-shm"))
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    connection.text_factory = readable
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        with _naming_damage():
            connection.execute("PRAGMA journal_mode = WAL")
            # SQLite opens for reading what it cannot open for writing, and says nothing.
            transact(connection, lambda _: None, writing=True)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
            _check(connection)
            migrate(connection)
            _probe(connection)
        undo.pop_all()
    return connection


def _drop_what_others_left(log: Path, index: Path) -> None:
    """Remove an empty log, and its index, that somebody else's look at the store has left: root's, mostly."""
    if index.exists() and not os.access(index, os.R_OK | os.W_OK):
        index.unlink()
    if log.exists() and log.stat().st_size == 0 and not os.access(log, os.R_OK | os.W_OK):
        log.unlink()


def _check(connection: sqlite3.Connection) -> None:
    """Read all of the database to see whether it is sound, or as much as there is time for."""
    timer = threading.Timer(_CHECK_S, connection.interrupt)
    timer.start()
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        _log.warning("the store could be checked in part only: the disk is slow")
        return
    finally:
        timer.cancel()
        # Later it would interrupt something else.
        timer.join()
    if verdict != "ok":
        raise _DamagedError(" ".join(verdict.split()))


@contextlib.contextmanager
def _naming_damage() -> Iterator[None]:
    try:
        yield
    except NewerSchemaError as error:
        raise _DamagedError(str(error)) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if is_damage(error):
            raise _DamagedError(str(error)) from error
        raise


def _probe(connection: sqlite3.Connection) -> None:
    """Refuse a sound database whose tables are not ours."""
    try:
        connection.execute("SELECT number, id, device, sequence, boot_id, sent_at_s FROM reading LIMIT 0")
        connection.execute("SELECT name, last_sequence FROM device LIMIT 0")
        (rows,) = connection.execute("SELECT count(*) FROM loss").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise _DamagedError(str(error)) from error
        raise
    if rows != 1:
        raise _DamagedError("its counter of losses is gone")


def delete_set_aside(path: Path, keep: int = 0) -> None:
    """Delete the damaged databases that were set aside beside `path`, all but the `keep` newest."""
    older = sorted(path.parent.glob(f"{path.name}{_ASIDE}*Z"), key=lambda file: file.stat().st_mtime)
    for file in older[: len(older) - keep]:
        _log.warning("%s, a damaged store that was set aside, is deleted for its room", file.name)
        delete_database(file)


def _set_aside(path: Path, now: datetime) -> Path:
    """Rename what is there of the database."""
    aside = path.with_name(f"{path.name}{_ASIDE}{now:%Y%m%dT%H%M%S%f}Z")
    for end in (*_SIDE_FILES, ""):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    # An old log beside a new database would be taken for its own.
    sync_folder(path.parent)
    return aside


def delete_database(path: Path) -> None:
    """Delete a closed database and what belongs to it; raises `OSError`."""
    for end in ("", *_SIDE_FILES):
        path.with_name(path.name + end).unlink(missing_ok=True)


def is_full(error: Exception) -> bool:
    """Say whether the disk is full, as far as SQLite can tell that from one that fails."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _FULL


def advice(error: Exception) -> str:
    """Return what a person can do about an error, to be put behind it."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return ""
    if code & 0xFF in _FULL:
        return "; free space on the disk, or replace it"
    return "; replace the SD card" if code & 0xFF == sqlite3.SQLITE_READONLY else ""


def transact(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T], *, writing: bool) -> _T:
    """Do `work` in a transaction of a connection in autocommit mode; undo it where it fails."""
    db.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def live_bytes(db: sqlite3.Connection) -> int:
    """Return the bytes in use, without pages that are free to be used again."""
    pages, free, page_bytes = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int(pages - free) * int(page_bytes)
