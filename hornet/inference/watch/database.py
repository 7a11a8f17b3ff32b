"""The SQLite file that the store and the outbox share."""

from __future__ import annotations

import os
import sqlite3
from typing import Final

_FILE: Final = "watch.sqlite"
_WAIT_S: Final = 30.0  # for the other thread's transaction


class Transaction:
    """All of what is executed in it, or nothing; on the disk when it ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Cursor:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection.cursor()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def connect(folder: str) -> sqlite3.Connection:
    """Open the file in a folder; it is made if it isn't there."""
    connection = sqlite3.connect(os.path.join(folder, _FILE), timeout=_WAIT_S, isolation_level=None)
    # Readers and the writer don't wait for each other; FULL: a commit outlives a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
