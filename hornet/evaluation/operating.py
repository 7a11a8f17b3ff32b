"""Operating points: thresholds for a wanted recall and for bearable false alarms, and what they promise.

Recall and the rate of false alarms are shares within one class: they don't depend on how frequent hornets are.
What does is the probability itself (see `prior_shift`), the share of alarms that are true, and the work.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.decision import ABSENT, PRESENT, UNSURE
from hornet.errors import ConfigError, EmptyClass
from hornet.evaluation.intervals import draw_groups, group_numbers
from hornet.evaluation.metrics import MIN_GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

#: Bounds are one-sided: the truth lies beyond them in at most this share of samples.
ALPHA: Final = 0.05
_RESAMPLES: Final = 2000
_PER_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class Promise:
    """A share of one class, and how bad it may be.

    Attributes:
        threshold: What it was counted at.
        value: The share, 0 to 1: recall, or false alarms among absences.
        bound: One-sided 95 % bound: from below for recall, from above for false alarms.
        target: What was asked for, 0 to 1; None if nothing was.
        hits: Pictures that make the share.
        n: Pictures of the class.
        groups: Groups with a picture of the class.
        method: How the bound was made: ``group-bootstrap``, ``clopper-pearson`` (pictures taken as independent) or
            ``clopper-pearson-groups`` (nothing happened in any group, which resampling can't judge).
    """

    threshold: float
    value: float
    bound: float
    target: float | None
    hits: int
    n: int
    groups: int
    method: str


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A band of probability, what it promises, and the work that it makes.

    Attributes:
        low: Below it ``absent``.
        high: From it on ``present``.
        recall: Hornets that aren't called absent.
        false_alarms: Absences that are called present.
        prevalence: Share of pictures with a hornet that the work is told for.
        unsure: Pictures in 1,000 that an expert has to look at.
        alarms: Pictures in 1,000 that are called present.
        true_alarms: Share of those that show a hornet; None if nothing is called present.
        notes: Sentences: what these pictures can't promise.
    """

    low: float
    high: float
    recall: Promise
    false_alarms: Promise
    prevalence: float
    unsure: float
    alarms: float
    true_alarms: float | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**asdict(self), "notes": list(self.notes)}


def logit(probability: float) -> float:
    """Return log(p / (1 - p)).

    Raises:
        ConfigError: If p isn't between 0 and 1.
    """
    if not 0 < probability < 1:
        raise ConfigError(f"a prevalence must lie between 0 and 1, both left out, not {probability}")
    return math.log(probability / (1 - probability))


def prior_shift(prevalence: float, training_prevalence: float) -> float:
    """Return what to add to the logit difference where hornets are more or less frequent than in training.

    By Bayes' rule the odds change by the ratio of the prior odds (Saerens et al. 2002, equation 2.4), as long as
    hornets and absences look the same there as in training.

    Raises:
        ConfigError: If a prevalence isn't between 0 and 1.
    """
    return logit(prevalence) - logit(training_prevalence)


def shift_probability(probability: float, shift: float) -> float:
    """Return the probability whose logit is greater by ``shift``; 0 and 1 stay."""
    if probability in (0.0, 1.0):
        return probability
    moved = logit(probability) + shift
    # Each side's exponential falls: neither overflows.
    return 1 / (1 + math.exp(-moved)) if moved >= 0 else math.exp(moved) / (1 + math.exp(moved))


def recall_threshold(labels: ArrayLike, probabilities: ArrayLike, target: float) -> float:
    """Return the highest threshold that at least a share ``target`` of the hornets reaches.

    It lies in the middle between the last hornet that has to reach it and the next lower picture.

    Args:
        labels: Shape (N,), 0 or 1.
        probabilities: Shape (N,), 0 to 1.
        target: Above 0, up to 1.

    Raises:
        ConfigError: If the target isn't above 0 and up to 1.
        EmptyClass: If a class has no picture.
    """
    if not 0 < target <= 1:
        raise ConfigError(f"the wanted recall must be above 0 and up to 1, not {target}")
    truth, scores = _check(labels, probabilities)
    present = np.sort(scores[truth])[::-1]
    # 0.95 * 20 is 19.000000000000004 in floating point, or may be.
    needed = max(1, math.ceil(target * len(present) - 1e-9))
    last = float(present[needed - 1])
    lower = scores[scores < last]
    return _between(float(lower.max()) if len(lower) else 0.0, last)


def alarm_threshold(labels: ArrayLike, probabilities: ArrayLike, most: float) -> float:
    """Return the lowest threshold that at most a share ``most`` of the absences reaches.

    It lies in the middle between the first absence that must not reach it and the next higher picture.

    Args:
        labels: Shape (N,), 0 or 1.
        probabilities: Shape (N,), 0 to 1.
        most: From 0 up to, not with, 1.

    Raises:
        ConfigError: If ``most`` is out of range, or more absences than that have a probability of 1.
        EmptyClass: If a class has no picture.
    """
    if not 0 <= most < 1:
        raise ConfigError(f"the share of false alarms must be from 0 to below 1, not {most}")
    truth, scores = _check(labels, probabilities)
    absent = np.sort(scores[~truth])[::-1]
    first = float(absent[math.floor(most * len(absent) + 1e-9)])
    if first == 1.0:
        raise ConfigError(
            "more absences than that have a probability of 1, so that no threshold tells them from hornets; "
            "allow more false alarms, or train on pictures like these"
        )
    higher = scores[scores > first]
    return _between(first, float(higher.min()) if len(higher) else 1.0)


def operating_point(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    band: tuple[float, float],
    prevalence: float,
    groups: Sequence[object] | None = None,
    targets: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> OperatingPoint:
    """Count what a band does to labelled pictures, and bound it.

    Args:
        labels: Shape (N,), 0 or 1; both occur.
        probabilities: Shape (N,), 0 to 1.
        band: low and high.
        prevalence: Share of pictures with a hornet where the model will be used.
        groups: Group of each picture; None if each stands alone.
        targets: Recall and share of false alarms that were asked for.
        seed: Seed of the resampling.

    Raises:
        ConfigError: If band or prevalence make no sense.
        EmptyClass: If a class has no picture.
    """
    truth, scores = _check(labels, probabilities)
    low, high = band
    if not 0 <= low <= high <= 1:
        raise ConfigError(f"the band must be 0 <= low <= high <= 1, not {low} to {high}")
    logit(prevalence)  # refuses 0 and 1
    numbers, _ = group_numbers(range(len(truth)) if groups is None else groups)
    recall = _promise(scores[truth] >= low, numbers[truth], low, targets[0], upper=False, seed=seed)
    alarms = _promise(scores[~truth] >= high, numbers[~truth], high, targets[1], upper=True, seed=seed)
    shares = {True: _verdicts(scores[truth], band), False: _verdicts(scores[~truth], band)}
    mixed = {
        name: prevalence * shares[True][name] + (1 - prevalence) * shares[False][name]
        for name in (ABSENT, UNSURE, PRESENT)
    }
    called = mixed[PRESENT]
    return OperatingPoint(
        low=low,
        high=high,
        recall=recall,
        false_alarms=alarms,
        prevalence=prevalence,
        unsure=_PER_THOUSAND * mixed[UNSURE],
        alarms=_PER_THOUSAND * called,
        true_alarms=prevalence * shares[True][PRESENT] / called if called else None,
        notes=_notes(recall, alarms),
    )


def choose_band(
    labels: ArrayLike, probabilities: ArrayLike, *, recall: float | None, false_alarms: float | None
) -> tuple[float, float] | None:
    """Return low and high for what was asked for; None if nothing was.

    Low keeps the recall, high the false alarms. Asked for one only, both ends are its threshold: nothing is unsure.
    Where one threshold does both, the middle of those that do is taken.

    Args:
        labels: Shape (N,), 0 or 1.
        probabilities: Shape (N,), 0 to 1.
        recall: Wanted share of hornets; None if it doesn't matter.
        false_alarms: Largest share of absences; None if it doesn't matter.

    Raises:
        ConfigError: If a target is out of range or out of reach.
        EmptyClass: If a class has no picture.
    """
    low = None if recall is None else recall_threshold(labels, probabilities, recall)
    high = None if false_alarms is None else alarm_threshold(labels, probabilities, false_alarms)
    if low is None or high is None:
        one = high if low is None else low
        return None if one is None else (one, one)
    if low > high:
        low = high = 0.5 * (low + high)
    return low, high


def clopper_pearson(hits: int, n: int, *, upper: bool) -> float:
    """Return the exact one-sided 95 % bound of a share (Clopper and Pearson 1934).

    Args:
        hits: Successes, 0 to n.
        n: Trials, at least 1.
        upper: From above; else from below.
    """
    from scipy.special import betaincinv

    if upper:
        return 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - ALPHA))
    return 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, ALPHA))


def _promise(
    hit: NDArray[np.bool_],
    groups: NDArray[np.int64],
    threshold: float,
    target: float | None,
    *,
    upper: bool,
    seed: int,
) -> Promise:
    """Count one class's pictures at or above a threshold, and bound their share."""
    hits, n = int(hit.sum()), len(hit)
    _, units = np.unique(groups, return_inverse=True)
    count = int(units.max()) + 1
    if count < MIN_GROUPS:
        bound, method = clopper_pearson(hits, n, upper=upper), "clopper-pearson"
    elif hits == (0 if upper else n):
        bound, method = clopper_pearson(0 if upper else count, count, upper=upper), "clopper-pearson-groups"
    else:
        drawn = draw_groups(count, _RESAMPLES, seed)
        shares = (drawn @ np.bincount(units, hit, count)) / (drawn @ np.bincount(units, minlength=count))
        bound, method = float(np.quantile(shares, 1 - ALPHA if upper else ALPHA)), "group-bootstrap"
    # Rounding, or a skew resample, must not put the bound on the better side of the share itself.
    value = hits / n
    bound = max(bound, value) if upper else min(bound, value)
    return Promise(threshold, value, bound, target, hits, n, count, method)


def _verdicts(scores: NDArray[np.float64], band: tuple[float, float]) -> dict[str, float]:
    """Return the share of each verdict; the rule is that of `hornet.decision.decide`."""
    low, high = band
    present = float((scores >= high).mean())
    absent = float(((scores < low) & (scores < high)).mean())
    return {PRESENT: present, ABSENT: absent, UNSURE: max(0.0, 1 - present - absent)}


def _notes(recall: Promise, alarms: Promise) -> tuple[str, ...]:
    """Say what can't be promised, and why."""
    notes = []
    if recall.target is not None and recall.bound < recall.target:
        best = clopper_pearson(recall.n, recall.n, upper=False)
        notes.append(
            f"With {recall.n} pictures of hornets no threshold can promise a recall of {recall.target:g}: even if all "
            f"were found, only {best:.3f} would be certain (95 %)."
            if best < recall.target
            else f"The recall of {recall.target:g} is that of these pictures; certain (95 %) is {recall.bound:.3f}."
        )
    if alarms.target is not None and alarms.bound > alarms.target:
        asked, best = _PER_THOUSAND * alarms.target, clopper_pearson(0, alarms.n, upper=True)
        notes.append(
            f"With {alarms.n} absences no threshold can promise {asked:g} in 1,000: even without a false alarm only "
            f"{_PER_THOUSAND * best:.1f} in 1,000 would be certain (95 %)."
            if best > alarms.target
            else f"At most {asked:g} false alarms in 1,000 absences is what these pictures show; certain (95 %) is "
            f"{_PER_THOUSAND * alarms.bound:.1f}."
        )
    return tuple(notes)


def _between(lower: float, upper: float) -> float:
    """Return the middle; where two neighbouring floats have none, the upper one."""
    middle = 0.5 * (lower + upper)
    return middle if middle > lower else upper


def _check(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth, scores = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape or not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be a row of 0 and 1, as long as the probabilities")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("probabilities must be from 0 to 1")
    if not 0 < truth.sum() < len(truth):
        raise EmptyClass(
            f"{int(truth.sum())} of {len(truth)} pictures show a hornet: an operating point needs pictures with and "
            "without. Name other pictures, or another --split."
        )
    return truth == 1, scores
