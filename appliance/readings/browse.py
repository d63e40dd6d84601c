"""Reading what is stored, also while the service writes: read-only, and without its care for damage."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from appliance.errors import StoreError
from appliance.readings.database import readable
from appliance.readings.read_only import connect_read_only
from appliance.readings.reading import Reading

_WAIT_S = 5.0


def stored_readings(path: Path) -> Iterator[Reading]:
    """Yield the readings of a store, oldest first; rows that are none any more are left out.

    Raises `StoreError` where there is no store that can be read.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such store; the service makes it when it first runs")
    try:
        with closing(connect_read_only(path, _WAIT_S)) as connection:
            connection.text_factory = readable
            for (payload,) in connection.execute("SELECT payload FROM reading ORDER BY number"):
                try:
                    yield Reading.from_json(payload)
                except ValueError:
                    continue
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}; try as the service's user") from error
