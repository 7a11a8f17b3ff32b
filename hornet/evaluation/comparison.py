"""Champion against challenger on the same pictures: is the new one worse, overall or anywhere that has a name?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.evaluation.intervals import percentiles
from hornet.evaluation.metrics import MIN_GROUPS, Estimate, Quality, summarize_draws

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

#: Figures that decide, all of them better when higher.
DECIDING: Final = ("roc_auc", "f1", "accuracy")
#: Largest loss of accuracy on a slice that is still accepted.
MARGIN: Final = 0.02
#: Below this a difference is taken for real.
LEVEL: Final = 0.05
_COLUMNS: Final = ("source", "camera", "species")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said of some pictures.

    Attributes:
        probability: Of presence, shape (N,).
        threshold: From it on a picture counts as present.
    """

    probability: NDArray[np.float64]
    threshold: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """Pictures that only one of the two judged rightly (McNemar 1947, with the exact binomial test).

    Attributes:
        champion_only: Only the champion was right.
        challenger_only: Only the challenger was.
        p: How likely a split at least as uneven is if both are equally good and pictures independent.
    """

    champion_only: int
    challenger_only: int
    p: float

    @property
    def worse(self) -> bool:
        """Whether the challenger is wrong more often than chance would have it."""
        return self.champion_only > self.challenger_only and self.p < LEVEL

    def to_dict(self) -> dict[str, float]:
        """Return it as plain JSON."""
        return {"champion_only": self.champion_only, "challenger_only": self.challenger_only, "p": self.p}


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """Both models on the pictures of one source, camera or species.

    Attributes:
        column: What it is a slice by.
        name: Its value there.
        n: Pictures.
        groups: Groups that they lie in.
        champion: Accuracy.
        challenger: Accuracy.
        difference: Challenger's minus champion's, with its interval.
    """

    column: str
    name: str
    n: int
    groups: int
    champion: float
    challenger: float
    difference: Estimate

    @property
    def small(self) -> bool:
        """Whether it has too few groups to decide anything."""
        return self.groups < MIN_GROUPS

    def lost(self, margin: float) -> bool:
        """Tell whether the challenger lost more than the margin here; see :func:`lost_too_much`."""
        return lost_too_much(self.champion - self.challenger, self.n, self.groups, margin)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "column": self.column,
            "name": self.name,
            "n": self.n,
            "groups": self.groups,
            "small": self.small,
            "champion": self.champion,
            "challenger": self.challenger,
            "difference": self.difference.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    Attributes:
        champion: Its figures.
        challenger: Its figures on the same pictures.
        differences: Challenger's minus champion's by figure, with intervals of resamples that both share.
        mcnemar: Pictures that only one judged rightly.
        slices: By source, camera and species; all pictures, where none of these is known.
    """

    champion: Quality
    challenger: Quality
    differences: Mapping[str, Estimate]
    mcnemar: McNemar
    slices: tuple[SliceDifference, ...]

    def problems(self, margin: float) -> list[str]:
        """Say where the challenger is worse; nothing where it isn't.

        Overall it is worse if a deciding figure's whole interval lies below 0, or McNemar's test says so; on a
        slice, if it lost more than the margin. Where nothing has a name, all pictures are one slice.
        """
        found = []
        for name in DECIDING:
            estimate = self.differences[name]
            if estimate.high is not None and estimate.high < 0:
                found.append(f"{_WORDS[name]} {_interval(estimate)}")
        test = self.mcnemar
        if test.worse:
            found.append(
                f"{test.champion_only} pictures judged wrongly that were right, {test.challenger_only} the other way "
                f"round (McNemar p {test.p:.2g})"
            )
        found += [
            f"{one.column} {one.name}: accuracy {one.challenger:.3f} against {one.champion:.3f}, more than {margin:g} less "
            f"({one.n} pictures)"
            for one in self.slices
            if one.lost(margin)
        ]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "champion": self.champion.to_dict(),
            "challenger": self.challenger.to_dict(),
            "differences": {name: estimate.to_dict() for name, estimate in self.differences.items()},
            "mcnemar": self.mcnemar.to_dict(),
            "slices": [one.to_dict() for one in self.slices],
        }


def compare(
    labels: NDArray[np.int64],
    champion: Answers,
    challenger: Answers,
    *,
    groups: Sequence[object],
    columns: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two models picture by picture.

    Args:
        labels: 0 or 1, shape (N,).
        champion: What the champion said, at its own threshold.
        challenger: What the challenger said, at its own.
        groups: Group of each picture; they are resampled whole, the same for both models.
        columns: Name of source, camera and species of each picture, where they are known.
        resamples: Bootstrap draws.
        seed: Seed of the draws.
    """
    sides = [
        summarize_draws(
            labels, side.probability, threshold=side.threshold, groups=groups, resamples=resamples, seed=seed
        )
        for side in (champion, challenger)
    ]
    (before, old), (after, new) = sides
    differences = {
        name: _difference(
            before.metrics[name].value, after.metrics[name].value, new[name] - old[name], before
        )
        for name in before.metrics
    }
    right = [(side.probability >= side.threshold) == labels for side in (champion, challenger)]
    slices = []
    for where, members in name_slices(columns, len(labels)).items():
        part = [side[members].astype(np.float64) for side in right]
        slices.append(_slice(where, part, [groups[i] for i in members.tolist()], (resamples, seed)))
    return Comparison(before, after, differences, mcnemar(*right), tuple(slices))


def name_slices(columns: Mapping[str, Sequence[str]], n: int) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Return the places of the pictures of each source, camera and species, by column and name.

    Args:
        columns: Name of source, camera and species of each picture, where they are known.
        n: Pictures; where nothing has a name, all of them are one slice.
    """
    named = {
        (column, name): np.flatnonzero([value == name for value in columns.get(column, ())])
        for column in _COLUMNS
        for name in sorted(set(columns.get(column, ())) - {""})
    }
    return named or {("all", "pictures"): np.arange(n)}


def lost_too_much(loss: float, n: int, groups: int, margin: float) -> bool:
    """Tell whether accuracy on a slice fell by more than the margin.

    Where a single picture is more than the margin, a slice of few groups must have lost two of them, on balance.

    Args:
        loss: Of accuracy.
        n: Pictures of the slice.
        groups: Groups that they lie in.
        margin: Largest loss that is accepted.
    """
    # Shares of few pictures aren't exact in binary: 0.98 - 0.96 is more than 0.02 there.
    return loss > margin + 1e-9 and (groups >= MIN_GROUPS or round(loss * n) > 1)


def mcnemar(champion: NDArray[np.bool_], challenger: NDArray[np.bool_]) -> McNemar:
    """Test whether two models that judged the same pictures are equally often right.

    Args:
        champion: Whether it was right, shape (N,).
        challenger: Likewise.
    """
    from scipy.stats import binomtest

    only_old, only_new = int((champion & ~challenger).sum()), int((~champion & challenger).sum())
    p = float(binomtest(only_old, only_old + only_new).pvalue) if only_old + only_new else 1.0
    return McNemar(only_old, only_new, p)


def _slice(
    where: tuple[str, str],
    right: Sequence[NDArray[np.float64]],
    groups: Sequence[object],
    draws: tuple[int, int],
) -> SliceDifference:
    # Accuracy is all that is asked: a picture counts as present and called so where a model was right.
    ones = np.ones(len(groups), np.int64)
    (before, old), (_, new) = (
        summarize_draws(ones, side, threshold=0.5, groups=groups, resamples=draws[0], seed=draws[1])
        for side in right
    )
    champion, challenger = (float(side.mean()) for side in right)
    difference = _difference(champion, challenger, new["accuracy"] - old["accuracy"], before)
    return SliceDifference(*where, len(ones), before.groups, champion, challenger, difference)


def _difference(
    old: float | None, new: float | None, draws: NDArray[np.float64], quality: Quality
) -> Estimate:
    if old is None or new is None:
        return Estimate(None, reason="one of the two isn't defined")
    bounds = percentiles(draws)
    if bounds is None:
        return Estimate(new - old, reason="no resample had what it needs")
    method = "paired-" + ("group-bootstrap" if quality.groups >= MIN_GROUPS else "picture-bootstrap")
    return Estimate(new - old, *bounds, method)


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


_WORDS: Final = {"roc_auc": "ROC-AUC", "f1": "F1", "accuracy": "accuracy"}
