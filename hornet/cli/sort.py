"""What ``hornet predict --sort-into`` does and says after the last verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hornet.cli.common import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.cli.progress import Progress
    from hornet.inference.journal import Journal
    from hornet.inference.sorting import Sorted, Sorter


class SortBy(StrEnum):
    """How pictures are sorted."""

    copy = "copy"
    link = "link"
    move = "move"


_DONE: Final = {"copy": "copied", "link": "linked", "move": "moved"}
# Problems that are told one by one.
_TOLD: Final = 20


def make_sorter(folder: str | None, how: SortBy, sources: Sequence[str], *, dry: bool) -> Sorter | None:
    """Return what sorts into a folder, made and checked; None: nothing is sorted."""
    if folder is None:
        return None
    from hornet.inference.sorting import Sorter

    return Sorter(folder, how.value, sources, dry=dry)


def sort_pictures(sorter: Sorter, journal: Journal, progress: Progress, *, quiet: bool) -> bool:
    """Sort the pictures of a complete journal; tell, and return, whether there was no problem."""
    if sorter.dry:
        _show_plan(sorter, journal)
        return True
    total = len(journal.order or ())
    try:
        result = sorter.sort(journal, lambda done: progress.live(f"{done:,} of {total:,} sorted"))
    finally:
        progress.clear()
    _tell(result, _DONE[sorter.how])
    if not quiet:
        say(f"sorted into {sorter.folder}: {_summary(result, _DONE[sorter.how])}")
    return not result.problems


def _show_plan(sorter: Sorter, journal: Journal) -> None:
    from hornet.inference.sinks import printable

    count = 0
    for source, target in sorter.plan(journal):
        say(f"{sorter.how} {printable(source)} -> {printable(target)}")
        count += 1
    say(f"{count:,} to {sorter.how}; none was touched")


def _tell(result: Sorted, done: str) -> None:
    from hornet.inference.sinks import printable

    for name, why in result.problems[:_TOLD]:
        say(f"hornet: {printable(name)} isn't {done}: {why}")
    if len(result.problems) > _TOLD:
        say(f"hornet: and {len(result.problems) - _TOLD:,} more")


def _summary(result: Sorted, done: str) -> str:
    counts = dict(result.counts)
    parts = [f"{counts.pop('done', 0):,} {done}", *(f"{count:,} {what}" for what, count in counts.items())]
    if result.problems:
        parts.append(f"{len(result.problems):,} left where they are")
    return ", ".join(parts)
