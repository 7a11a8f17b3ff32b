"""Four plots of an operating point: reliability, ROC, precision and recall, cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import reliability
from hornet.evaluation.operating import logit, shift_probability
from hornet.evaluation.plots import COLOURS, new_figure, save_figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from hornet.evaluation.operating import OperatingPoint


def plot_operating_point(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], point: OperatingPoint, folder: Path
) -> list[Path]:
    """Draw ``reliability.png``, ``roc.png``, ``precision-recall.png`` and ``cost.png``.

    Args:
        labels: Shape (N,), 0 or 1; both occur.
        probabilities: Shape (N,), as the model with this operating point gives them.
        point: The operating point.
        folder: Where; made if it isn't there.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rates = threshold_rates(labels, probabilities)
    drawings: dict[str, Callable[[Any], None]] = {
        "reliability.png": lambda axis: _reliability(axis, labels, probabilities, point),
        "roc.png": lambda axis: _roc(axis, rates, labels, probabilities, point),
        "precision-recall.png": lambda axis: _precision(axis, rates, labels, probabilities, point),
        "cost.png": lambda axis: _cost(axis, rates, labels, probabilities, point),
    }
    files = []
    for name, draw in drawings.items():
        figure, axes = new_figure(6.0, 5.2)
        axis = axes[0][0]
        draw(axis)
        axis.grid(color="0.85")
        axis.set_axisbelow(True)
        axis.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=2)
        axis.set_title(f"{len(labels)} pictures, {int(labels.sum())} with a hornet", fontsize=11)
        save_figure(figure, folder / name)
        files.append(folder / name)
    return files


def threshold_rates(
    labels: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return recall and rate of false alarms at every threshold, from calling nothing to calling all, each (K,)."""
    _, place = np.unique(scores, return_inverse=True)
    hits = np.bincount(place, weights=labels)[::-1].cumsum()
    alarms = np.bincount(place, weights=1 - labels)[::-1].cumsum()
    return np.append(0.0, hits / hits[-1]), np.append(0.0, alarms / alarms[-1])


def _ends(
    labels: NDArray[np.int64], scores: NDArray[np.float64], point: OperatingPoint
) -> list[tuple[str, str, str, float, float]]:
    """Return label, marker, colour, recall and rate of false alarms at low and high, or at the one threshold."""
    single = point.low == point.high
    ends = [(f"threshold {point.low:.3g}" if single else f"low {point.low:.3g}", "o", COLOURS[1], point.low)]
    if not single:
        ends.append((f"high {point.high:.3g}", "^", COLOURS[2], point.high))
    return [
        (label, marker, colour, float((scores[labels == 1] >= at).mean()), float((scores[labels == 0] >= at).mean()))
        for label, marker, colour, at in ends
    ]  # fmt: skip


def _reliability(
    axis: Any, labels: NDArray[np.int64], scores: NDArray[np.float64], point: OperatingPoint
) -> None:
    bins = reliability(labels, scores)
    here = logit(float(labels.mean()))

    def there(share: float) -> float:
        """Return a share of these pictures as it would be at the point's prevalence (Bayes' rule)."""
        return shift_probability(share, logit(point.prevalence) - here)

    at = [one["probability"] for one in bins]
    shares = [there(one["frequency"]) for one in bins]
    bounds = [wilson(round(one["frequency"] * one["n"]), one["n"]) for one in bins]
    below = [share - there(low) for share, (low, _) in zip(shares, bounds, strict=True)]
    above = [there(high) - share for share, (_, high) in zip(shares, bounds, strict=True)]
    axis.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="calibrated")
    axis.errorbar(
        at, shares, yerr=(below, above), color=COLOURS[0], marker="o", linestyle="none", capsize=3,
        label="a bin of 1/15 (95 %, Wilson), number of pictures",
    )  # fmt: skip
    for one, share in zip(bins, shares, strict=True):
        axis.annotate(
            f"{one['n']:.0f}", (one["probability"], share), (4, 4), textcoords="offset points", fontsize=7
        )
    axis.axvspan(point.low, point.high, color=COLOURS[4], alpha=0.25, label="low to high")
    axis.set(
        xlabel="probability of presence",
        ylabel=f"share with a hornet, at a prevalence of {point.prevalence:.3g}",
        xlim=(-0.02, 1.02),
    )
    axis.set_ylim(-0.02, 1.02)


def _roc(
    axis: Any,
    rates: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    point: OperatingPoint,
) -> None:
    recall, alarms = rates
    axis.plot(alarms, recall, color=COLOURS[0], drawstyle="steps-post", label="all thresholds")
    axis.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="chance")
    for label, marker, colour, hit, alarm in _ends(labels, scores, point):
        axis.plot(alarm, hit, marker=marker, color=colour, markersize=9, linestyle="none", label=label)
    axis.set(xlabel="false alarms among absences", ylabel="recall", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _precision(
    axis: Any,
    rates: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    point: OperatingPoint,
) -> None:
    prevalence = point.prevalence

    def precision(recall: Any, alarms: Any) -> Any:
        """Return the share of true alarms at this prevalence, by Bayes' rule."""
        return prevalence * recall / (prevalence * recall + (1 - prevalence) * alarms)

    recall, alarms = rates[0][1:], rates[1][1:]
    axis.plot(recall, precision(recall, alarms), color=COLOURS[0], label="all thresholds")
    axis.axhline(prevalence, color="0.5", linestyle=":", label=f"chance: prevalence {prevalence:.3g}")
    for label, marker, colour, hit, alarm in _ends(labels, scores, point):
        if hit or alarm:
            axis.plot(
                hit, precision(hit, alarm), marker=marker, color=colour, markersize=9, linestyle="none",
                label=label,
            )  # fmt: skip
    axis.set(xlabel="recall", ylabel=f"precision at a prevalence of {prevalence:.3g}", xlim=(-0.02, 1.02))
    axis.set_ylim(-0.02, 1.02)


def _cost(
    axis: Any,
    rates: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    point: OperatingPoint,
) -> None:
    """Draw Drummond and Holte's (2006) cost curve: a threshold is a line, the best thresholds their lower edge."""
    share = np.linspace(0, 1, 201)
    recall, alarms = rates
    # (thresholds, 201): cost of misses weighed by the hornets' part, of false alarms by the rest.
    lines = (1 - recall)[:, None] * share + alarms[:, None] * (1 - share)
    axis.plot(share, np.minimum(share, 1 - share), color="0.5", linestyle=":", label="always the same answer")
    axis.plot(share, lines.min(axis=0), color=COLOURS[0], label="best threshold")
    for label, marker, colour, hit, alarm in _ends(labels, scores, point):
        axis.plot(
            share, (1 - hit) * share + alarm * (1 - share), color=colour, marker=marker, markevery=50,
            linestyle="--", label=label,
        )  # fmt: skip
    axis.axvline(point.prevalence, color="0.3", linewidth=1, linestyle="-.", label="prevalence, costs alike")
    axis.set(
        xlabel="part of the hornets in the cost: P c(miss) / (P c(miss) + (1 - P) c(alarm))",
        ylabel="cost, as a share of the worst",
        xlim=(0, 1),
        ylim=(0, 0.52),
    )
