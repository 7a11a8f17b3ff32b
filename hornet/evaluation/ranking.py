"""Figures that only ask which picture is ranked above which: ROC-AUC, average precision, AUC within strata.

All of them are computed for many weightings at once: a resample of groups is a weight for each picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

#: Weights held at a time, in numbers of 8 bytes: 64 MB would be 8 million.
_CHUNK: Final = 2_000_000


def weighted_ranking(
    truth: NDArray[np.float64],
    scores: NDArray[np.float64],
    units: NDArray[np.int64],
    drawn: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ROC-AUC and average precision of every draw.

    Args:
        truth: Labels, shape (N,).
        scores: Higher means rather present, shape (N,).
        units: The number of each picture's group, shape (N,).
        drawn: How often each group was drawn, shape (R, G).

    Returns:
        Two arrays of shape (R,); NaN where a draw lacks a class.
    """
    area, precision = np.empty(len(drawn)), np.empty(len(drawn))
    sorter = _Sorter(truth, scores)
    step = max(1, _CHUNK // max(1, len(truth)))
    for start in range(0, len(drawn), step):
        part = slice(start, start + step)
        positives, negatives = sorter.blocks(drawn[part][:, units])
        area[part] = _divide(_concordance(positives, negatives), positives.sum(1) * negatives.sum(1))
        precision[part] = _average_precision(positives, negatives)
    return area, precision


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the sum of precision times step in recall over falling thresholds; None without positives."""
    truth, values = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    precision = _average_precision(*_Sorter(truth, values).blocks(np.ones((1, len(truth)))))[0]
    return None if np.isnan(precision) else float(precision)


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the share of pairs of presence and absence that are ranked rightly, ties half; None without pairs."""
    return stratified_auc(labels, scores, [0] * len(np.asarray(labels)))[0]


def stratified_auc(
    labels: ArrayLike, scores: ArrayLike, strata: Sequence[object]
) -> tuple[float | None, int]:
    """Return the area under the ROC curve where only pairs of the same stratum count.

    With strata of camera and day, nothing that camera or calendar give away helps.

    Args:
        labels: Shape (N,), 0 or 1.
        scores: Higher means rather present, shape (N,).
        strata: Stratum of each picture.

    Returns:
        The share of pairs of one presence and one absence that are ranked rightly, ties half; None if there
        is no such pair. And the number of pairs.
    """
    truth, values = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    right, pairs = 0.0, 0
    for members in _strata(strata):
        positives, negatives = _Sorter(truth[members], values[members]).blocks(np.ones((1, len(members))))
        right += float(_concordance(positives, negatives)[0])
        pairs += int(positives.sum() * negatives.sum())
    return (right / pairs if pairs else None), pairs


def stratified_draws(
    truth: NDArray[np.float64],
    scores: NDArray[np.float64],
    strata: Sequence[object],
    units: NDArray[np.int64],
    drawn: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the stratified AUC of every draw.

    A stratum inside one group comes as often as the group was drawn: each copy is a stratum of its own. In a
    stratum that several groups share, each pair counts as often as the product of its groups' draws.

    Args:
        truth: Labels, shape (N,).
        scores: Higher means rather present, shape (N,).
        strata: Stratum of each picture.
        units: The number of each picture's group, shape (N,).
        drawn: How often each group was drawn, shape (R, G).

    Returns:
        Shape (R,); NaN where a draw has no pair.
    """
    right, pairs = np.zeros(len(drawn)), np.zeros(len(drawn))
    for members in _strata(strata):
        own = np.unique(units[members])
        sorter = _Sorter(truth[members], scores[members])
        if not sorter.both:
            continue
        if len(own) == 1:
            positives, negatives = sorter.blocks(np.ones((1, len(members))))
            times = drawn[:, own[0]]
            right += times * _concordance(positives, negatives)
            pairs += times * positives.sum() * negatives.sum()
            continue
        step = max(1, _CHUNK // len(members))
        for start in range(0, len(drawn), step):
            part = slice(start, start + step)
            positives, negatives = sorter.blocks(drawn[part][:, units[members]])
            right[part] += _concordance(positives, negatives)
            pairs[part] += positives.sum(1) * negatives.sum(1)
    return _divide(right, pairs)


class _Sorter:
    """Sorts pictures by score once, for any number of weightings.

    Args:
        truth: Labels, shape (N,).
        scores: Shape (N,).
    """

    def __init__(self, truth: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        self._order = np.argsort(scores, kind="stable")
        sorted_scores = scores[self._order]
        # Where a new value starts: pictures of equal score are one block.
        self._starts = np.flatnonzero(np.r_[True, sorted_scores[1:] != sorted_scores[:-1]])
        self._truth = truth[self._order]
        self.both = bool(0 < truth.sum() < len(truth))

    def blocks(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the weight of presences and absences at each distinct score, ascending.

        Args:
            weights: Shape (R, N).

        Returns:
            Two arrays of shape (R, distinct scores).
        """
        ordered = weights[:, self._order]
        positives = np.add.reduceat(ordered * self._truth, self._starts, axis=1)
        negatives = np.add.reduceat(ordered * (1 - self._truth), self._starts, axis=1)
        return positives, negatives


def _concordance(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of rightly ranked pairs, ties half, shape (R,)."""
    below = np.cumsum(negatives, axis=1) - 0.5 * negatives
    right: NDArray[np.float64] = np.einsum("rb,rb->r", positives, below)
    return right


def _average_precision(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
    hits = np.cumsum(positives[:, ::-1], axis=1)
    called = hits + np.cumsum(negatives[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return _divide(np.einsum("rb,rb->r", positives[:, ::-1], precision), hits[:, -1])


def _divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _strata(strata: Sequence[object]) -> list[NDArray[np.int64]]:
    """Return the positions of each stratum's pictures."""
    members: dict[object, list[int]] = {}
    for position, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(position)
    return [np.array(positions) for positions in members.values()]
