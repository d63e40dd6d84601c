"""The store's schema, as numbered steps; a database says in `user_version` how many it has had."""

import sqlite3
from collections.abc import Sequence

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE device (
          name TEXT PRIMARY KEY,
          last_sequence INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE reading (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          id TEXT NOT NULL UNIQUE,
          device TEXT NOT NULL,
          sequence INTEGER NOT NULL,
          boot_id TEXT NOT NULL,
          stored_monotonic_s REAL NOT NULL,
          payload TEXT NOT NULL,
          sent_at_s REAL,
          UNIQUE (device, sequence)
        ) STRICT
        """,
        "CREATE INDEX outbox ON reading (number) WHERE sent_at_s IS NULL",
        "CREATE INDEX sent ON reading (number) WHERE sent_at_s IS NOT NULL",
        "CREATE TABLE loss (number INTEGER PRIMARY KEY CHECK (number = 1), readings INTEGER NOT NULL) STRICT",
        "INSERT INTO loss VALUES (1, 0)",
    ),
)
"""Each step is a tuple of statements. Released steps are never edited: add another one."""


class NewerSchemaError(Exception):
    """The database was written by a later version of the appliance."""


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Apply the steps that `connection` (in autocommit mode) has not had, each in a transaction of its own.

    Raises `NewerSchemaError`, or sqlite3's errors with the unfinished step undone.
    """
    (done,) = connection.execute("PRAGMA user_version").fetchone()
    if done > len(steps):
        raise NewerSchemaError(f"schema {done}, this version knows {len(steps)}")
    for number, statements in enumerate(steps[done:], start=done + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
