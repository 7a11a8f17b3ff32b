"""How good probabilities are, with intervals that respect that pictures of one group are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.evaluation.intervals import draw_groups, group_numbers, newcombe_auc, percentiles, wilson
from hornet.evaluation.ranking import stratified_auc, stratified_draws, weighted_ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

GROUPED: Final = "group-bootstrap"
UNGROUPED: Final = "ungrouped-wilson"
#: With fewer groups, resampling them says little: nearly the same few sets come up again and again.
MIN_GROUPS: Final = 10
#: Equal-width bins of the calibration error (Guo et al. 2017, section 2, who take 15 too).
BINS: Final = 15
#: Probabilities are clipped to this distance from 0 and 1 before their logarithm: the step of a float32
#: near 1, below which the artifact couldn't tell them from 1 anyway.
CLIP: Final = 2.0**-23


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval of 95 %.

    Attributes:
        value: The figure; None if it isn't defined on these pictures.
        low: Lower bound, None if there is none.
        high: Upper bound, None if there is none.
        method: How the interval was made: group-bootstrap, picture-bootstrap, wilson, wilson-of-jaccard or
            newcombe.
        reason: Why the figure or its interval is missing; empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON; method and reason only where there is one."""
        result: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high}
        if self.method:
            result["method"] = self.method
        if self.reason:
            result["reason"] = self.reason
        return result


@dataclass(frozen=True, slots=True)
class Confusion:
    """Pictures by what they show and what was said, at the decision threshold."""

    tp: int
    fp: int
    fn: int
    tn: int

    def to_dict(self) -> dict[str, int]:
        """Return it as plain JSON."""
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, "tn": self.tn}


@dataclass(frozen=True, slots=True)
class Quality:
    """All figures of one set of pictures.

    Attributes:
        n: Number of pictures.
        positives: How many show a hornet.
        groups: Number of groups.
        interval: ``group-bootstrap``, or ``ungrouped-wilson`` if there are fewer than 10 groups: then the
            intervals take pictures as independent and are too narrow.
        threshold: From this probability on a picture counts as present.
        metrics: Figure by name.
        confusion: The four counts.
        pairs: Pairs within strata, None if no strata were given.
    """

    n: int
    positives: int
    groups: int
    interval: str
    threshold: float
    metrics: Mapping[str, Estimate]
    confusion: Confusion
    pairs: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        result: dict[str, Any] = {
            "n": self.n,
            "positives": self.positives,
            "groups": self.groups,
            "interval": self.interval,
            "threshold": self.threshold,
            "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()},
            "confusion": self.confusion.to_dict(),
        }
        if self.pairs is not None:
            result["pairs"] = self.pairs
        return result


def summarize(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold: float,
    groups: Sequence[object] | None = None,
    strata: Sequence[object] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Quality:
    """Measure probabilities against labels.

    From 10 groups on, every interval is the middle 95 % of figures on resampled groups. With fewer, pictures
    are taken as independent, which is marked: Wilson for accuracy, precision, recall and the share of false
    alarms; for F1 Wilson on tp / (tp + fp + fn), of which it is a growing function; Newcombe for the ROC-AUC;
    resampled pictures for the others. Each figure names its method. The calibration error of few pictures is too high by nature,
    and that of a resample still higher: its interval may lie above it. A figure that is perfect in every
    group has an interval of no width: resampling can't show what never happened.

    Args:
        labels: Shape (N,), 0 or 1.
        probabilities: Shape (N,), probability of presence, 0 to 1.
        threshold: From it on a picture counts as present.
        groups: Group of each picture; None if each stands alone.
        strata: Stratum of each picture; adds ``stratified_auc``, where only pairs within a stratum count.
        resamples: Bootstrap draws.
        seed: Seed of the draws.

    Returns:
        The figures. One that isn't defined (AUC of a single class, ...) is None and says why.

    Raises:
        ValueError: If shapes or values are off.
    """
    return summarize_draws(
        labels,
        probabilities,
        threshold=threshold,
        groups=groups,
        strata=strata,
        resamples=resamples,
        seed=seed,
    )[0]


def summarize_draws(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold: float,
    groups: Sequence[object] | None = None,
    strata: Sequence[object] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Quality, dict[str, NDArray[np.float64]]]:
    """Measure as :func:`summarize` does, and also return each figure of each resample, shape (R,); NaN where undefined.

    Resamples are the same for the same groups, draws and seed: figures of several models, or of the same pictures under
    several conditions, can be compared resample by resample.

    Raises:
        ValueError: If shapes or values are off.
    """
    truth, scores = _check(labels, probabilities)
    place, count = group_numbers(range(len(truth)) if groups is None else groups)
    if len(place) != len(truth) or (strata is not None and len(strata) != len(truth)):
        raise ValueError("groups and strata must have one entry a picture")
    grouped = count >= MIN_GROUPS
    units, size = (place, count) if grouped else (np.arange(len(truth)), len(truth))
    drawn = draw_groups(size, resamples, seed)
    once = np.ones((1, size))
    values = {name: float(row[0]) for name, row in _figures(truth, scores, threshold, units, once).items()}
    draws = _figures(truth, scores, threshold, units, drawn)
    confusion = _confusion(truth, scores >= threshold)
    pairs = None
    if strata is not None:
        area, pairs = stratified_auc(truth, scores, strata)
        values["stratified_auc"] = float("nan") if area is None else area
        draws["stratified_auc"] = stratified_draws(truth, scores, strata, units, drawn)
    method = GROUPED if grouped else "picture-bootstrap"
    metrics = {name: _estimate(name, values[name], draws[name], method) for name in values}
    if not grouped:
        metrics |= _independent(metrics, confusion)
    quality = Quality(
        n=len(truth),
        positives=int(truth.sum()),
        groups=count,
        interval=GROUPED if grouped else UNGROUPED,
        threshold=threshold,
        metrics=metrics,
        confusion=confusion,
        pairs=pairs,
    )
    return quality, draws


def reliability(labels: ArrayLike, probabilities: ArrayLike) -> list[dict[str, float]]:
    """Return how often a hornet was there for each bin of the probability; empty bins are left out.

    Returns:
        For each bin ``low`` and ``high`` ends, ``n`` pictures, mean ``probability`` and ``frequency`` of presence.
    """
    truth, scores = _check(labels, probabilities)
    bins = _bins(scores)
    result = []
    for number in np.unique(bins):
        inside = bins == number
        result.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "n": int(inside.sum()),
                "probability": float(scores[inside].mean()),
                "frequency": float(truth[inside].mean()),
            }
        )
    return result


def _check(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth = np.asarray(labels, dtype=np.float64)
    scores = np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape or not len(truth):
        raise ValueError(f"labels {truth.shape} and probabilities {scores.shape} must be rows of one length")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("probabilities must be from 0 to 1")
    return truth, scores


def _bins(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def _figures(
    truth: NDArray[np.float64],
    scores: NDArray[np.float64],
    threshold: float,
    units: NDArray[np.int64],
    drawn: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Compute every figure for every draw.

    Args:
        truth: Labels, shape (N,).
        scores: Probabilities, shape (N,).
        threshold: From it on present.
        units: What is drawn: the number of each picture's group, shape (N,).
        drawn: How often each group was drawn, shape (R, G).

    Returns:
        By name, shape (R,); NaN where it isn't defined.
    """
    called = scores >= threshold
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    bins = _bins(scores)
    columns = [truth * called, (1 - truth) * called, truth * ~called, (1 - truth) * ~called]
    columns.append(-truth * np.log(clipped) - (1 - truth) * np.log1p(-clipped))
    # A bin's part of the calibration error is |sum of (probability - label)|.
    columns += [(scores - truth) * (bins == number) for number in range(BINS)]
    by_group = np.stack([np.bincount(units, column, drawn.shape[1]) for column in columns], axis=1)
    sums = drawn @ by_group  # (R, columns)
    tp, fp, fn, tn, loss = sums[:, :5].T
    n = tp + fp + fn + tn
    area, precision = weighted_ranking(truth, scores, units, drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": (tp + tn) / n,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "false_alarms": fp / (fp + tn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "roc_auc": area,
            "average_precision": precision,
            "log_loss": loss / n,
            "calibration_error": np.abs(sums[:, 5:]).sum(axis=1) / n,
        }


def _estimate(name: str, value: float, draws: NDArray[np.float64], method: str) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, reason=_REASONS[name])
    bounds = percentiles(draws)
    if bounds is None:
        return Estimate(value, reason="no resample had what it needs")
    return Estimate(value, *bounds, method)


def _independent(metrics: Mapping[str, Estimate], confusion: Confusion) -> dict[str, Estimate]:
    """Replace intervals by closed ones that take pictures as independent, where there is one."""
    c = confusion
    positives, negatives = c.tp + c.fn, c.fp + c.tn
    trials = {
        "accuracy": (c.tp + c.tn, positives + negatives),
        "precision": (c.tp, c.tp + c.fp),
        "recall": (c.tp, positives),
        "false_alarms": (c.fp, negatives),
    }
    result = {name: Estimate(h / n, *wilson(h, n), "wilson") for name, (h, n) in trials.items() if n}
    if n := c.tp + c.fp + c.fn:
        low, high = (2 * j / (1 + j) for j in wilson(c.tp, n))  # F1 = 2 J / (1 + J)
        result["f1"] = Estimate(metrics["f1"].value, low, high, "wilson-of-jaccard")
    area = metrics["roc_auc"].value
    if area is not None:
        result["roc_auc"] = Estimate(area, *newcombe_auc(area, positives, negatives), "newcombe")
    return result


def _confusion(truth: NDArray[np.float64], called: NDArray[np.bool_]) -> Confusion:
    present = truth == 1
    return Confusion(
        tp=int((present & called).sum()),
        fp=int((~present & called).sum()),
        fn=int((present & ~called).sum()),
        tn=int((~present & ~called).sum()),
    )


_REASONS: Final = {
    "precision": "no picture was called present",
    "recall": "no picture shows a hornet",
    "false_alarms": "every picture shows a hornet",
    "f1": "no picture shows a hornet or was called present",
    "roc_auc": "all pictures are of one class",
    "average_precision": "no picture shows a hornet",
    "stratified_auc": "no stratum holds both classes",
}
