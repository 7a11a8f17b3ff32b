"""New labels meet earlier ones: what contradicts is shown, and what was held out stays held out.

The registry keeps ``labels.csv``: every picture that was given to a retraining, with label, group, split and the
SHA-256 of its file. It stays on this machine; pictures aren't copied.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.dataset import (
    TEST,
    TRAIN,
    VALIDATION,
    Dataset,
    Record,
    derive_groups,
    file_digest,
    read_manifest,
    write_manifest,
)
from hornet.dataset.records import few
from hornet.decision import CLASSES
from hornet.errors import DatasetError, EmptyClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hornet.dataset.groups import GroupBy
    from hornet.training.bank import Bank

LABELS_FILE: Final = "labels.csv"
#: Share of the new groups of each class that is held out.
HELD_OUT: Final = 0.25
_DIGEST: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A picture that was labelled otherwise before.

    Attributes:
        name: The picture.
        before: Its earlier label, ``absent`` or ``present``.
        now: The new one, which counts.
    """

    name: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Merged:
    """New and earlier pictures, split.

    Attributes:
        dataset: Both, each with group and split; the column ``sha256`` has each file's.
        added: Pictures that are new.
        known: Pictures among the new ones that were labelled before.
        earlier: Earlier pictures that are still there and take part.
        gone: Earlier pictures whose files are gone or were changed.
        conflicts: Pictures that were labelled otherwise before.
        notes: What else the user should know.
    """

    dataset: Dataset
    added: int
    known: int
    earlier: int
    gone: int
    conflicts: tuple[Conflict, ...]
    notes: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Return what to tell the user, a line each."""
        lines = [f"{self.added} new pictures, {self.known} known ones, {self.earlier} earlier ones"]
        if self.gone:
            lines.append(
                f"{self.gone} earlier pictures are gone or were changed; only what the bank kept of them takes part"
            )
        lines += [
            f"conflict: {one.name} was labelled {one.before}, now {one.now}: the new label counts"
            for one in self.conflicts
        ]
        for split in (TRAIN, VALIDATION, TEST):
            part = self.dataset.subset(split)
            if len(part):
                present = int(part.labels().sum())
                what = "held out" if split == TEST else split
                lines.append(
                    f"{what}: {len(part)} pictures ({present} present, {len(part) - present} absent) in "
                    f"{len(set(part.groups()))} groups"
                )
        return [*lines, *self.notes]


def merge(
    new: Dataset,
    labels: Path,
    bank: Bank | None,
    *,
    group_by: GroupBy = "auto",
    seed: int = 0,
    live: Callable[[str], None] = lambda _: None,
) -> Merged:
    """Put new pictures and earlier ones together, and deal new groups into splits.

    A group that was held out once is held out for ever, whatever the new manifest says. Groups that nobody has
    dealt are: a quarter of those of each class is held out, the rest is for training. A picture from which the
    champion learned is never held out, one on which it was tested always is.

    Args:
        new: Labelled pictures.
        labels: The registry's earlier labels; may not be there.
        bank: Of the champion's weights, None if there is none.
        group_by: How groups are derived where there are none.
        seed: Decides which groups are held out.
        live: Told how far it is.

    Raises:
        DatasetError: If a picture can't be read, or one has two labels.
        EmptyClass: If nothing can be held out, or nothing is left to learn from.
    """
    new.labels()
    fresh, notes = _distinct([_with_digest(r, r.path.absolute().as_posix()) for r in new.records])
    before = {_digest(record): record for record in _earlier(labels)}
    frozen = {record.group: record.split for record in before.values() if record.split}
    conflicts, records, known, overruled = [], [], 0, set()
    for record in fresh:
        old = before.pop(_digest(record), None)
        group = record.group if old is None else old.group
        if record.split and frozen.get(group, record.split) != record.split:
            overruled.add(group)
        if old is not None:
            known += 1
            if old.label != record.label:
                conflicts.append(Conflict(record.name, CLASSES[old.label or 0], CLASSES[record.label or 0]))
            record = replace(record, group=old.group, split=old.split)  # noqa: PLW2901 - it is the same picture
        records.append(record)
    if overruled:
        notes.append(
            f"note: {len(overruled)} groups stay in the split that they had before: {few(sorted(overruled))}"
        )
    here = [old for old in before.values() if old.path.is_file() and file_digest(old.path) == _digest(old)]
    columns = tuple(dict.fromkeys((*new.columns, "group", "split", _DIGEST)))
    joined = Dataset((*records, *here), new.root, columns)
    joined, derivation = derive_groups(joined, group_by=group_by, live=live)
    dataset, more = _split(joined, frozen, bank, seed)
    return Merged(
        dataset,
        added=len(fresh) - known,
        known=known,
        earlier=len(here),
        gone=len(before) - len(here),
        conflicts=tuple(conflicts),
        notes=(*notes, *derivation.describe(), *more),
    )


def remember(dataset: Dataset, labels: Path) -> None:
    """Keep labels, groups and splits for the next retraining, besides those that are kept; hold the registry's lock.

    Args:
        dataset: As :func:`merge` returned it.
        labels: The registry's file.

    Raises:
        OSError: If it can't be written.
    """
    now = {_digest(record): record for record in dataset.records}
    rest = [record for record in _earlier(labels) if _digest(record) not in now]
    columns = tuple(dict.fromkeys((*dataset.columns, *(name for r in rest for name, _ in r.extra))))
    write_manifest(Dataset((*rest, *dataset.records), labels.parent, columns), labels)


def _earlier(labels: Path) -> list[Record]:
    if not labels.is_file():
        return []
    return [
        replace(record, name=record.path.resolve().as_posix(), path=record.path.resolve())
        for record in read_manifest(labels, check_files=False).records
    ]


def _split(
    dataset: Dataset, frozen: dict[str, str], bank: Bank | None, seed: int
) -> tuple[Dataset, list[str]]:
    """Give every picture a split; see :func:`merge`."""
    groups, notes = dataset.groups(), []
    short = np.array([_short(record) for record in dataset.records], np.int64)
    tested = np.isin(short, bank.held_out) if bank is not None else np.zeros(len(short), bool)
    learned = np.isin(short, bank.digest) if bank is not None else np.zeros(len(short), bool)
    wish: dict[str, str] = {}
    for record, group in zip(dataset.records, groups, strict=True):
        if record.split:
            wish[group] = TEST if TEST in (record.split, wish.get(group)) else record.split
    wish |= frozen
    for group in {groups[i] for i in np.flatnonzero(learned)}:
        if frozen.get(group) != TEST:
            wish[group] = TRAIN
    wish |= {groups[i]: TEST for i in np.flatnonzero(tested)}
    wish |= _deal([r for r, g in zip(dataset.records, groups, strict=True) if g not in wish], seed)
    splits = [wish[group] for group in groups]
    # The champion would be measured on what it learned from.
    keep = [i for i in range(len(splits)) if not (learned[i] and splits[i] == TEST)]
    if len(keep) < len(splits):
        notes.append(
            f"note: {len(splits) - len(keep)} pictures are left out: the champion learned from them, and their groups "
            "are held out"
        )
    if learned.any():
        notes.append(f"note: the champion learned from {int(learned.sum())} of these pictures")
    result = dataset.with_splits(splits).select(keep)
    for split, why in ((TEST, "measure on"), (TRAIN, "learn from")):
        if not len(result.subset(split)):
            raise EmptyClass(
                f"{len(set(groups))} groups leave nothing to {why}: add pictures of other days, places or "
                "observations, or say with --group-by what belongs together"
            )
    return result, notes


def _deal(records: Sequence[Record], seed: int) -> dict[str, str]:
    """Hold out a share of the groups of each class; a group's class is that of most of its pictures."""
    votes: dict[str, Counter[int]] = {}
    for record in records:
        votes.setdefault(record.group or record.name, Counter())[int(record.label or 0)] += 1
    result = dict.fromkeys(votes, TRAIN)
    for label in range(len(CLASSES)):
        mine = sorted(group for group, count in votes.items() if count.most_common(1)[0][0] == label)
        count = max(1, round(HELD_OUT * len(mine))) if len(mine) > 1 else 0
        order = np.random.default_rng((seed, label)).permutation(len(mine))
        result |= {mine[i]: TEST for i in order[:count].tolist()}
    return result


def _distinct(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Leave out copies; refuse copies with two labels."""
    found: dict[str, Record] = {}
    opposite = []
    for record in records:
        first = found.setdefault(_digest(record), record)
        if first.label != record.label:
            opposite.append(f"{first.name} and {record.name}")
    if opposite:
        raise DatasetError(
            f"{len(opposite)} pictures are there twice with opposite labels: {few(opposite)}. Decide which is right."
        )
    copies = len(records) - len(found)
    return list(found.values()), [f"note: {copies} copies of other pictures are left out"] if copies else []


def _with_digest(record: Record, name: str) -> Record:
    extra = tuple(pair for pair in record.extra if pair[0] != _DIGEST)
    return replace(record, name=name, extra=(*extra, (_DIGEST, file_digest(record.path))))


def _digest(record: Record) -> str:
    return dict(record.extra).get(_DIGEST, "")


def _short(record: Record) -> int:
    return int.from_bytes(bytes.fromhex(_digest(record))[:8], "big", signed=True)
