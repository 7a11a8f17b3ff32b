"""Intervals of 95 %: Wilson for proportions, Newcombe for areas, and the weights of a group bootstrap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: 97.5 % quantile of the normal distribution.
Z: Final = 1.959963984540054
LEVELS: Final = (2.5, 97.5)


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927).

    Args:
        hits: Successes, 0 to n.
        n: Trials, above 0.
    """
    p = hits / n
    spread = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    middle, scale = p + Z * Z / (2 * n), 1 + Z * Z / n
    # Rounding must not push the interval off the value itself.
    return max(0.0, min(p, (middle - spread) / scale)), min(1.0, max(p, (middle + spread) / scale))


def newcombe_auc(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return an interval for the area under the ROC curve (Newcombe 2006, method 5).

    The variance is that of Hanley and McNeil (1982) at the bounds rather than at the estimate, with
    (m + n) / 2 - 1 for both of its sample sizes. So an area of 1 doesn't get an interval of no width.
    Pictures are taken as independent.

    Args:
        auc: The area, 0 to 1.
        positives: Pictures of presence, at least 1.
        negatives: Pictures of absence, at least 1.
    """

    def spread(area: float) -> float:
        half = (positives + negatives) / 2 - 1
        variance = area * (1 - area) / (positives * negatives)
        return Z * math.sqrt(variance * (1 + half * ((1 - area) / (2 - area) + area / (1 + area))))

    def bound(inner: float, outer: float) -> float:
        """Find, between the estimate and an end of the scale, where the estimate is just not implausible."""
        for _ in range(60):
            middle = 0.5 * (inner + outer)
            inner, outer = (middle, outer) if abs(auc - middle) < spread(middle) else (inner, middle)
        return inner

    return bound(auc, 0.0), bound(auc, 1.0)


def group_numbers(groups: Sequence[object]) -> tuple[NDArray[np.int64], int]:
    """Number groups from 0.

    Returns:
        The number of each picture's group, shape (N,), and how many groups there are.
    """
    numbers: dict[object, int] = {}
    places = [numbers.setdefault(group, len(numbers)) for group in groups]
    return np.array(places, dtype=np.int64), len(numbers)


def draw_groups(count: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw groups with replacement, as many as there are.

    Args:
        count: Number of groups.
        resamples: Number of draws.
        seed: Seed of the draws.

    Returns:
        How often each group was drawn, shape (resamples, count).
    """
    generator = np.random.default_rng(seed)
    drawn = np.empty((resamples, count), dtype=np.float64)
    for row in drawn:
        row[:] = np.bincount(generator.integers(0, count, count), minlength=count)
    return drawn


def percentiles(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the middle 95 % of bootstrap values, leaving out NaN; None if nothing is left.

    Args:
        values: Shape (resamples,); NaN where a draw lacked a class.
    """
    kept = values[np.isfinite(values)]
    if not len(kept):
        return None
    low, high = np.percentile(kept, LEVELS)
    return float(low), float(high)
