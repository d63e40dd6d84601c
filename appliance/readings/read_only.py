"""Opening a database for reading alone, also where nothing can be written beside it."""

import sqlite3
from pathlib import Path
from typing import Final

_ALONE: Final = "&immutable=1"


def connect_read_only(path: Path, wait_s: float) -> sqlite3.Connection:
    """Return a connection in autocommit mode that waits `wait_s` for others; raises sqlite3's errors.

    A write-ahead log wants an index beside it. Where nobody has the database open there is no log, and SQLite
    is told that nobody writes: else it would make both, as root's where root looks, which shuts the service
    out. So it is where the log is empty and no index can be made, as on a disk that takes no writes.
    """
    log = path.with_name(f"{path.name}-wal")
    if path.exists() and not log.exists():
        return _connect(path, wait_s, _ALONE)
    try:
        return _connect(path, wait_s)
    except sqlite3.OperationalError:
        if not path.exists() or (log.exists() and log.stat().st_size > 0):
            raise
        return _connect(path, wait_s, _ALONE)


def _connect(path: Path, wait_s: float, more: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{more}",
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 0").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
