"""Pictures that people sent with what is on them: a folder, a manifest, and the way out again.

Every change happens under one lock of the folder, in an order that leaves no row without its picture wherever it is
stopped: a picture is on disk before its row, and stays until its row is gone. What was left between is swept away
with the next purge.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hornet.dataset.manifest import read_manifest, write_manifest
from hornet.dataset.records import Dataset, Record
from hornet.errors import ConfigError, HornetError
from hornet.files import sync_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: What the manifest says of where these pictures are from.
SOURCE: Final = "collected"
#: Names that this module gives: nothing else in the folder is ever deleted.
NAME: Final = r"[0-9a-f]{32}\.(?:jpg|png)"

_OURS: Final = re.compile(NAME)
_LEFT_OVER: Final = re.compile(r"\.(?:manifest\.csv|" + NAME + r")\.[0-9a-f]{8}\.tmp")
_COLUMNS: Final = ("path", "label", "source", "collected_at", "deletion")
#: The same picture can be sent again, each time with a token of its own; the oldest ones give way.
_TOKENS: Final = 8


class CollectionFull(HornetError):
    """The folder has as much as it may have."""


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever sent a picture keeps.

    Attributes:
        picture: Its name in the collection.
        token: Deletes it; only a digest of it is kept here.
    """

    picture: str
    token: str


class Collection:
    """A folder of collected pictures, their ``manifest.csv``, and limits.

    Args:
        folder: Made if it isn't there.
        most_pictures: Rows.
        most_bytes: Pictures together, bytes.
        days: How long a picture is kept; 0: until somebody deletes it.

    Raises:
        ConfigError: If the folder can't be used.
        ManifestInvalid: If its manifest can't be read.
    """

    def __init__(self, folder: Path, *, most_pictures: int, most_bytes: int, days: int) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.csv"
        self._most_pictures = most_pictures
        self._most_bytes = most_bytes
        self._days = days
        try:
            # For nobody but the server's user: these are people's pictures.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                self._read()
        except OSError as error:
            raise ConfigError(f"{folder} can't hold collected pictures: {error.strerror or error}") from None

    def add(self, data: bytes, suffix: str, label: int, today: dt.date) -> Given:
        """Keep a picture; one that is here already gets the new label.

        Args:
            data: Encoded, without metadata; see :mod:`hornet.dataset.stripping`.
            suffix: ``.jpg`` or ``.png``.
            label: Class number, 0 absent or 1 present.
            today: Its retention begins.

        Raises:
            CollectionFull: If it would be one too many.
            OSError: If it can't be written; nothing of it stays.
        """
        token = secrets.token_urlsafe(24)
        name = hashlib.sha256(data).hexdigest()[:32] + suffix
        with self._locked():
            records = self._read()
            before = records.get(name)
            path = self.folder / name
            if before is None:
                self._check_room(records, len(data))
            if before is None or not path.exists():
                write_atomically(path, data)
            tokens = [*_tokens(before), _hash(token)][-_TOKENS:]
            extra = (("collected_at", today.isoformat()), ("deletion", " ".join(tokens)))
            records[name] = Record(name, path, label, source=SOURCE, extra=extra)
            try:
                self._write(records)
            except OSError:
                if before is None:
                    path.unlink(missing_ok=True)
                raise
        return Given(name, token)

    def delete(self, given: Given) -> bool:
        """Delete a picture and its row; return whether there was one that the token is for."""
        with self._locked():
            records = self._read()
            record = records.get(given.picture)
            wanted = _hash(given.token)
            if record is None or not any(hmac.compare_digest(wanted, one) for one in _tokens(record)):
                return False
            del records[given.picture]
            self._write(records)
            self._unlink([given.picture])
        return True

    def purge(self, today: dt.date) -> int:
        """Delete what is kept for too long, and what an interrupted change left behind.

        Returns:
            How many rows are gone.
        """
        with self._locked():
            records = self._read()
            files = {entry.name for entry in self.folder.iterdir()}
            kept = {
                name: record
                for name, record in records.items()
                if (name in files or not _OURS.fullmatch(name)) and not self._expired(record, today)
            }
            if len(kept) < len(records):
                self._write(kept)
            self._unlink(
                name
                for name in files
                if (_OURS.fullmatch(name) and name not in kept) or _LEFT_OVER.fullmatch(name)
            )
        return len(records) - len(kept)

    def _expired(self, record: Record, today: dt.date) -> bool:
        try:
            began = dt.date.fromisoformat(dict(record.extra).get("collected_at", ""))
        except ValueError:
            return False  # a row that somebody else wrote: it isn't ours to delete
        return bool(self._days) and began + dt.timedelta(self._days) <= today

    def _check_room(self, records: dict[str, Record], size: int) -> None:
        held = sum(entry.stat().st_size for entry in os.scandir(self.folder) if _OURS.fullmatch(entry.name))
        if len(records) >= self._most_pictures or held + size > self._most_bytes:
            raise CollectionFull("as many pictures are kept as may be; the operator can raise the limits")

    def _read(self) -> dict[str, Record]:
        if not self.manifest.exists():
            return {}
        return {record.name: record for record in read_manifest(self.manifest, check_files=False).records}

    def _write(self, records: dict[str, Record]) -> None:
        if records:
            write_manifest(Dataset(tuple(records.values()), self.folder, _COLUMNS), self.manifest)
        else:  # a manifest without rows is none
            self.manifest.unlink(missing_ok=True)
            sync_folder(self.folder)

    def _unlink(self, names: Iterable[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        sync_folder(self.folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep every other thread and process out of the folder."""
        with (self.folder / ".lock").open("ab") as file:
            _lock(file.fileno())  # closing lets go
            yield


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _tokens(record: Record | None) -> list[str]:
    return dict(record.extra).get("deletion", "").split() if record else []


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
