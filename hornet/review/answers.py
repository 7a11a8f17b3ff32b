"""What people answered: a manifest that is whole after every answer, and that training takes as it is."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hornet.dataset.labels import LABELS
from hornet.dataset.manifest import read_manifest, write_manifest
from hornet.dataset.records import Dataset, Record
from hornet.errors import ConfigError
from hornet.locks import lock

if TYPE_CHECKING:
    from pathlib import Path

    from hornet.review.gather import Candidate

#: Which batch a picture was answered in, counted from 1.
BATCH: Final = "review_batch"
_COLUMNS: Final = ("path", "label")


class Answers:
    """The answers of one manifest; one process at a time.

    Rows that are there already stay, whatever they hold: an answer changes the label of its own picture and nothing
    else.

    Args:
        manifest: Read if it is there, else made with the first answer.
        source: What the column ``source`` says of pictures whose results don't say it.

    Raises:
        ConfigError: If it can't be written, or another process reviews into it.
        ManifestInvalid: If it is no manifest.
    """

    def __init__(self, manifest: Path, source: str = "") -> None:
        self.manifest = manifest
        self._source = source
        try:
            manifest.parent.mkdir(parents=True, exist_ok=True)
            # Held open, and so locked, until the process ends. Beside the manifest: that one is replaced.
            self._lock = manifest.with_name(f".{manifest.name}.lock").open("ab")
        except OSError as error:
            raise ConfigError(
                f"can't write {manifest}: {error.strerror or error}; name another with --out"
            ) from None
        try:
            self._columns, before = self._read()
        except BaseException:
            self._lock.close()
            raise
        self._records = {_key(record.path): record for record in before}
        self._first = dict(self._records)

    def __len__(self) -> int:
        return sum(record.label is not None for record in self._records.values())

    def _read(self) -> tuple[tuple[str, ...], tuple[Record, ...]]:
        """Take the lock, and return the columns and rows that are there."""
        if not lock(self._lock.fileno()):
            raise ConfigError(
                f"another hornet review is writing {self.manifest}; end it, or name another file with --out"
            )
        if not self.manifest.exists():
            return _COLUMNS, ()
        dataset = read_manifest(self.manifest, require_labels=False, check_files=False)
        return dataset.columns, dataset.records

    def close(self) -> None:
        """Let others write the manifest."""
        self._lock.close()

    def counts(self) -> dict[str, int]:
        """Return how many rows have each label."""
        labels = [record.label for record in self._records.values()]
        return {name: labels.count(number) for number, name in enumerate(LABELS)}

    def label(self, path: Path) -> str | None:
        """Return the label of a picture, or None."""
        record = self._records.get(_key(path))
        return None if record is None or record.label is None else LABELS[record.label]

    def batch(self, path: Path) -> int | None:
        """Return the number of the batch that a picture was answered in, or None."""
        record = self._records.get(_key(path))
        number = dict(record.extra).get(BATCH, "") if record else ""
        return int(number) if number.isdecimal() else None

    def batches(self) -> dict[int, int]:
        """Return how many answers each batch has."""
        found: dict[int, int] = {}
        for record in self._records.values():
            number = self.batch(record.path)
            if record.label is not None and number is not None:
                found[number] = found.get(number, 0) + 1
        return found

    def give(self, candidate: Candidate, label: str | None, batch: int | None = None) -> None:
        """Write an answer, or take it back.

        Args:
            candidate: The picture.
            label: ``present``, ``absent``, or None: as if nobody had answered.
            batch: Number of the batch that it was chosen for, or None.

        Raises:
            OSError: If it can't be written; then nothing has changed.
        """
        key = _key(candidate.path)
        records = dict(self._records)
        record = records.get(key) or self._record(candidate)
        if label is not None:
            extra = dict(record.extra) | ({BATCH: str(batch)} if batch else {})
            records[key] = replace(record, label=LABELS.index(label), extra=tuple(extra.items()))
        elif (first := self._first.get(key)) is not None:
            records[key] = replace(first, label=None)
        else:
            records.pop(key, None)
        if records:
            write_manifest(
                Dataset(tuple(records.values()), self.manifest.parent, self._columns), self.manifest
            )
        else:  # a manifest without rows is none
            self.manifest.unlink(missing_ok=True)
        self._records = records

    def _record(self, candidate: Candidate) -> Record:
        known = {"source": self._source} | candidate.columns
        return Record(
            name=candidate.name,
            path=candidate.path,
            label=None,
            group=known.get("group", ""),
            source=known["source"],
            camera=candidate.camera,
            captured_at=candidate.captured_at,
            species=known.get("species", ""),
            licence=known.get("licence", ""),
        )


def _key(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))
