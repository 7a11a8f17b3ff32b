"""Shares of pictures, with intervals that respect groups: recall, false alarms, precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.evaluation.intervals import draw_groups, group_numbers, percentiles, wilson
from hornet.evaluation.metrics import MIN_GROUPS, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

_RESAMPLES: Final = 1000


def share(hit: ArrayLike, among: ArrayLike, groups: Sequence[object], *, seed: int = 0) -> Estimate:
    """Return the share of some pictures that are hits, with its interval of 95 %.

    From 10 groups on, groups are resampled, by the same draws as in ``summarize``. Where no picture was a hit, or every
    one, resampling can't show anything else: then Wilson's interval takes each group for one picture. With fewer
    groups Wilson takes pictures as independent, and is too narrow.

    Args:
        hit: Shape (N,), which pictures are hits.
        among: Shape (N,), which pictures count at all.
        groups: Group of each picture.
        seed: Seed of the draws.

    Returns:
        The share; without a value if no picture counts.
    """
    counts = np.asarray(among, dtype=bool)
    hits = np.asarray(hit, dtype=bool) & counts
    n, found = int(counts.sum()), int(hits.sum())
    if not n:
        return Estimate(None, reason="no picture of this kind")
    value = found / n
    numbers, all_groups = group_numbers(groups)
    with_some = len(np.unique(numbers[counts]))
    if with_some < MIN_GROUPS:
        return Estimate(value, *wilson(found, n), "wilson")
    if found in {0, n}:
        return Estimate(value, *wilson(with_some * value, with_some), "wilson-groups")
    drawn = draw_groups(all_groups, _RESAMPLES, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = (drawn @ np.bincount(numbers, hits, all_groups)) / (
            drawn @ np.bincount(numbers, counts, all_groups)
        )
    bounds = percentiles(draws)
    if bounds is None:
        return Estimate(value, reason="no resample had what it needs")
    return Estimate(value, *bounds, "group-bootstrap")


def counted_share(hits: int, n: int) -> Estimate:
    """Return a share of which only the counts are known; Wilson's interval takes pictures as independent."""
    if not n:
        return Estimate(None, reason="no picture of this kind")
    return Estimate(hits / n, *wilson(hits, n), "wilson")
