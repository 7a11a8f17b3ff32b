"""How far today's pictures are from those that a model was made with: histograms of its answers, compared. Pure.

The index is the population stability index, ``sum((p - q) ln(p / q))`` over ten bins that hold a tenth of the reference
each (Siddiqi 2006, "Credit risk scorecards"; it is the symmetric Kullback-Leibler divergence). It has no fixed limit here:
few pictures differ from any reference by chance. The limit is what 1 % of samples of the same size exceed that are drawn
from the reference itself, whole groups at a time, against a reference drawn likewise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

#: What is compared, where the model can tell.
PROBABILITY: Final = "probability"
NOVELTY: Final = "novelty"
#: Share of samples from the reference itself that are beyond the limit.
BY_CHANCE: Final = 0.01
#: Numbers of pictures for which there is a limit; between them it is interpolated.
SIZES: Final = (25, 50, 100, 200, 400, 800, 1600, 3200)
#: Fewer pictures make no reference.
FEWEST: Final = 40

_BINS: Final = 10
_DRAWS: Final = 2000
# Added to each bin, so that an empty one isn't infinitely far (Jeffreys' prior).
_PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Drift:
    """How far some pictures are from the reference.

    Attributes:
        quantity: What was compared: ``probability`` or ``novelty``.
        pictures: How many.
        index: Population stability index; 0: the same.
        limit: What so many pictures like the reference exceed in 1 of 100 cases; None: too few pictures to say.
    """

    quantity: str
    pictures: int
    index: float
    limit: float | None

    @property
    def beyond(self) -> bool:
        """Whether they differ by more than chance."""
        return self.limit is not None and self.index > self.limit

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "quantity": self.quantity,
            "pictures": self.pictures,
            "index": round(self.index, 6),
            "limit": None if self.limit is None else round(self.limit, 6),
            "beyond": self.beyond,
        }


@dataclass(frozen=True, slots=True)
class Histogram:
    """The reference of one quantity.

    Attributes:
        edges: (B - 1,) where one bin ends and the next begins, rising.
        counts: (B,) pictures of the reference in each.
        limits: The limit for each of `SIZES`.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    limits: tuple[float, ...]

    @classmethod
    def fit(cls, values: NDArray[np.float64], groups: Sequence[object]) -> Histogram:
        """Count values, and find the limits by resampling groups.

        Args:
            values: (N,), finite.
            groups: (N,), pictures that belong together.
        """
        edges = _edges(values)
        numbers: dict[object, int] = {}
        places = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
        table = np.zeros((len(numbers), len(edges) + 1))
        np.add.at(table, (places, np.searchsorted(edges, values, side="right")), 1)
        return cls(edges, table.sum(axis=0), _limits(table))

    def bin_of(self, value: float) -> int:
        """Return which bin a value is in."""
        return int(np.searchsorted(self.edges, value, side="right"))

    def compare(self, quantity: str, counts: NDArray[np.float64]) -> Drift:
        """Return how far other pictures are.

        Args:
            quantity: What is compared.
            counts: (B,), pictures in each bin.
        """
        pictures = int(counts.sum())
        return Drift(quantity, pictures, float(_index(counts, self.counts)), self.limit(pictures))

    def limit(self, pictures: int) -> float | None:
        """Return the limit for so many pictures, interpolated between logarithms; None for too few."""
        if pictures < SIZES[0]:
            return None
        return float(np.exp(np.interp(math.log(pictures), np.log(SIZES), np.log(self.limits))))


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model answers to validation pictures, which are like its training's and which nobody learned from.

    Attributes:
        histograms: By quantity.
    """

    histograms: Mapping[str, Histogram]

    @classmethod
    def fit(cls, answers: Mapping[str, NDArray[np.float64]], groups: Sequence[object]) -> Reference | None:
        """Make a reference of answers by quantity, (N,) each; None if there are too few."""
        if len(groups) < FEWEST:
            return None
        return cls({name: Histogram.fit(values, groups) for name, values in answers.items()})

    def compare(self, answers: Mapping[str, Sequence[float]]) -> list[Drift]:
        """Return how far pictures are by each quantity that is known of them and of the reference.

        Args:
            answers: Values by quantity.
        """
        found = []
        for name, histogram in self.histograms.items():
            values = answers.get(name)
            if values is not None and len(values):
                bins = np.searchsorted(histogram.edges, np.asarray(values, dtype=np.float64), side="right")
                counts = np.bincount(bins, minlength=len(histogram.counts)).astype(np.float64)
                found.append(histogram.compare(name, counts))
        return found

    def moved(self, move: Callable[[float], float]) -> Reference:
        """Return the reference of a model whose probabilities were moved by a rising function."""
        histogram = self.histograms[PROBABILITY]
        edges = np.array([move(float(edge)) for edge in histogram.edges])
        return replace(self, histograms={**self.histograms, PROBABILITY: replace(histogram, edges=edges)})

    def to_document(self) -> dict[str, Any]:
        """Return it as a contract's JSON."""
        return {
            "sizes": list(SIZES),
            "histograms": {
                name: {
                    "edges": [round(float(edge), 9) for edge in histogram.edges],
                    "counts": [int(count) for count in histogram.counts],
                    "limits": [round(limit, 6) for limit in histogram.limits],
                }
                for name, histogram in self.histograms.items()
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Reference:
        """Read what `to_document` wrote.

        Raises:
            ValueError: If it is something else.
        """
        try:
            if document["sizes"] != list(SIZES):
                raise ValueError("its reference has other sizes; install a newer hornet")
            found = {
                str(name): Histogram(
                    np.array(entry["edges"], dtype=np.float64),
                    np.array(entry["counts"], dtype=np.float64),
                    tuple(float(limit) for limit in entry["limits"]),
                )
                for name, entry in document["histograms"].items()
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"its reference can't be read: {error}") from None
        for name, one in found.items():
            if (
                one.counts.shape != (len(one.edges) + 1,)
                or len(one.limits) != len(SIZES)
                or not np.isfinite(one.edges).all()
                or not min(one.limits) > 0
                or not one.counts.sum() > 0
            ):
                raise ValueError(f"its reference of {name} contradicts itself")
        return cls(found)


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where bins of about equal size end: between values, so that equal ones are in one bin."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return distinct
    between = (distinct[1:] + distinct[:-1]) / 2
    below = np.cumsum(counts)[:-1] / len(values)
    nearest = [int(np.abs(below - share).argmin()) for share in np.arange(1, _BINS) / _BINS]
    result: NDArray[np.float64] = between[np.unique(nearest)]
    return result


def _index(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the population stability index of counts (..., B) of two samples."""
    p, q = ((counts + _PRIOR) / (counts + _PRIOR).sum(axis=-1, keepdims=True) for counts in (first, second))
    index: NDArray[np.float64] = ((p - q) * np.log(p / q)).sum(axis=-1)
    return index


def _limits(table: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the limit for each of `SIZES`, from counts (G, B) by group and bin."""
    groups, pictures = len(table), table.sum()
    even = np.full(groups, 1 / groups)
    generator = np.random.default_rng(0)
    limits = []
    for size in SIZES:
        drawn = max(1, round(size * groups / pictures))
        sample = generator.multinomial(drawn, even, _DRAWS) @ table
        # The reference is a sample, too: another one would have been as good.
        reference = generator.multinomial(groups, even, _DRAWS) @ table
        limits.append(max(float(np.quantile(_index(sample, reference), 1 - BY_CHANCE)), 1e-6))
    return tuple(limits)
