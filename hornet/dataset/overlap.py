"""Did a training see what it is about to be measured on?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hornet.dataset.fingerprint import file_digest
from hornet.dataset.records import TRAIN, VALIDATION, few
from hornet.errors import SplitLeakage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.dataset.records import Dataset, Record


def seen_groups(trained: Dataset, held_out: Sequence[Record]) -> list[str]:
    """Return the groups of ``held_out`` that a training learned from or chose its weights by, sorted.

    A group is seen if the training or validation split of ``trained`` has a group of its name, or one of its
    pictures: the same file, or a file with the same bytes.

    Args:
        trained: The manifest of a run, with its splits.
        held_out: What is to be measured on.

    Raises:
        ManifestInvalid: If a picture can't be read.
    """
    learned = [record for record in trained.records if record.split in (TRAIN, VALIDATION)]
    names = {record.group for record in learned if record.group}
    files = {record.path.resolve() for record in learned}
    digests: set[str] | None = None
    seen = set()
    for record in held_out:
        group = record.group or record.name
        if group in seen:
            continue
        if group in names or record.path.resolve() in files:
            seen.add(group)
            continue
        if digests is None:  # only now, as it reads every file
            digests = {file_digest(other.path) for other in learned}
        if file_digest(record.path) in digests:
            seen.add(group)
    return sorted(seen)


def check_unseen(trained: Dataset, held_out: Sequence[Record], what: str) -> None:
    """Refuse to measure a training on what it has seen.

    Args:
        trained: The manifest of its run.
        held_out: What is to be measured on.
        what: Who was trained, for the message.

    Raises:
        SplitLeakage: If it saw a group of these pictures.
    """
    seen = seen_groups(trained, held_out)
    if seen:
        total = len({record.group or record.name for record in held_out})
        raise SplitLeakage(
            f"{what} was trained on {len(seen)} of the {total} groups it would be measured on: {few(seen)}. "
            "Use the run's own manifest.csv, whose test split it has never seen, or other pictures."
        )
