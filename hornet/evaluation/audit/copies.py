"""The same picture twice: as the same file, or resized, saved again, turned or cropped by a hair, or a moment later.

Difference hashes (:mod:`hornet.dataset.likeness`) find them, and hardly mistake anything, but for the frames of a
fixed camera: those are all alike. Pictures with many likes, and pairs of known different moments, are taken for such
frames, and for them a second test must hold: no place of one picture is much lighter or darker than everything around the same place of the other. So two
frames differ in which an insect has moved.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.dataset.likeness import alike

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from hornet.evaluation.audit.looks import Look

#: Likes from which on a picture is taken for a frame of a fixed camera.
CROWD: Final = 6
#: Levels of 255 by which a place may lie outside what the other frame has around it; docs/audit.md says why.
TOLERANCE: Final = 12
# Likes of each picture that are compared further, for each kind of other: a copy is among the nearest.
_NEAREST: Final = 5
# All but the last two rows, all but the first and the last, all but the first two; the same for columns.
_THIRDS: Final = np.s_[:-2], np.s_[1:-1], np.s_[2:]
_THIRDS_ACROSS: Final = np.s_[:, :-2], np.s_[:, 1:-1], np.s_[:, 2:]
# Pictures whose surroundings are kept, 100 kB each.
_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of positions, the lower one first.

    Attributes:
        identical: Files of the same bytes; in a set of several, each with the one before.
        near: Nearly the same pictures that are not the same file.
    """

    identical: tuple[tuple[int, int], ...]
    near: tuple[tuple[int, int], ...]


def find_pairs(looks: Sequence[Look], kinds: Sequence[Hashable], moments: Sequence[str]) -> Pairs:
    """Find identical and nearly identical pictures.

    Args:
        looks: What was kept of the pictures.
        kinds: What each picture is, such as its label and split: of each kind the nearest others are compared.
        moments: When each was taken, or empty.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for index, look in enumerate(looks):
        if look.digest:
            same[look.digest].append(index)
    identical = [pair for members in same.values() for pair in pairwise(members)]
    return Pairs(tuple(sorted(identical)), tuple(sorted(_near(looks, kinds, moments))))


def connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return what hangs together by these pairs, each set sorted, the sets in the order of their first members."""
    sets: dict[int, list[int]] = {}
    for one, other in pairs:
        mine, theirs = sets.setdefault(one, [one]), sets.setdefault(other, [other])
        if mine is not theirs:
            mine += theirs
            sets.update(dict.fromkeys(theirs, mine))
    return sorted({id(members): sorted(members) for members in sets.values()}.values())


def _near(looks: Sequence[Look], kinds: Sequence[Hashable], moments: Sequence[str]) -> set[tuple[int, int]]:
    seen = [(index, look.trace.thumbnail) for index, look in enumerate(looks)]
    shown = [(index, thumbnail) for index, thumbnail in seen if thumbnail is not None]
    if not shown:
        return set()
    places = np.array([index for index, _ in shown])
    files, kind = _numbers([look.digest for look in looks]), _numbers(kinds)
    crowded: set[int] = set()
    pairs: set[tuple[int, int]] = set()
    for one, likes, distances in alike(np.stack([thumbnail for _, thumbnail in shown])):
        index, others = int(places[one]), places[likes]
        others = others[np.lexsort((others, distances))]
        others = others[files[others] != files[index]]
        if len(others) >= CROWD:
            crowded.add(index)
        for number in np.unique(kind[others]):
            nearest = others[kind[others] == number][:_NEAREST].tolist()
            pairs.update((min(index, other), max(index, other)) for other in nearest)
    surroundings = Surroundings(looks)

    def passes(one: int, other: int) -> bool:
        apart = moments[one] and moments[other] and moments[one] != moments[other]
        frames = apart or one in crowded or other in crowded
        return not frames or surroundings.difference(one, other) <= TOLERANCE

    return {pair for pair in sorted(pairs) if passes(*pair)}


def _numbers(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


class Surroundings:
    """Compares grey thumbnails place by place."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = looks
        self._of = lru_cache(_REMEMBERED)(self._surroundings)

    def difference(self, one: int, other: int) -> int:
        """Return by how many levels the most different place lies outside the other's surroundings."""
        mine, my_low, my_high = self._of(one)
        theirs, their_low, their_high = self._of(other)
        outside = (mine - their_high, their_low - mine, theirs - my_high, my_low - theirs)
        return max(int(each.max()) for each in outside)

    def _surroundings(self, index: int) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
        """Return a thumbnail (H, W), and the lowest and highest of each place and its eight neighbours."""
        thumbnail = self._looks[index].thumbnail
        if thumbnail is None:
            raise ValueError(index)
        grey = thumbnail.astype(np.int16)
        low = high = np.pad(grey, 1, mode="edge")
        for first, middle, last in (_THIRDS, _THIRDS_ACROSS):
            low = np.minimum(np.minimum(low[first], low[middle]), low[last])
            high = np.maximum(np.maximum(high[first], high[middle]), high[last])
        return grey, low, high
