"""How well labels can be told from poor features: cross-validated by group, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.evaluation.intervals import draw_groups, group_numbers, newcombe_auc, percentiles
from hornet.evaluation.ranking import stratified_auc, stratified_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    #: Features and labels to learn from and features to judge in; higher for rather present out.
    Model = Callable[[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]], NDArray[np.float64]]

_FOLDS: Final = 5
_REPEATS: Final = 2  # deals of the folds, so that a lucky one counts half
_RESAMPLES: Final = 400
_COMPONENTS: Final = 32
_RANGES: Final = 8
_NEIGHBOURS: Final = 9
_STRENGTH: Final = 0.1  # of ridge regression, in units of the features' mean variance times their number
_PENALTY: Final = 0.01  # inverse strength of logistic regression; the middle of what the rivals choose from
#: Units of each class below which nothing can be said.
LEAST: Final = 8


@dataclass(frozen=True, slots=True)
class Scores:
    """Cross-validated scores.

    Attributes:
        labels: (N,), 0 or 1.
        values: Score of each picture by a model that never saw its unit, (R, N) for R deals of the folds.
        folds: Which fold each was in, (R, N): scores of different models aren't compared.
    """

    labels: NDArray[np.int64]
    values: NDArray[np.float64]
    folds: NDArray[np.int64]

    def area(self) -> float:
        """Return the AUC within folds, averaged over the deals."""
        rows = zip(self.values, self.folds, strict=True)
        areas = [stratified_auc(self.labels, row, fold.tolist())[0] for row, fold in rows]
        return float(np.mean([area for area in areas if area is not None] or [0.5]))

    def draws(self, units: NDArray[np.int64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the same of resampled units.

        Args:
            units: The number of each picture's unit, (N,).
            drawn: How often each unit was drawn, (D, units).

        Returns:
            Shape (D,); NaN where a draw lacks a class.
        """
        truth = self.labels.astype(np.float64)
        rows = zip(self.values, self.folds, strict=True)
        areas = [stratified_draws(truth, row, fold.tolist(), units, drawn) for row, fold in rows]
        result: NDArray[np.float64] = np.mean(areas, axis=0)
        return result


@dataclass(frozen=True, slots=True)
class Area:
    """An AUC and its interval of 95 %, from resampled units."""

    value: float
    low: float
    high: float


def enough(labels: NDArray[np.int64], units: Sequence[object]) -> bool:
    """Tell whether each class lies in enough units to learn from some and measure on others."""
    return min(_units_of(labels, units)) >= LEAST


def deal(labels: NDArray[np.int64], units: Sequence[object], *, seed: int) -> NDArray[np.int64]:
    """Deal whole units into folds, several times.

    Args:
        labels: (N,), 0 or 1; each class in at least :data:`LEAST` units.
        units: Unit of each picture.
        seed: Decides the folds.

    Returns:
        Number of each picture's fold, (R, N) for R deals.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    place, count = group_numbers(units)
    # Each picture its own unit: the plain one does the same and is much faster.
    alone = count == len(labels)
    folder = StratifiedKFold if alone else StratifiedGroupKFold
    folds = np.zeros((_REPEATS, len(labels)), np.int64)
    for repeat, row in enumerate(folds):
        dealer = folder(min(_FOLDS, *_units_of(labels, units)), shuffle=True, random_state=seed + repeat)
        for number, (_, members) in enumerate(dealer.split(labels, labels, None if alone else place)):
            row[members] = number
    return folds


def cross_validate(
    features: NDArray[np.float32], labels: NDArray[np.int64], folds: NDArray[np.int64], model: Model
) -> Scores:
    """Score every picture by models that never saw anything of its unit.

    Args:
        features: float32 (N, D); NaN where something is missing, if the model takes that.
        labels: (N,), 0 or 1.
        folds: As of :func:`deal`.
        model: Learns and judges.
    """
    values = np.zeros(folds.shape)
    for row, fold in zip(values, folds, strict=True):
        for number in np.unique(fold):
            learn, judge = fold != number, fold == number
            if len(np.unique(labels[learn])) == 2:  # noqa: PLR2004 - both classes
                row[judge] = model(features[learn], labels[learn], features[judge])
    return Scores(labels, values, folds)


def interval(scores: Scores, units: Sequence[object], *, seed: int) -> Area:
    """Return the AUC with an interval.

    It is the wider one of two at either end: from resampled units, and Newcombe's for as many independent pictures
    as there are units. Resampling alone gives few units that all agree an interval of no width.
    """
    place, count = group_numbers(units)
    area = scores.area()
    bounds = percentiles(scores.draws(place, draw_groups(count, _RESAMPLES, seed))) or (0.0, 1.0)
    absent, present = _units_of(scores.labels, units)
    closed = newcombe_auc(area, present, absent)
    return Area(area, min(area, bounds[0], closed[0]), max(area, bounds[1], closed[1]))


def difference(one: Scores, other: Scores, units: Sequence[object], *, seed: int) -> Area:
    """Return AUC of ``one`` minus that of ``other``, on the same resampled units."""
    place, count = group_numbers(units)
    drawn = draw_groups(count, _RESAMPLES, seed)
    value = one.area() - other.area()
    bounds = percentiles(one.draws(place, drawn) - other.draws(place, drawn)) or (-1.0, 1.0)
    return Area(value, min(value, bounds[0]), max(value, bounds[1]))


def lookup(
    features: NDArray[np.float32], labels: NDArray[np.int64], judged: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Learn a table for each column, and what the nearest pictures show: for dates, hours, sizes and switches.

    The tables are ranges that hold equally many pictures, added up by ridge regression; the nearest are those of the
    most similar ranks. NaN is a range of its own.
    """
    tables, ranks = [], []
    for values in (features, judged):
        pairs = [_ranked(column, other) for column, other in zip(features.T, values.T, strict=True)]
        rank = np.stack(pairs, axis=1)
        bins = np.where(rank < 0, 0, 1 + np.minimum(rank * _RANGES, _RANGES - 1).astype(np.int64))
        tables.append(np.eye(_RANGES + 1)[bins].reshape(len(values), -1))
        ranks.append(rank)
    return _ridge(tables[0], labels, tables[1]) + _nearest(ranks[0], labels, ranks[1])


def mixture(
    features: NDArray[np.float32], labels: NDArray[np.int64], judged: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Learn ridge regression and the nearest neighbours on standardised principal components."""
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    learn, judge = (((values - centre) / spread).astype(np.float64) for values in (features, judged))
    count = min(_COMPONENTS, len(features) - 1, features.shape[1])
    axes = np.linalg.eigh(learn.T @ learn / len(learn))[1][:, ::-1][:, :count]
    learn, judge = learn @ axes, judge @ axes
    # Neither root nor none of the variance: large parts of a scene count more than noise, but not alone.
    scale = np.sqrt(learn.std(axis=0)) + 1e-6
    learn, judge = learn / scale, judge / scale
    return _ridge(learn, labels, judge) + _nearest(learn, labels, judge)


def logistic(
    features: NDArray[np.float32], labels: NDArray[np.int64], judged: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Learn logistic regression on standardised features, as ``hornet lab rivals`` does; nothing is chosen."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=2000))
    model.fit(features.astype(np.float64), labels)
    result: NDArray[np.float64] = model.decision_function(judged.astype(np.float64))
    return result


def _ranked(known: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of known values below each value, 0 to 1; -0.5 for NaN."""
    order = np.sort(known[np.isfinite(known)])
    if not len(order):
        return np.full(len(values), -0.5)
    below = np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right")
    return np.where(np.isfinite(values), below / (2 * len(order)), -0.5)


def _ridge(
    features: NDArray[np.float64], labels: NDArray[np.int64], judged: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return predictions of ridge regression, classes weighted alike."""
    share = labels.mean()
    weight = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    centre = np.average(features, axis=0, weights=weight)
    learn = features - centre
    strength = _STRENGTH * len(labels) * max(float(learn.var(axis=0).mean()), 1e-9)
    product = (learn * weight[:, None]).T @ learn + strength * np.eye(learn.shape[1])
    slope = np.linalg.solve(product, (learn * weight[:, None]).T @ (labels - 0.5))
    result: NDArray[np.float64] = (judged - centre) @ slope
    return result


def _nearest(
    features: NDArray[np.float64], labels: NDArray[np.int64], judged: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of presence among the nearest, those of a class weighted by how rare it is."""
    count = min(_NEIGHBOURS, max(1, len(features) // 4))
    squared = (judged**2).sum(axis=1)[:, None] - 2 * judged @ features.T + (features**2).sum(axis=1)
    limit = np.partition(squared, count - 1, axis=1)[:, count - 1 : count]
    # All that are as near as the last one: pictures of one day are equally near, whatever their order.
    near = (squared <= limit + 1e-9).astype(np.float64)
    share = labels.mean()
    present, absent = near @ (labels / share), near @ ((1 - labels) / (1 - share))
    result: NDArray[np.float64] = present / (present + absent)
    return result


def _units_of(labels: NDArray[np.int64], units: Sequence[object]) -> tuple[int, int]:
    """Return how many units hold absences, and how many hold presences."""
    pairs = {(int(label), unit) for label, unit in zip(labels, units, strict=True)}
    present = sum(label for label, _ in pairs)
    return len(pairs) - present, present
