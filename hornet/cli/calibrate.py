"""``hornet calibrate``: thresholds in terms of the field, written into a model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hornet.training.recalibrate import Recalibrated


class CalibrationSplit(StrEnum):
    """Which pictures choose the operating point."""

    VALIDATION = "validation"
    TEST = "test"
    ALL = "all"


def calibrate(
    source: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="Run folder, or model file.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of class folders, or manifest (CSV).")],
    *,
    target_recall: Annotated[
        float | None,
        typer.Option(metavar="R", min=0, max=1, help="Hornets that must not be called absent, such as 0.95."),
    ] = None,
    max_false_alarms: Annotated[
        float | None,
        typer.Option(metavar="K", min=0, max=999, help="At most K of 1,000 absences are called present."),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            metavar="P", min=0, max=1, help="Share of pictures with a hornet where the model is used."
        ),
    ] = None,
    split: Annotated[
        CalibrationSplit | None, typer.Option(help="Default: validation where any picture has it, else all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="New model file; of a run, a folder. Default: in place."),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Overwrite the model file; for a run this is the default.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for four plots (PNG).")] = None,
    json_file: JsonOption = None,
) -> None:
    """Choose thresholds for a recall and for false alarms, correct for the prevalence, and write them into the model.

    With both, pictures between the two thresholds are unsure: work for an expert, and how much of it is told. Every
    figure comes with a one-sided 95 % bound, and what so few pictures can't promise is said.
    """
    if output is not None and in_place:
        raise typer.BadParameter("--output and --in-place contradict each other")
    if output is None and not in_place and source.is_file():
        raise typer.BadParameter("a model file needs --output FILE, or --in-place to overwrite it")
    from hornet.dataset import load_dataset
    from hornet.evaluation.operating_plots import plot_operating_point
    from hornet.training.recalibrate import Wish, recalibrate

    dataset = load_dataset(data)
    for note in dataset.notes:
        say(note)
    wish = Wish(target_recall, None if max_false_alarms is None else max_false_alarms / 1000, prevalence)
    results = recalibrate(
        source, dataset, wish, split=None if split is None else split.value, output=output, reporter=say
    )
    for result in results:
        if json_file != "-":
            for line in _lines(result):
                typer.echo(line)
        if out is not None:
            folder = out if len(results) == 1 else out / result.contract.precision
            plot_operating_point(result.labels, result.probabilities, result.point, folder)
    emit_json(
        [
            {
                "file": str(result.path),
                "prior_shift": result.contract.prior_shift,
                "decision_threshold": result.contract.decision_threshold,
                **result.contract.quality["operating_point"],
            }
            for result in results
        ],
        json_file,
    )
    if results[0].failures:
        say(f"{len(results[0].failures)} of the pictures could not be read; the first: "
            f"{results[0].failures[0].source}: {results[0].failures[0].message}")  # fmt: skip
        raise typer.Exit(Exit.SOME_FAILED)


def _lines(result: Recalibrated) -> Iterator[str]:
    """Yield what people read about one file."""
    point, contract = result.point, result.contract
    recall, alarms = point.recall, point.false_alarms
    yield (
        f"{result.path}: absent below {point.low:.4f}, present from {point.high:.4f} on, "
        f"prior shift {contract.prior_shift:+.3f}"
    )
    yield (
        f"  recall {recall.value:.3f}: {recall.hits} of {recall.n} hornets in {_groups(recall.groups)} aren't called "
        f"absent; at least {recall.bound:.3f} (95 %, {recall.method})"
    )
    yield (
        f"  false alarms {1000 * alarms.value:.1f} in 1,000: {alarms.hits} of {alarms.n} absences in "
        f"{_groups(alarms.groups)}; at most {1000 * alarms.bound:.1f} (95 %, {alarms.method})"
    )
    true = "" if point.true_alarms is None else f", of which {100 * point.true_alarms:.0f} % show a hornet"
    yield (
        f"  in 1,000 pictures, {1000 * point.prevalence:.4g} with a hornet: {point.unsure:.1f} unsure, for an expert "
        f"to look at; {point.alarms:.1f} called present{true}"
    )
    for note in point.notes:
        yield f"  {note}"


def _groups(number: int) -> str:
    return f"{number} group{'' if number == 1 else 's'}"
