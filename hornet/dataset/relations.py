"""What joins pictures: a day or burst, a video, an original, an observation, a likeness."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hornet.captures import stem_of
from hornet.dataset.likeness import alike
from hornet.dataset.names import is_copy, observations, place_of, video_of
from hornet.dataset.records import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.dataset.traces import Trace


@dataclass(frozen=True, slots=True)
class Relation:
    """What one kind of relation joined.

    Attributes:
        pictures: Pictures that it joined to others.
        sets: How many sets they form by it alone.
        example: Names of two pictures that it joined.
    """

    pictures: int
    sets: int
    example: tuple[str, str]


#: A pause that ends a burst, seconds.
PAUSE = 300


class Links:
    """Which pictures hang together, and by what.

    Args:
        records: All pictures, with times; those that have a group already are never joined to each other.
        traces: What was read from each.
        time: ``day``, ``burst`` or ``folder``.
        threshold: Bits in which pictures that look alike may differ.

    Attributes:
        free: Which pictures have no group yet, (N,).
        label: The same number for all pictures of a group, (N,).
        titles: Source and day, burst or folder of each picture, or empty.
        timed: Whether time joined anything.
        found: What each relation joined.
        touching: Pairs of a picture without a group and one with, that a relation would join.
    """

    def __init__(
        self, records: Sequence[Record], traces: Sequence[Trace], *, time: str, threshold: int
    ) -> None:
        self.records = records
        self.free = np.array([not record.group for record in records])
        self.label = np.arange(len(records))
        self.found: dict[str, Relation] = {}
        self.touching: list[tuple[int, int]] = []
        moments = _bursts(records) if time == "burst" else _days(records)
        self.titles = _folders(records) if time == "folder" else moments
        self.timed = time != "folder" and any(t for t, free in zip(moments, self.free, strict=True) if free)
        numbers = {moment: number for number, moment in enumerate(dict.fromkeys(filter(None, moments)))}
        #: Which day or burst, -1 without: of those that differ, likeness is no proof.
        self._moments = np.array([numbers.get(moment, -1) for moment in moments])
        self._relate("same folder" if time == "folder" else f"same {time}", _sets(self.titles))
        self._relate("same video", _sets(_within(r, video_of(r.name)) for r in records))
        copies = (f"{place_of(r.name)}/{stem_of(r.name)}" if is_copy(r.name) else "" for r in records)
        self._relate("copies by name", _sets(_within(r, c) for r, c in zip(records, copies, strict=True)))
        self._relate("same observation", self._observations())
        self._relate("alike", self._alike(traces, threshold))

    def scarce(self) -> int:
        """Return in how many groups the rarer class lies."""
        labels = [record.label for record in self.records]
        kinds = [
            {
                self.label[i] if self.free[i] else self.records[i].group
                for i, label in enumerate(labels)
                if label == c
            }
            for c in set(labels) - {None}
        ]
        return min(map(len, kinds), default=0)

    def _relate(self, name: str, sets: Iterable[Sequence[int]]) -> None:
        """Join the pictures without a group within each set, and count for the user."""
        alone = np.arange(len(self.label))
        example: tuple[str, str] | None = None
        for members in sets:
            chosen = np.asarray(members, dtype=np.int64)
            free = chosen[self.free[chosen]]
            if len(free) and len(chosen) > 1:
                if example is None and len(free) > 1:
                    example = (self.records[free[0]].name, self.records[free[1]].name)
                _join(alone, free)
                _join(self.label, free)
                self.touching += [(int(free[0]), int(index)) for index in chosen[~self.free[chosen]]]
        sizes = np.bincount(alone)
        if example is not None:
            self.found[name] = Relation(int(sizes[sizes > 1].sum()), int((sizes > 1).sum()), example)

    def _observations(self) -> Iterable[list[int]]:
        for source in _sets(record.source or "-" for record in self.records):
            for members in observations([self.records[index].name for index in source]):
                yield [source[index] for index in members]

    def _alike(self, traces: Sequence[Trace], threshold: int) -> Iterable[list[int]]:
        """Yield each picture with those that look like it, unless time speaks against."""
        shown = [(index, t.thumbnail) for index, t in enumerate(traces) if t.thumbnail is not None]
        if not shown:
            return
        places = np.array([index for index, _ in shown])
        for number, likes, distances in alike(np.stack([picture for _, picture in shown]), threshold):
            index, others = int(places[number]), places[likes]
            theirs = self._moments[others]
            if self._moments[index] < 0:
                # No time: as good as any other without. Of those with one, only the likest: of a fixed
                # camera, all would do.
                keep = theirs < 0
                if not keep.all():
                    keep[np.where(keep, np.inf, distances).argmin()] = True
            else:
                keep = theirs == self._moments[index]
            if keep.any():
                yield [index, *others[keep].tolist()]


def _join(label: NDArray[np.int64], members: NDArray[np.int64]) -> None:
    """Put the sets of these members together, in place."""
    first, *others = np.unique(label[members])
    if others:
        flag = np.zeros(len(label), dtype=bool)
        flag[others] = True
        label[flag[label]] = first


def _sets(keys: Iterable[str]) -> list[list[int]]:
    """Return the positions of equal keys; an empty key is equal to none."""
    sets: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key:
            sets[key].append(index)
    return list(sets.values())


def _within(record: Record, key: str) -> str:
    return f"{record.source}/{key}" if key else ""


def _folders(records: Sequence[Record]) -> list[str]:
    """Return source and folder of each picture, class and split folders left out; empty directly in those."""
    places = [place_of(record.name) for record in records]
    return [_named(record, place) if place else "" for record, place in zip(records, places, strict=True)]


def _days(records: Sequence[Record]) -> list[str]:
    """Return source and day of each picture, all cameras together; empty without a time."""
    return [_named(record, record.day) if record.day else "" for record in records]


def _bursts(records: Sequence[Record]) -> list[str]:
    """Return source and beginning of each picture's burst, all cameras together; empty without a moment."""
    result = [""] * len(records)
    moments: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for index, record in enumerate(records):
        if len(record.captured_at) > len("2019-09-16"):
            # Camera clocks have no zone; one that is written is left out, so that all can be compared.
            moment = parse_time(record.captured_at).replace(tzinfo=None)
            moments[record.source].append((moment.timestamp(), index))
    for members in moments.values():
        members.sort()
        before, name = -np.inf, ""
        for seconds, index in members:
            if seconds - before > PAUSE:
                name = _named(records[index], records[index].captured_at)
            before = seconds
            result[index] = name
    return result


def _named(record: Record, text: str) -> str:
    return f"{record.source}/{text}" if record.source else text
