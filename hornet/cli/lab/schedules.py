"""``hornet lab schedules``: the schedules of the learning rate side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import JsonOption, emit_json, say
from hornet.cli.lab.common import (
    DataArgument,
    DeviceOption,
    GroupByOption,
    OutOption,
    SeedOption,
    SizeOption,
    SplitFileOption,
    ThreadsOption,
    WeightsOption,
    lab_config,
    make_folder,
    scratch_folder,
    write_document,
    write_table,
)

if TYPE_CHECKING:
    from hornet.training.schedules import ScheduleRun


def schedules(  # noqa: PLR0917 - one parameter a flag
    data: DataArgument,
    weights: WeightsOption = "imagenet",
    head_epochs: Annotated[int, typer.Option(min=0, help="Of phase one (head), for every schedule.")] = 12,
    epochs: Annotated[int, typer.Option(min=0, help="Of phase two (all layers), for every schedule.")] = 0,
    head_lr: Annotated[float | None, typer.Option(help="Learning rate of phase one.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of phase two.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    size: SizeOption = "224x224",
    validation: Annotated[float, typer.Option(help="Share for the validation loss.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share to measure on.")] = 0.15,
    group_by: GroupByOption = "auto",
    split_file: SplitFileOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Train with every schedule under the same seed and budget, and show rates, losses and quality.

    With --out, DIR gets a run folder for each schedule besides table, JSON and plot.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import load_dataset
    from hornet.training.schedules import compare_schedules, conclude

    config = lab_config(
        data, size=size, weights=weights, head_epochs=head_epochs, epochs=epochs, head_lr=head_lr, lr=lr, batch=batch,
        validation=validation, test=test, group_by=group_by, split_file=split_file, seed=seed, device=device,
        threads=threads,
    )  # fmt: skip
    progress = Progress()
    with scratch_folder() as scratch:
        folder = scratch if out is None else make_folder(out)
        runs = compare_schedules(
            config, load_dataset(data), folder, report=progress.report, live=progress.live
        )
    progress.clear()
    document = {"seed": seed, "schedules": [run.to_dict() for run in runs], "conclusion": conclude(runs)}
    if json != "-":
        _print(runs, document["conclusion"])
    if out is not None:
        _write(runs, document, out)
        say(f"{out}: schedules.csv, schedules.json, schedules.png")
    emit_json(document, json)


def _print(runs: list[ScheduleRun], conclusion: Any) -> None:
    from hornet.evaluation.tables import cell, text_table

    head = ("schedule", "best validation loss", "last training loss", "test AUC", "test accuracy")
    rows = []
    for run in runs:
        figures = {} if run.test is None else run.test["metrics"]
        rows.append((
            run.schedule, f"{run.best_loss:.4f}", f"{run.epochs[-1]['train_loss']:.4f}",
            cell(figures.get("roc_auc")), cell(figures.get("accuracy")),
        ))  # fmt: skip
    typer.echo(text_table(head, rows))
    typer.echo(f"\n{conclusion}")


def _write(runs: list[ScheduleRun], document: Any, folder: Any) -> None:
    from hornet.evaluation.plots import plot_schedules

    head = ("schedule", *runs[0].epochs[0])
    rows = [(run.schedule, *row.values()) for run in runs for row in run.epochs]
    write_table(folder / "schedules.csv", head, rows)
    write_document(folder / "schedules.json", document)
    plot_schedules({run.schedule: run.epochs for run in runs}, folder / "schedules.png")
