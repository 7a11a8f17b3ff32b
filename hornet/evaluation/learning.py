"""Would more pictures help, or more capacity? Quality against the amount of data, for two capacities.

Every size is half of the next one and a part of it, group by group; each seed draws other groups. Settings are chosen
on validation, quality is the AUC on the test split. Intervals resample the test split's groups and the seeds together,
so that differences are of the same pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.errors import EmptyClass
from hornet.evaluation.intervals import draw_groups, group_numbers, percentiles
from hornet.evaluation.ranking import roc_auc, weighted_ranking
from hornet.evaluation.rivals import Part, fit_rival

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    #: Places in the training split and a seed in; scores of these and of the test split out.
    Learner = Callable[[NDArray[np.int64], int], tuple[NDArray[np.float64], NDArray[np.float64]]]

#: A linear boundary, and one that bends.
SMALL: Final = "logistic regression"
LARGE: Final = "RBF SVM"
#: Learns its features, too.
NETWORK: Final = "fine-tuned network"
#: A difference of AUC below this isn't worth anybody's while.
NEGLIGIBLE: Final = 0.01
YES, NO, UNKNOWN = "yes", "no", "can't tell"
_RESAMPLES: Final = 500
_LEAST: Final = 12  # pictures in the smallest size


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its interval of 95 %."""

    value: float
    low: float
    high: float

    def verdict(self) -> str:
        """Say whether this gain is there, isn't worth mentioning, or can't be told from either."""
        if self.low > 0:
            return YES
        return NO if self.high < NEGLIGIBLE else UNKNOWN

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def to_dict(self) -> dict[str, float]:
        """Return it as plain JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Curve:
    """One capacity.

    Attributes:
        name: Who learned.
        learned: Mean AUC on what was learned from, by size.
        held_out: AUC on the test split, by size.
        gain: Of the last doubling.
        exponent: b of the power law 1 - AUC = a n^-b, fitted over the sizes.
        next_gain: What another doubling would bring if that law goes on.
    """

    name: str
    learned: tuple[float, ...]
    held_out: tuple[Interval, ...]
    gain: Interval
    exponent: Interval
    next_gain: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "learned": list(self.learned),
            "held_out": [one.to_dict() for one in self.held_out],
            "gain_of_last_doubling": self.gain.to_dict(),
            "exponent": self.exponent.to_dict(),
            "gain_of_next_doubling": self.next_gain.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Learning:
    """What came out.

    Attributes:
        sizes: Pictures learned from, ascending.
        seeds: How many times the groups were drawn.
        curves: The small capacity, the large one, and the network if it took part.
        capacity: AUC of the large minus that of the small one, with all pictures.
        tuning: AUC of the network minus that of the better one of them, with all pictures.
    """

    sizes: tuple[int, ...]
    seeds: int
    curves: tuple[Curve, ...]
    capacity: Interval
    tuning: Interval | None = None

    @property
    def best(self) -> Curve:
        """The curve that ends highest."""
        return max(self.curves, key=_end)

    def verdicts(self) -> dict[str, str]:
        """Say ``yes``, ``no`` or ``can't tell`` to more pictures, to more capacity and to learning the features."""
        verdicts = {"more_pictures": self.best.gain.verdict(), "more_capacity": self.capacity.verdict()}
        return verdicts if self.tuning is None else {**verdicts, "fine_tuning": self.tuning.verdict()}

    def conclusion(self) -> list[str]:
        """Say it in sentences."""
        best, small, large = self.best, self.curves[0], self.curves[1]
        verdicts = self.verdicts()
        half, full = self.sizes[-2], self.sizes[-1]
        lines = [
            (
                f"More pictures would help: {verdicts['more_pictures']}. From {half} to {full} pictures the AUC of "
                f"{best.name} changed by {best.gain}."
            ),
            (
                f"More capacity would help: {verdicts['more_capacity']}. With {full} pictures {large.name} is ahead of "
                f"{small.name} by {self.capacity}."
            ),
        ]
        if self.tuning is not None:
            rival = max(small, large, key=_end)
            lines.append(
                f"Fine-tuning helps: {verdicts['fine_tuning']}. With {full} pictures {NETWORK} is ahead of {rival.name} "
                f"by {self.tuning}."
            )
        lines.append(
            f"{best.name} has {best.learned[-1]:.3f} on what it learned from and {best.held_out[-1].value:.3f} on "
            f"the test split: a gap of {best.learned[-1] - best.held_out[-1].value:.3f}."
        )
        if verdicts["more_pictures"] == YES:
            lines.append(
                f"If the power law through all sizes went on, doubling once more would bring {best.next_gain}; "
                "nothing measured says that it does."
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "sizes": list(self.sizes),
            "seeds": self.seeds,
            "curves": [curve.to_dict() for curve in self.curves],
            "capacity": self.capacity.to_dict(),
            "tuning": None if self.tuning is None else self.tuning.to_dict(),
            "verdicts": self.verdicts(),
            "conclusion": self.conclusion(),
        }


def nested_subsets(part: Part, count: int, seed: int) -> list[NDArray[np.int64]]:
    """Deal the groups in an order that the seed decides and cut it at n, n / 2, n / 4, ... pictures.

    Returns:
        Places of the pictures, smallest subset first; each holds the ones before it and both classes, and no group
        is divided except by the end of the list.

    Raises:
        EmptyClass: If the smallest subset would lack a class or be tiny: ask for fewer sizes.
    """
    place, groups = group_numbers(part.groups)
    generator = np.random.default_rng(np.random.SeedSequence((seed, 31)))
    targets = [len(part.labels) >> k for k in reversed(range(count))]
    for _ in range(200):
        rank = generator.permutation(groups)
        order = np.argsort(rank[place], kind="stable")
        ends = np.cumsum(np.bincount(rank[place], minlength=groups))  # pictures after each group
        cuts = [int(ends[np.argmin(np.abs(ends - target))]) for target in targets]
        smallest = part.labels[order[: cuts[0]]]
        if cuts[0] >= min(_LEAST, targets[0]) and np.bincount(smallest, minlength=2).min() >= 2:  # noqa: PLR2004
            return [order[:cut] for cut in cuts]
    raise EmptyClass(
        f"About {targets[0]} pictures of whole groups don't hold two of each class; use fewer --sizes."
    )


def learning_curve(
    train: Part,
    validation: Part,
    test: Part,
    *,
    sizes: int = 6,
    seeds: int = 5,
    network: Learner | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Learning:
    """Measure both capacities, and the network if it is given, at every size.

    Args:
        train: What there is to learn from.
        validation: What settings are chosen on, at every size the same.
        test: What is measured on.
        sizes: How many; each is half of the next.
        seeds: How often the groups are drawn.
        network: Also learns its features.
        report: Told how far it is.

    Raises:
        EmptyClass: If the smallest size would lack a class.
    """

    def rival(name: str) -> Learner:
        def learn(places: NDArray[np.int64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            part = train.select(places)
            fitted = fit_rival(name, part, validation, seed=seed)
            return fitted.scores(part.features), fitted.scores(test.features)

        return learn

    learners = {SMALL: rival(SMALL), LARGE: rival(LARGE)}
    if network is not None:
        learners[NETWORK] = network
    subsets = [nested_subsets(train, sizes, seed) for seed in range(seeds)]
    counts = tuple(round(float(np.mean([len(chosen[i]) for chosen in subsets]))) for i in range(sizes))
    draw = _Draws(test, seeds)
    curves, areas = [], {}
    for name, learn in learners.items():
        learned = np.empty((sizes, seeds))
        held_out = np.empty((sizes, seeds, len(test.labels)))
        for i in range(sizes):
            for seed in range(seeds):
                report(f"{name}: {counts[i]} pictures, draw {seed + 1}/{seeds}")
                scores, held_out[i, seed] = learn(subsets[seed][i], seed)
                learned[i, seed] = roc_auc(train.labels[subsets[seed][i]], scores)
        areas[name] = np.stack([draw.areas(row) for row in held_out])  # (sizes, 1 + draws)
        curves.append(_curve(name, counts, learned.mean(axis=1), areas[name]))
    ends = {name: area[-1] for name, area in areas.items()}
    capacity = _interval(ends[LARGE] - ends[SMALL])
    tuning = None
    if network is not None:
        frozen = max(SMALL, LARGE, key=lambda name: float(ends[name][0]))
        tuning = _interval(ends[NETWORK] - ends[frozen])
    return Learning(counts, seeds, tuple(curves), capacity, tuning)


def _end(curve: Curve) -> float:
    return curve.held_out[-1].value


class _Draws:
    """The same resampled groups and seeds for everything that is compared; the first draw is no draw."""

    def __init__(self, test: Part, seeds: int) -> None:
        self.labels = test.labels.astype(np.float64)
        self.units, count = group_numbers(test.groups)
        self.groups = np.concatenate([np.ones((1, count)), draw_groups(count, _RESAMPLES, 0)])
        generator = np.random.default_rng(1)
        shares = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=_RESAMPLES) / seeds
        self.seeds = np.concatenate([np.full((1, seeds), 1 / seeds), shares])

    def areas(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the AUC of scores (seeds, N), averaged over drawn seeds, of every draw (1 + draws,)."""
        each = [weighted_ranking(self.labels, row, self.units, self.groups)[0] for row in scores]
        result: NDArray[np.float64] = (np.stack(each, axis=1) * self.seeds).sum(axis=1)
        return result


def _curve(
    name: str, sizes: Sequence[int], learned: NDArray[np.float64], areas: NDArray[np.float64]
) -> Curve:
    exponent, ahead = _power_law(sizes, areas)
    return Curve(
        name,
        tuple(float(value) for value in learned),
        tuple(_interval(row) for row in areas),
        _interval(areas[-1] - areas[-2]),
        _interval(exponent),
        _interval(ahead),
    )


def _power_law(
    sizes: Sequence[int], areas: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit log(1 - AUC) = log a - b log n by least squares (Hestness et al. 2017, without a floor).

    Returns:
        b, and the gain of doubling the largest size, of every draw.
    """
    x = np.log2(np.asarray(sizes, dtype=np.float64))
    error = np.log2(np.maximum(1 - areas, 1e-4))
    centred = x - x.mean()
    slope = (centred[:, None] * error).sum(axis=0) / (centred**2).sum()
    level = error.mean(axis=0) + slope * (x[-1] - x.mean())
    return -slope, 2.0**level * (1 - 2.0**slope)


def _interval(draws: NDArray[np.float64]) -> Interval:
    value = float(draws[0])
    low, high = percentiles(draws[1:]) or (value, value)
    # Resampling may be biased where the AUC is near 1.
    return Interval(value, min(low, value), max(high, value))
