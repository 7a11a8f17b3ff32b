"""Pictures into folders by verdict: paths kept, nothing replaced, nothing lost.

First all pictures are answered, then they are sorted, a block at a time: where each picture of the block
is going is written into the journal, then the files follow. So a run that was stopped knows which file
is which.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hornet.classifier import Failure
from hornet.errors import ConfigError, HornetError
from hornet.inference.folders import SORTED_MARK
from hornet.inference.places import first_free, folded, relative_path
from hornet.inference.records import look_at
from hornet.inference.transfer import discard_draft, finish_move, same_content, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hornet.inference.journal import Journal
    from hornet.inference.records import Row
    from hornet.inference.sources import Source
    from hornet.inference.transfer import How

_BLOCK: Final = 256
# What happens to every further picture, too: the run ends, and can go on when that is mended.
_FATAL: Final = frozenset(
    getattr(errno, name, None)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EFBIG")  # Windows lacks one
)

DONE: Final = "done"
THERE: Final = "already there"
UNREAD: Final = "without a verdict"
REMOTE: Final = "addresses"
FRAME: Final = "frames of videos"
TWICE: Final = "named twice"


@dataclass(slots=True)
class Sorted:
    """What became of the pictures.

    Attributes:
        counts: Pictures by what became of them: done, already there, without a verdict, addresses,
            frames of videos, named twice.
        problems: Names of pictures that were left where they are, and why.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)


class Sorter:
    """Sorts pictures into ``FOLDER/present``, ``FOLDER/absent`` and ``FOLDER/unsure``.

    A picture found in a folder keeps its path inside that folder, one named by a relative path keeps that
    path, an absolute one its file name. If a name is taken, in any spelling that some file system takes for
    the same, ``-2``, ``-3``, ... is added. A picture that is in its place already (the same bytes when
    copying, the same file when linking) stays there.

    Args:
        folder: Made if it isn't there; marked, if it is empty, so that scans of the folders above leave it
            out.
        how: What is done.
        sources: As typed; none may lie in the folder.
        dry: Whether to touch nothing.

    Raises:
        ConfigError: If a source lies in the folder.
        HornetError: If the folder can't be made.
    """

    def __init__(self, folder: str, how: How, sources: Sequence[str], *, dry: bool = False) -> None:
        self.folder = folder
        self.how = how
        self.dry = dry
        # Hashes instead of names: a million of them must fit.
        self._taken: set[int] = set()
        self._met: set[int] = set()
        self._real = os.path.realpath(folder)
        for source in sources:
            if os.path.lexists(source) and (
                self._is_inside(os.path.realpath(source)) or _same(source, folder)
            ):
                raise ConfigError(
                    f"{source} lies in {folder}, which is sorted into; name another folder for one of them"
                )
        if dry:
            return
        try:
            os.makedirs(folder, exist_ok=True)
            with os.scandir(folder) as entries:
                empty = next(entries, None) is None
            if empty:
                mark = Path(folder, SORTED_MARK)
                mark.write_text("hornet sorted the pictures in this folder\n", encoding="utf-8")
        except OSError as error:
            raise HornetError(
                f"can't sort into {folder}: {error.strerror or error}; name another folder"
            ) from None

    def plan(self, journal: Journal) -> Iterator[tuple[str, str]]:
        """Yield where pictures would go, as (name, path), and touch nothing."""
        for at in journal.order or ():
            row = journal.row(at)
            if self._unfit(row) is None:
                yield row.source.name, self._path(self._choose(row))

    def sort(self, journal: Journal, tell: Callable[[int], None] = lambda _: None) -> Sorted:
        """Sort what a complete journal holds; what an earlier session did isn't done again.

        Args:
            journal: With the verdicts, in the order of the output.
            tell: Called with the number of pictures so far.

        Raises:
            HornetError: If no further picture can be sorted: the disk is full, links don't work there.
        """
        result = Sorted()
        self._taken.update(hash(folded(target, everywhere=True)) for target in journal.placements.values())
        order = journal.order or ()
        for start in range(0, len(order), _BLOCK):
            rows = {at: journal.row(at) for at in order[start : start + _BLOCK]}
            new = self._new(rows, journal, result)
            resumed = rows.keys() & journal.placements.keys()
            if new:
                journal.place(new)
            for at, row in rows.items():
                if at in journal.placements:
                    self._bring(at, row, journal, result, resumed=at in resumed)
            tell(start + len(rows))
        return result

    def _new(self, rows: dict[int, Row], journal: Journal, result: Sorted) -> list[tuple[int, str]]:
        """Choose places for the pictures that have none yet."""
        new = []
        for at, row in rows.items():
            why = self._unfit(row)
            if why in {UNREAD, REMOTE, FRAME, TWICE}:
                result.counts[why] += 1
            elif at in journal.placements:
                continue
            elif why is not None:
                result.problems.append((row.source.name, why))
            else:
                new.append((at, self._choose(row)))
        return new

    def _unfit(self, row: Row) -> str | None:
        """Return why a picture isn't sorted."""
        if row.source.remote:
            return REMOTE
        if row.source.file is not None:
            return FRAME
        if isinstance(row.answer, Failure):
            return UNREAD
        # A link counts as what it is, not as what it leads to.
        parent, name = os.path.split(row.source.name)
        real = os.path.join(os.path.realpath(parent), name)
        if hash(real) in self._met:
            return TWICE
        self._met.add(hash(real))
        if self._is_inside(real):
            return f"lies in {self.folder} already"
        return _changed(row)

    def _is_inside(self, real: str) -> bool:
        return real == self._real or real.startswith(os.path.join(self._real, ""))

    def _path(self, target: str) -> str:
        return os.path.join(self.folder, target)

    def _choose(self, row: Row) -> str:
        """Return a free place inside the folder, and take it."""
        label = "" if isinstance(row.answer, Failure) else row.answer.label
        stem, extension = os.path.splitext(os.path.join(label, relative_path(row.source)))
        target = first_free(stem, extension, lambda name: self._is_free(name, row.source))
        self._taken.add(hash(folded(target, everywhere=True)))
        return target

    def _is_free(self, target: str, source: Source) -> bool:
        if hash(folded(target, everywhere=True)) in self._taken:
            return False
        path = self._path(target)
        return not os.path.lexists(path) or self._is_there(source.name, path)

    def _is_there(self, source: str, path: str) -> bool:
        """Whether a picture is in its place already."""
        try:
            if self.how == "copy":
                return same_content(source, path)
            return not os.path.islink(path) and os.path.samefile(source, path)
        except OSError:
            return False

    def _bring(self, at: int, row: Row, journal: Journal, result: Sorted, *, resumed: bool) -> None:
        """Bring one picture to its place; a problem leaves it where it is."""
        source = row.source.name
        try:
            while True:
                path = self._path(journal.placements[at])
                outcome = self._arrived(row, path, resumed=resumed)
                if outcome is not None:
                    result.counts[outcome] += 1
                    return
                why = _changed(row)
                if why is not None:
                    result.problems.append((source, why))
                    return
                try:
                    transfer(source, path, self.how)
                except FileExistsError:
                    if not os.path.lexists(path):
                        raise  # a file where a folder must be
                    # Something else has taken the place meanwhile.
                    journal.place([(at, self._choose(row))])
                    resumed = False
                else:
                    result.counts[DONE] += 1
                    return
        except OSError as error:
            self._check_fatal(error)
            result.problems.append((source, error.strerror or str(error)))

    def _arrived(self, row: Row, path: str, *, resumed: bool) -> str | None:
        """Return what became of a picture that is in its place; None: it isn't there."""
        source = row.source.name
        if not os.path.lexists(path):
            return None
        if resumed:
            discard_draft(path)
        if not os.path.lexists(source):
            # An earlier session moved it, or somebody removed it after it was copied.
            return DONE if resumed and _seen(path) == row.seen else None
        if self.how != "move":
            if not self._is_there(source, path):
                return None
            return DONE if resumed else THERE
        if self._is_there(source, path) or (resumed and same_content(source, path)):
            finish_move(source, path)
            return DONE
        return None

    def _check_fatal(self, error: OSError) -> None:
        """Raise HornetError if every further picture would fail the same way."""
        reason = error.strerror or error
        if self.how == "link" and error.errno in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise HornetError(
                f"can't link into {self.folder}: {reason}; a file has two names only within one file system that "
                "knows links: copy instead, or name a folder beside the pictures"
            ) from None
        if error.errno in _FATAL:
            raise HornetError(f"can't go on sorting into {self.folder}: {reason}") from None


def _changed(row: Row) -> str | None:
    seen = look_at(row.source)
    if seen == row.seen:
        return None
    return "gone since it was looked at" if seen is None else "changed since it was looked at"


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to one place, where names that differ in case may be one name."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _seen(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
