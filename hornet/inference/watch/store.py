"""What a watched folder's past is kept in: one SQLite file, one transaction a batch.

A batch's answers, what is remembered of the cameras, the lines to write and the alarms to send become true
together or not at all: whatever ends the process, no picture is missed and none is told twice.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Literal

from hornet.errors import ConfigError
from hornet.inference.watch.confirmation import Camera, from_document, to_document
from hornet.inference.watch.database import Transaction, connect
from hornet.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hornet.inference.records import Seen
    from hornet.inference.watch.outbox import Delivery

_VERSION: Final = 1
_LOCK: Final = "watch.lock"
# Pictures of undelivered alarms, bytes; further alarms are kept without them.
_PICTURES: Final = 1 << 30

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tries (path BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cameras (name BLOB PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lines (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, created REAL NOT NULL, document TEXT NOT NULL, picture BLOB, heatmap BLOB,
    tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting', problem TEXT
);
"""

Target = Literal["rows", "alarms"]
#: Of a file: answered; or there before the first watch, and still to be answered, without alarms.
State = Literal["done", "existing"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What becomes true together.

    Attributes:
        files: Relative paths and what the files were like.
        cameras: What is to be remembered, by name.
        lines: To be written, in their order.
        deliveries: To be sent.
    """

    files: Sequence[tuple[str, Seen]]
    cameras: Mapping[str, Camera]
    lines: Sequence[tuple[Target, bytes]]
    deliveries: Sequence[Delivery]


class Store:
    """The state of one watched folder; one process at a time, one object a thread.

    Args:
        folder: Made if it isn't there; on a local disk.

    Raises:
        ConfigError: If it can't be used, or is in use.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = None
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self._lock = open(os.path.join(folder, _LOCK), "ab")  # noqa: SIM115 - held until the end
        except OSError as error:
            raise ConfigError(
                f"can't keep the state in {folder}: {error.strerror or error}; name another folder with --state"
            ) from None
        if not lock(self._lock.fileno()):
            self._lock.close()
            raise ConfigError(f"{folder} is in use: this folder is being watched already; see --state")
        try:
            self._connection = connect(folder)
            with self._transaction() as run:
                for statement in _TABLES.split(";"):
                    run.execute(statement)
            version = self.meta("version")
            if version is None:
                self.set_meta("version", str(_VERSION))
        except sqlite3.Error as error:
            self._lock.close()
            raise ConfigError(
                f"can't use the state in {folder}: {error}; move it away, or name another folder with --state"
            ) from None
        if version not in {None, str(_VERSION)}:
            self.close()
            raise ConfigError(f"the state in {folder} was written by another version of hornet; use that one")

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def meta(self, key: str) -> str | None:
        """Return a note."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def set_meta(self, key: str, value: str) -> None:
        """Keep a note."""
        with self._transaction() as run:
            run.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def known(self, path: str) -> tuple[Seen, State] | None:
        """Return what a file was like when it was kept, and what it is."""
        row = self._connection.execute(
            "SELECT size, changed, state FROM files WHERE path = ?", (os.fsencode(path),)
        ).fetchone()
        return None if row is None else ((row[0], row[1]), row[2])

    def begin(self, existing: Iterable[tuple[str, Seen]], state: State) -> None:
        """Keep what was there before the first watch, and that this has been done."""
        with self._transaction() as run:
            run.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                ((os.fsencode(path), *seen, state) for path, seen in existing),
            )
            run.execute("INSERT OR REPLACE INTO meta VALUES ('begun', ?)", (str(time.time()),))

    def tried(self) -> dict[str, int]:
        """Return files that were being read when a process ended, and how often that happened."""
        rows = self._connection.execute("SELECT path, count FROM tries").fetchall()
        return {os.fsdecode(path): count for path, count in rows}

    def will_try(self, paths: Sequence[str]) -> None:
        """Keep that files are going to be read: one may end the process."""
        with self._transaction() as run:
            run.executemany(
                "INSERT INTO tries VALUES (?, 1) ON CONFLICT (path) DO UPDATE SET count = count + 1",
                [(os.fsencode(path),) for path in paths],
            )

    def has_tried(self, paths: Sequence[str]) -> None:
        """Keep that reading files ended nothing."""
        with self._transaction() as run:
            run.executemany("DELETE FROM tries WHERE path = ?", [(os.fsencode(path),) for path in paths])

    def camera(self, name: str) -> Camera:
        """Return what is remembered of a camera."""
        row = self._connection.execute(
            "SELECT document FROM cameras WHERE name = ?", (os.fsencode(name),)
        ).fetchone()
        return Camera() if row is None else from_document(json.loads(row[0]))

    def record(self, batch: Batch) -> None:
        """Make a batch true, all of it or nothing.

        Raises:
            sqlite3.Error: If it can't be written.
        """
        with self._transaction() as run:
            run.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, 'done')",
                [(os.fsencode(path), *seen) for path, seen in batch.files],
            )
            run.executemany(
                "DELETE FROM tries WHERE path = ?", [(os.fsencode(path),) for path, _ in batch.files]
            )
            run.executemany(
                "INSERT OR REPLACE INTO cameras VALUES (?, ?)",
                [
                    (os.fsencode(name), json.dumps(to_document(camera)))
                    for name, camera in batch.cameras.items()
                ],
            )
            run.executemany("INSERT INTO lines (target, line) VALUES (?, ?)", batch.lines)
            for delivery in batch.deliveries:
                self._keep(run, delivery)

    def _keep(self, run: sqlite3.Cursor, delivery: Delivery) -> None:
        (held,) = run.execute(
            "SELECT coalesce(sum(length(picture) + length(heatmap)), 0) FROM deliveries WHERE state = 'waiting'"
        ).fetchone()
        full = held > _PICTURES
        # Only what can be told apart from what was sent before: the same alarm isn't sent twice.
        run.execute(
            "INSERT OR IGNORE INTO deliveries (id, created, document, picture, heatmap) VALUES (?, ?, ?, ?, ?)",
            (
                delivery.id,
                delivery.created,
                delivery.document,
                None if full else delivery.picture,
                None if full else delivery.heatmap,
            ),
        )

    def lines(self, target: Target) -> list[tuple[int, bytes]]:
        """Return lines that aren't known to be in their file yet, in their order."""
        return self._connection.execute(
            "SELECT id, line FROM lines WHERE target = ? ORDER BY id", (target,)
        ).fetchall()

    def written(self, numbers: Sequence[int]) -> None:
        """Forget lines that are in their file."""
        with self._transaction() as run:
            run.executemany("DELETE FROM lines WHERE id = ?", [(number,) for number in numbers])

    def _transaction(self) -> Transaction:
        return Transaction(self._connection)
