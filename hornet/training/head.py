"""Another head on the same trunk: fitted to a few new pictures and, from the bank, to those that were learned before.

Logistic regression on embeddings, pulled toward the head that is there. It is convex: the same pictures give the
same head, in seconds on a CPU. How much the new pictures count and how strong the pull is, they decide themselves, by
cross-validation over their groups: of the choices that it can't tell from the best (by the one-standard-error rule of
Breiman et al. 1984, section 3.4.3), to keep the old head if that is among them, else the one that loses least on the
bank's validation part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.optimize import minimize

from hornet.evaluation.intervals import group_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.training.bank import Bank

#: Shares of the loss that the new pictures have; the rest is the bank's.
SHARES: Final = (0.05, 0.2, 0.5)
#: Strengths of the pull toward the old head, a standardised weight's square times this in nats.
PULLS: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Head:
    """The linear layer's difference of presence and absence.

    Attributes:
        weight: float64 (512,).
        bias: Of presence minus that of absence.
    """

    weight: NDArray[np.float64]
    bias: float

    def margin(self, embedding: NDArray[Any]) -> NDArray[np.float64]:
        """Return logit differences (N,) of embeddings (N, 512)."""
        result: NDArray[np.float64] = embedding.astype(np.float64) @ self.weight + self.bias
        return result


@dataclass(frozen=True, slots=True)
class Samples:
    """Embeddings to learn from; several may be views of one picture.

    Attributes:
        embedding: (N, 512).
        label: 0 or 1, (N,).
        group: (N,); views of a picture have its group.
        weight: How much each counts, (N,), above 0.
    """

    embedding: NDArray[np.float64]
    label: NDArray[np.float64]
    group: NDArray[np.int64]
    weight: NDArray[np.float64]

    def select(self, rows: NDArray[Any]) -> Samples:
        """Return these rows."""
        return Samples(self.embedding[rows], self.label[rows], self.group[rows], self.weight[rows])


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head, and how it was chosen.

    Attributes:
        head: The new head.
        share: Of :data:`SHARES`; 0 if it is the old head.
        pull: Of :data:`PULLS`; 0 if it is the old head.
        new_loss: Cross-validated log loss on the new pictures, nats.
        old_loss: The old head's on the same.
        left_out: Logit difference of each sample from heads that saw nothing of its group, (N,).
    """

    head: Head
    share: float
    pull: float
    new_loss: float
    old_loss: float
    left_out: NDArray[np.float64]

    def describe(self) -> str:
        """Say how it was chosen."""
        if not self.share:
            return (
                "head: kept as it was, since none of the others was better beyond noise on groups left out (log loss "
                f"{self.old_loss:.3f})"
            )
        return (
            f"head: new pictures have {self.share:g} of the loss, pull toward the old head {self.pull:g}; log loss on "
            f"groups left out {self.new_loss:.3f} (the champion's head {self.old_loss:.3f})"
        )


def new_samples(embedding: NDArray[np.float32], label: NDArray[np.int64], groups: Sequence[str]) -> Samples:
    """Return new pictures as samples, both classes with the same sum of weights.

    Args:
        embedding: (N, V, 512), V views of each picture, the unchanged one first.
        label: (N,).
        groups: Of each picture.
    """
    views = embedding.shape[1]
    # How often hornets are among pictures that somebody chose to label says nothing of how often they come.
    counts = np.bincount(label, minlength=2).astype(np.float64)
    weight = 1 / counts[label]
    numbers, _ = group_numbers(groups)
    return Samples(
        embedding.reshape(-1, embedding.shape[2]).astype(np.float64),
        np.repeat(label, views).astype(np.float64),
        np.repeat(numbers, views),
        np.repeat(weight / weight.sum() / views, views),
    )


def fit(old: Head, new: Samples, bank: Bank, *, seed: int = 0) -> FittedHead:
    """Fit a head, and choose how much the new pictures count; see the module's first lines.

    Args:
        old: The champion's head.
        new: New pictures, of training groups only.
        bank: Of the champion's trunk; its training rows are rehearsed, its validation rows watched.
        seed: Deals groups into folds.
    """
    train, watched = _rows(bank.of("train")), _rows(bank.of("validation"))
    fitting = _Fitting(old, train, new)
    folds = _deal(new.group, seed)
    answer = old.margin(new.embedding)
    old_loss = _loss(answer, new)
    limit = _limit(old, watched)
    found = [(_known(old, watched), FittedHead(old, 0.0, 0.0, old_loss, old_loss, answer))]
    for share, pull in product(SHARES, PULLS):
        head = fitting.fit(new, share, pull)
        left_out = np.empty(len(new.label))
        for fold in np.unique(folds):
            without = fitting.fit(new.select(folds != fold), share, pull) if len(set(folds)) > 1 else old
            left_out[folds == fold] = without.margin(new.embedding[folds == fold])
        fitted = FittedHead(head, share, pull, _loss(left_out, new), old_loss, left_out)
        found.append((_known(head, watched), fitted))
    kept = [entry for entry in found if entry[0] <= limit]
    best = min((fitted for _, fitted in kept), key=lambda fitted: fitted.new_loss)
    equals = [entry for entry in kept if not _better(best, entry[1], new)]
    # The old head comes first where it is an equal: no change without a reason for it.
    return min(equals, key=lambda entry: (entry[1].share > 0, entry[0], entry[1].new_loss))[1]


class _Fitting:
    """What all fits share: the old head, and the bank standardised; without one the new pictures' own scale."""

    def __init__(self, old: Head, bank: Samples, new: Samples) -> None:
        self._bank, self._old = bank, old
        known = bank.embedding if len(bank.label) else new.embedding
        # Channels that are always off get no infinite weight.
        self._scale = np.maximum(known.std(axis=0), 1e-3)
        self._centre = known.mean(axis=0)
        self._rows = (bank.embedding - self._centre) / self._scale

    def fit(self, new: Samples, share: float, pull: float) -> Head:
        """Minimise share x loss of the new + (1 - share) x loss of the bank + pull / 2 x the squared change."""
        if not len(self._bank.label):
            share = 1.0
        rows = np.concatenate([(new.embedding - self._centre) / self._scale, self._rows])
        labels = np.concatenate([new.label, self._bank.label])
        weights = np.concatenate([share * new.weight / new.weight.sum(), (1 - share) * self._bank.weight])
        start = np.append(self._old.weight * self._scale, self._old.bias + self._old.weight @ self._centre)

        def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            margin = rows @ theta[:-1] + theta[-1]
            change = theta - start
            change[-1] = 0.0  # the bias follows the pictures
            value = float(weights @ (np.logaddexp(0, margin) - labels * margin) + pull / 2 * change @ change)
            slope = weights * (0.5 * (1 + np.tanh(0.5 * margin)) - labels)
            return value, np.append(rows.T @ slope, slope.sum()) + pull * change

        found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        weight = found.x[:-1] / self._scale
        return Head(weight, float(found.x[-1] - weight @ self._centre))


def _rows(bank: Bank) -> Samples:
    """Return a bank's rows as samples of equal weight."""
    count = len(bank)
    return Samples(
        bank.embedding.astype(np.float64),
        bank.label.astype(np.float64),
        bank.group.astype(np.int64),
        np.full(count, 1 / max(count, 1)),
    )


def _deal(groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal groups into folds; return the fold of each sample."""
    names, places = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray(order[places] % min(_FOLDS, len(names)), np.int64)


def _limit(old: Head, watched: Samples) -> float:
    """Return the log loss from which on a head is said to forget: the old head's and one standard error of it."""
    if not len(watched.label):
        return float("inf")
    mean, error = _mean_and_error(_losses(old.margin(watched.embedding), watched), watched)
    return mean + error


def _known(head: Head, watched: Samples) -> float:
    """Return the log loss on what was known before; 0 where nothing of it is there."""
    return _loss(head.margin(watched.embedding), watched) if len(watched.label) else 0.0


def _better(one: FittedHead, other: FittedHead, new: Samples) -> bool:
    """Tell whether one head is better on groups left out than another by more than one standard error."""
    mean, error = _mean_and_error(_losses(other.left_out, new) - _losses(one.left_out, new), new)
    return mean > error


def _mean_and_error(values: NDArray[np.float64], samples: Samples) -> tuple[float, float]:
    """Return the weighted mean of a value of each sample, and its standard error, groups being what varies."""
    weight = samples.weight / samples.weight.sum()
    mean = float(weight @ values)
    sums = np.bincount(samples.group, weights=weight * (values - mean))
    return mean, float(np.sqrt((sums**2).sum()))


def _losses(margin: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.logaddexp(0, margin) - samples.label * margin
    return result


def _loss(margin: NDArray[np.float64], samples: Samples) -> float:
    return float(samples.weight @ _losses(margin, samples) / samples.weight.sum())
