"""Plots: colours that colour-blind people tell apart, axes with units, intervals drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.tables import TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hornet.evaluation.learning import Learning
    from hornet.evaluation.metrics import Quality
    from hornet.evaluation.rivals import Standing

#: Okabe and Ito 2008, without the yellow, which is too pale for lines.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Besides colour, so that a grey print is readable too.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_DPI: Final = 130


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """Return a figure of this many inches that needs no screen, and its axes, (rows, columns)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def save_figure(figure: Any, file: Path) -> None:
    """Write a PNG."""
    figure.savefig(file, dpi=_DPI)


def plot_rivals(standings: Sequence[Standing], file: Path) -> None:
    """Draw three figures of each rival with their intervals, best AUC on top."""
    order = sorted(standings, key=lambda s: s.quality.metrics["roc_auc"].value or 0.0)
    figure, axes = new_figure(11, 1.6 + 0.42 * len(order), 1, 3)
    for axis, name, colour in zip(axes[0], ("roc_auc", "f1", "accuracy"), COLOURS, strict=False):
        for place, standing in enumerate(order):
            estimate = standing.quality.metrics[name]
            if estimate.value is None:
                continue
            if estimate.low is not None and estimate.high is not None:
                axis.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=2)
            axis.plot(estimate.value, place, "o", color=colour)
        axis.set_xlabel(f"{TITLES[name]} on the test split (95 % interval)")
        axis.set_yticks(range(len(order)), [s.name for s in order] if axis is axes[0][0] else [])
        axis.locator_params(axis="x", nbins=5)
        axis.grid(axis="x", color="0.85")
        axis.set_axisbelow(True)
    quality = order[0].quality
    figure.suptitle(f"{quality.n} pictures, {quality.positives} with a hornet, {quality.groups} groups")
    save_figure(figure, file)


def plot_strengths(strengths: Sequence[int], qualities: Sequence[Quality], file: Path, *, title: str) -> None:
    """Draw accuracy and AUC against the strength of an attack.

    Args:
        strengths: Levels of 255, ascending, 0 being no attack.
        qualities: One a strength.
        file: PNG to write.
        title: Which attack.
    """
    figure, axes = new_figure(6.4, 4.4)
    axis = axes[0][0]
    for name, colour, marker in zip(("accuracy", "roc_auc"), COLOURS, MARKERS, strict=False):
        values = [quality.metrics[name] for quality in qualities]
        known = [(e.value, e.low, e.high) for e in values if e.value is not None]
        lengths = [(v - (v if lo is None else lo), (v if hi is None else hi) - v) for v, lo, hi in known]
        at = [s for s, e in zip(strengths, values, strict=True) if e.value is not None]
        axis.errorbar(
            at, [v for v, _, _ in known], yerr=list(zip(*lengths, strict=True)), color=colour, marker=marker,
            capsize=3, label=TITLES[name],
        )  # fmt: skip
    axis.set(
        xlabel="largest change of a channel (levels of 255)",
        ylabel="quality (95 % interval)",
        ylim=(-0.02, 1.02),
    )
    axis.set_xticks(strengths)
    axis.set_title(title, fontsize=11)
    axis.grid(color="0.85")
    axis.legend()
    save_figure(figure, file)


def plot_learning(learning: Learning, file: Path) -> None:
    """Draw what every capacity has learned against the number of pictures: test split and training pictures."""
    figure, axes = new_figure(7.2, 5.4)
    axis = axes[0][0]
    for place, curve in enumerate(learning.curves):
        colour, marker = COLOURS[place], MARKERS[place]
        values = [one.value for one in curve.held_out]
        lengths = (
            [one.value - one.low for one in curve.held_out],
            [one.high - one.value for one in curve.held_out],
        )
        # A little aside, so that no interval hides another.
        at = [size * 2 ** (0.04 * (place - (len(learning.curves) - 1) / 2)) for size in learning.sizes]
        axis.errorbar(
            at, values, yerr=lengths, color=colour, marker=marker, capsize=3,
            label=f"{curve.name}, test split (95 % interval)",
        )  # fmt: skip
        axis.plot(
            at, curve.learned, color=colour, marker=marker, linestyle=":", fillstyle="none",
            label=f"{curve.name}, pictures learned from",
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    axis.set_xticks(learning.sizes, [str(size) for size in learning.sizes])
    axis.minorticks_off()
    axis.set(xlabel="pictures learned from (whole groups)", ylabel="ROC-AUC")
    axis.set_title(f"Mean of {learning.seeds} draws of groups", fontsize=11)
    axis.grid(color="0.85")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    save_figure(figure, file)


def plot_schedules(runs: Mapping[str, Sequence[Mapping[str, Any]]], file: Path) -> None:
    """Draw rate, training loss and validation loss against the epoch, a line a schedule, and where phase two begins.

    Args:
        runs: Lines of ``metrics.csv`` by the schedule's name.
        file: PNG to write.
    """
    figure, axes = new_figure(12, 3.8, 1, 3)
    panels = (
        ("lr", "learning rate of the head at the epoch's end"),
        ("train_loss", "training loss (nats)"),
        ("validation_loss", "validation loss (nats)"),
    )
    for axis, (column, label) in zip(axes[0], panels, strict=True):
        for place, (name, rows) in enumerate(runs.items()):
            values = [row[column] for row in rows]
            # Earlier ones are wider, so that equal lines are all seen.
            width = 1.2 + 1.1 * (len(runs) - 1 - place)
            axis.plot(
                range(1, len(values) + 1), values, color=COLOURS[place], marker=MARKERS[place], linewidth=width,
                markersize=3 + width, label=name,
            )  # fmt: skip
        phases = [row["phase"] for row in next(iter(runs.values()))]
        if len(set(phases)) > 1:
            axis.axvline(phases.index(phases[-1]) + 0.5, color="0.4", linestyle="--", linewidth=1)
        axis.set(xlabel="epoch (dashed: phase two begins)" if len(set(phases)) > 1 else "epoch", ylabel=label)
        axis.locator_params(axis="x", integer=True)
        axis.grid(color="0.85")
    axes[0][2].legend(fontsize=9)
    save_figure(figure, file)


def plot_range_test(
    rates: NDArray[np.float64],
    losses: NDArray[np.float64],
    smoothed: NDArray[np.float64],
    suggestion: float,
    file: Path,
) -> None:
    """Draw the losses of a range test against the rate, all (n,), and where the suggestion lies."""
    figure, axes = new_figure(7.2, 4.4)
    axis = axes[0][0]
    axis.plot(rates, losses, ".", color="0.7", label="a step")
    axis.plot(rates, smoothed, color=COLOURS[0], label="smoothed")
    axis.axvline(suggestion, color=COLOURS[1], linestyle="--", label=f"suggestion: {suggestion:.1g}")
    axis.set(
        xscale="log", xlabel="learning rate of the head", ylabel="loss of the batch before the step (nats)"
    )
    axis.set_ylim(0, 1.3 * max(smoothed[0], smoothed[: len(smoothed) // 2 + 1].max()))
    axis.grid(color="0.85")
    axis.legend(fontsize=9)
    save_figure(figure, file)
