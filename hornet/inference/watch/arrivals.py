"""When a file that appears is whole: it stays as it is for a while, and can be read. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hornet.inference.records import Seen

#: Longest time between two tries to read a file that may be half written, s.
_LONGEST: Final = 15.0


@dataclass(slots=True)
class _Waiting:
    seen: Seen
    first: float  # met
    changed: float  # found to be another
    due: float
    urgent: bool
    tries: int = 0


class Arrivals:
    """Files that are waited for. All times are one clock's, s, that never goes back.

    Args:
        settle: A file that stays the same for so long, s, is tried.
        patience: How long, s, a file that can't be read may be half written; and how long one that never stays
            the same is left alone.
    """

    def __init__(self, settle: float, patience: float) -> None:
        self._settle = settle
        self._patience = max(patience, settle)
        self._waiting: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        """Return how many are waited for."""
        return len(self._waiting)

    def look(self, path: str, seen: Seen, now: float, *, urgent: bool = True) -> None:
        """Take in what a file is like now.

        Args:
            path: The file.
            seen: Size and time.
            now: The clock's time.
            urgent: Whether it goes before those that aren't: a backlog holds up no live picture.
        """
        waiting = self._waiting.get(path)
        if waiting is None:
            self._waiting[path] = _Waiting(seen, now, now, now + self._settle, urgent)
        elif waiting.seen != seen:
            waiting.seen, waiting.changed, waiting.tries, waiting.urgent = seen, now, 0, urgent
            # What is written over and over never settles: a webcam's latest.jpg.
            waiting.due = min(now + self._settle, max(now, waiting.first + self._patience))

    def ready(self, now: float, most: int | None = None) -> list[tuple[str, Seen]]:
        """Return what is to be tried, oldest file first; each is waited for until :meth:`forget`.

        Args:
            now: The clock's time.
            most: How many at most; None: all.
        """
        due = (
            (not waiting.urgent, waiting.seen[1], path)
            for path, waiting in self._waiting.items()
            if waiting.due <= now
        )
        first = sorted(due) if most is None else heapq.nsmallest(most, due)
        return [(path, self._waiting[path].seen) for _, _, path in first]

    def next_due(self) -> float | None:
        """Return when the next one is to be tried; None: there is none."""
        return min((waiting.due for waiting in self._waiting.values()), default=None)

    def retry(self, path: str, now: float) -> bool:
        """Wait for a file that couldn't be read, if it may be half written; return whether that is so."""
        waiting = self._waiting[path]
        if now - waiting.changed >= self._patience:
            return False
        waiting.tries += 1
        waiting.due = min(
            now + min(_LONGEST, self._settle * 2**waiting.tries), waiting.changed + self._patience
        )
        return True

    def postpone(self, path: str, due: float) -> None:
        """Try a file later, for reasons that aren't its own."""
        if path in self._waiting:
            self._waiting[path].due = due

    def forget(self, path: str) -> None:
        """Wait no longer: it was answered, or is gone."""
        self._waiting.pop(path, None)

    def clear(self) -> None:
        """Wait for nothing."""
        self._waiting.clear()
