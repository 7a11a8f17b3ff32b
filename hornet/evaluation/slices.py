"""Figures by species: which look-alikes are taken for hornets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import GROUPED, MIN_GROUPS, Confusion, Estimate, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIGURES: Final = ("recall", "false_alarms", "f1")


@dataclass(frozen=True, slots=True)
class Slice:
    """What was said of the pictures of one species.

    Attributes:
        n: Number of pictures.
        positives: How many show an Asian hornet; 0 for a look-alike.
        groups: Number of groups.
        threshold: From this probability on a picture counts as present.
        metrics: ``recall`` where any picture shows a hornet, ``false_alarms`` (share of the others that are called
            present) where any doesn't, ``f1`` where there are both.
        confusion: The four counts.
    """

    n: int
    positives: int
    groups: int
    threshold: float
    metrics: Mapping[str, Estimate]
    confusion: Confusion

    @property
    def small(self) -> bool:
        """Whether there are too few groups to say much."""
        return self.groups < MIN_GROUPS

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "n": self.n,
            "positives": self.positives,
            "groups": self.groups,
            "small": self.small,
            "threshold": self.threshold,
            "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()},
            "confusion": self.confusion.to_dict(),
        }


def slice_quality(quality: Quality) -> Slice:
    """Keep what makes sense for one species, with an interval also where every answer is the same.

    Resampling can't show what never happened: where all or none of the pictures are called present, the interval is
    Wilson's with a trial a group, as if pictures of one group were one picture. That is never too narrow.
    """
    wanted = {
        "recall": quality.positives > 0,
        "false_alarms": quality.positives < quality.n,
        "f1": 0 < quality.positives < quality.n,
    }
    return Slice(
        quality.n,
        quality.positives,
        quality.groups,
        quality.threshold,
        {name: _widened(quality.metrics[name], quality) for name in _FIGURES if wanted[name]},
        quality.confusion,
    )


def _widened(estimate: Estimate, quality: Quality) -> Estimate:
    one_class = quality.positives in (0, quality.n)
    if quality.interval != GROUPED or estimate.value not in (0.0, 1.0) or not one_class:
        return estimate
    low, high = wilson(estimate.value * quality.groups, quality.groups)
    return Estimate(estimate.value, low, high, "wilson-of-groups")


def most_mistaken(by_species: Mapping[str, Slice]) -> str | None:
    """Return the look-alike with the largest share of false alarms; None if there were none.

    Species of fewer than 10 groups are asked only if no other raised a false alarm; pictures without a species never.
    """
    raised = {
        name: one
        for name, one in by_species.items()
        if name and one.confusion.fp and one.metrics["false_alarms"].value is not None
    }
    # Sorted by name first, so that equal shares have one answer.
    order = sorted(raised, key=lambda name: (raised[name].small, -_share(raised[name]), name))
    return order[0] if order else None


def _share(one: Slice) -> float:
    return one.metrics["false_alarms"].value or 0.0
