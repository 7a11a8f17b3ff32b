"""What a labelled picture is, and what a set of them is. Pure: reads no file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from hornet.errors import EmptyClass, ManifestInvalid, SplitLeakage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hornet.images import Box

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)

#: How many offenders an error names before it says "and N more".
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One picture of a data set.

    Attributes:
        name: The path as the manifest has it, with ``/`` on every system.
        path: Where the file is.
        label: Class number, 0 absent or 1 present; None if nobody said.
        group: Pictures of one group must stay in one split; empty if it stands alone.
        source: Who collected it, such as ``portal``.
        camera: Which camera took it.
        captured_at: ISO 8601 date or date and time, or empty.
        split: ``train``, ``validation``, ``test``, or empty.
        species: What is on it, in whatever words the collector uses.
        licence: Under which terms the picture may be used.
        masks: Rectangles of this picture that are filled before resizing, as fractions.
        extra: Columns that hornet doesn't know, as pairs of column and value.
    """

    name: str
    path: Path
    label: int | None
    group: str = ""
    source: str = ""
    camera: str = ""
    captured_at: str = ""
    split: str = ""
    species: str = ""
    licence: str = ""
    masks: tuple[Box, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def day(self) -> str:
        """Return the date of ``captured_at`` as YYYY-MM-DD, empty if it has none."""
        return parse_time(self.captured_at).date().isoformat() if self.captured_at else ""

    def column(self, name: str) -> str:
        """Return a column by its name in the manifest; ``day`` is the date of ``captured_at``.

        Raises:
            ManifestInvalid: If this record has no such column.
        """
        if name == "day":
            return self.day
        if name in ("group", "source", "camera", "captured_at", "split", "species", "licence"):
            return str(getattr(self, name))
        for key, value in self.extra:
            if key == name:
                return value
        known = ", ".join(["day, group, source, camera, species", *(key for key, _ in self.extra)])
        raise ManifestInvalid(f"There is no column {name!r}. Pictures can be told apart by: {known}.")


def parse_time(text: str) -> datetime:
    """Read a moment: ISO 8601, or EXIF's ``YYYY:MM:DD HH:MM:SS``.

    Raises:
        ValueError: If it's neither.
    """
    if len(text) >= len("2019:09:16") and text[4] == text[7] == ":":
        text = text[:10].replace(":", "-") + text[10:]
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures in a fixed order.

    Attributes:
        records: The pictures.
        root: Folder to which the records' names relate.
        columns: Columns of the manifest in their order, so that writing keeps them.
        notes: Sentences for whoever loaded it: which folder became which class, what was passed over.
    """

    records: tuple[Record, ...]
    root: Path
    columns: tuple[str, ...] = ("path", "label")
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.records)

    def labels(self) -> NDArray[np.int64]:
        """Return the class numbers, shape (N,).

        Raises:
            ManifestInvalid: If a picture has no label.
        """
        missing = [record.name for record in self.records if record.label is None]
        if missing:
            raise ManifestInvalid(f"{len(missing)} pictures have no label: {few(missing)}. Label them first.")
        return np.array([record.label for record in self.records], dtype=np.int64)

    def groups(self) -> list[str]:
        """Return the group of each picture; one without a group is its own, under its own name."""
        return [record.group or record.name for record in self.records]

    def masks(self) -> list[tuple[Box, ...]]:
        """Return the masks of each picture."""
        return [record.masks for record in self.records]

    def paths(self) -> list[Path]:
        """Return where the files are."""
        return [record.path for record in self.records]

    def splits(self) -> list[str]:
        """Return the split of each picture, empty where it has none."""
        return [record.split for record in self.records]

    def subset(self, split: str) -> Dataset:
        """Return the pictures of one split."""
        return replace(self, records=tuple(r for r in self.records if r.split == split))

    def select(self, indices: Iterable[int]) -> Dataset:
        """Return the pictures at these positions, in this order."""
        return replace(self, records=tuple(self.records[i] for i in indices))

    def with_splits(self, splits: Sequence[str]) -> Dataset:
        """Return the same pictures with these splits, one a picture.

        Raises:
            ValueError: If their number isn't that of the pictures.
        """
        records = tuple(
            replace(record, split=split) for record, split in zip(self.records, splits, strict=True)
        )
        columns = self.columns if "split" in self.columns else (*self.columns, "split")
        return replace(self, records=records, columns=columns)

    def with_notes(self, *notes: str) -> Dataset:
        """Return the same pictures with these sentences added to the notes."""
        return replace(self, notes=(*self.notes, *notes))


def join_datasets(datasets: Sequence[Dataset]) -> Dataset:
    """Put several data sets one after the other; names become full paths where there are several.

    Groups of the same name are one group: it can only make a split more careful.

    Raises:
        ManifestInvalid: If there is none, or a picture is in two of them.
    """
    if not datasets:
        raise ManifestInvalid("There is no data. Name a folder of class folders or a manifest.")
    if len(datasets) == 1:
        return datasets[0]
    records = tuple(replace(r, name=r.path.absolute().as_posix()) for d in datasets for r in d.records)
    doubled = [name for name, count in Counter(r.name for r in records).items() if count > 1]
    if doubled:
        raise ManifestInvalid(
            f"{len(doubled)} pictures were given twice: {few(doubled)}. Leave one of each out."
        )
    columns = tuple(dict.fromkeys(column for d in datasets for column in d.columns))
    notes = tuple(note for d in datasets for note in d.notes)
    return Dataset(records, datasets[0].root, columns, notes)


def check_splits(dataset: Dataset) -> None:
    """Check that no group lies in two splits.

    Raises:
        SplitLeakage: If one does; the message names the first few.
    """
    seen: dict[str, set[str]] = {}
    for record, group in zip(dataset.records, dataset.groups(), strict=True):
        if record.split:
            seen.setdefault(group, set()).add(record.split)
    leaking = [f"{group} ({', '.join(sorted(where))})" for group, where in seen.items() if len(where) > 1]
    if leaking:
        raise SplitLeakage(
            f"{len(leaking)} groups lie in more than one split: {few(leaking)}. Pictures of one group are too "
            "alike to be learned from and measured on. Give each group one split, or remove the split column."
        )


def check_classes(dataset: Dataset, what: str) -> None:
    """Check that both classes have at least one picture.

    Args:
        dataset: The pictures.
        what: What they are, for the message, such as ``the training split``.

    Raises:
        EmptyClass: If a class has none.
    """
    counts = np.bincount(dataset.labels(), minlength=2)
    if counts.min() == 0:
        raise EmptyClass(
            f"{what} has {counts[1]} pictures with a hornet and {counts[0]} without: both kinds are needed. "
            "Add pictures, or move groups between the splits."
        )


def few(names: Sequence[str]) -> str:
    """Join the first few names, and say how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
