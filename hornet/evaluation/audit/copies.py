"""The same picture twice: as the same file, or resized, saved again, turned or cropped by a hair, or a moment later.

Difference hashes (:mod:`hornet.dataset.likeness`) find them, and hardly mistake anything, but for the frames of a
fixed camera: those are all alike. A picture with many likes is taken for such a frame, and for it a second test must
hold: no place of one picture is much lighter or darker than everything around the same place of the other. So two
frames differ in which an insect has moved.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
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
_NEAREST: Final = 10


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of positions, the lower one first.

    Attributes:
        identical: Files of the same bytes; in a set of several, each with the one before.
        near: Nearly the same pictures that are not the same file.
    """

    identical: tuple[tuple[int, int], ...]
    near: tuple[tuple[int, int], ...]


def find_pairs(looks: Sequence[Look], kinds: Sequence[Hashable]) -> Pairs:
    """Find identical and nearly identical pictures.

    Args:
        looks: What was kept of the pictures.
        kinds: What each picture is, such as its label and split: of each kind the nearest others are compared.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for index, look in enumerate(looks):
        if look.digest:
            same[look.digest].append(index)
    identical = [pair for members in same.values() for pair in pairwise(members)]
    return Pairs(tuple(sorted(identical)), tuple(sorted(_near(looks, kinds))))


def connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return what hangs together by these pairs, each set sorted, the sets in the order of their first members."""
    sets: dict[int, list[int]] = {}
    for one, other in pairs:
        mine, theirs = sets.setdefault(one, [one]), sets.setdefault(other, [other])
        if mine is not theirs:
            mine += theirs
            sets.update(dict.fromkeys(theirs, mine))
    return sorted({id(members): sorted(members) for members in sets.values()}.values())


def _near(looks: Sequence[Look], kinds: Sequence[Hashable]) -> set[tuple[int, int]]:
    seen = [(index, look.trace.thumbnail) for index, look in enumerate(looks)]
    shown = [(index, thumbnail) for index, thumbnail in seen if thumbnail is not None]
    if not shown:
        return set()
    places = [index for index, _ in shown]
    crowded: set[int] = set()
    pairs: set[tuple[int, int]] = set()
    for one, likes, distances in alike(np.stack([thumbnail for _, thumbnail in shown])):
        index, others = places[one], [places[like] for like in likes.tolist()]
        others = [other for other in others if looks[other].digest != looks[index].digest]
        if len(others) >= CROWD:
            crowded.add(index)
        nearness = dict(zip((places[like] for like in likes.tolist()), distances.tolist(), strict=True))
        taken: dict[Hashable, int] = defaultdict(int)
        for other in sorted(others, key=lambda each: (nearness[each], each)):
            taken[kinds[other]] += 1
            if taken[kinds[other]] <= _NEAREST:
                pairs.add((min(index, other), max(index, other)))
    surroundings = _Surroundings(looks)
    return {pair for pair in pairs if crowded.isdisjoint(pair) or surroundings.difference(*pair) <= TOLERANCE}


class _Surroundings:
    """Compares grey thumbnails place by place."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = looks
        self._known: dict[int, tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]] = {}

    def difference(self, one: int, other: int) -> int:
        """Return by how many levels the most different place lies outside the other's surroundings."""
        mine, my_low, my_high = self._of(one)
        theirs, their_low, their_high = self._of(other)
        outside = (mine - their_high, their_low - mine, theirs - my_high, my_low - theirs)
        return max(int(each.max()) for each in outside)

    def _of(self, index: int) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
        """Return a thumbnail (H, W), and the lowest and highest of each place and its eight neighbours."""
        if index not in self._known:
            thumbnail = self._looks[index].thumbnail
            if thumbnail is None:
                raise ValueError(index)
            grey = thumbnail.astype(np.int16)
            padded = np.pad(grey, 1, mode="edge")
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
            self._known[index] = grey, windows.min(axis=(2, 3)), windows.max(axis=(2, 3))
        return self._known[index]
