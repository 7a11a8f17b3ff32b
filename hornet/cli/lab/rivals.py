"""``hornet lab rivals``: what must the network beat?"""

from __future__ import annotations

import math
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
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
    from hornet.evaluation.rivals import Standing

_FIGURES = ("roc_auc", "f1", "accuracy")


def rivals(  # noqa: PLR0917 - one parameter a flag
    data: DataArgument,
    weights: WeightsOption = "imagenet",
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Also the network of this run; it must not have seen the test split."
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Also this model file.")] = None,
    size: SizeOption = "224x224",
    validation: Annotated[float, typer.Option(help="Share for choosing settings.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share to measure on.")] = 0.15,
    group_by: GroupByOption = "auto",
    split_file: SplitFileOption = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave bad pictures out.")
    ] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Compare classic classifiers on frozen features with each other, and with a fine-tuned network.

    Splits are those of 'hornet train' with the same seed. Settings and thresholds are chosen on validation; the
    test split is measured once.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import TEST, TRAIN, VALIDATION, load_dataset
    from hornet.errors import EmptyClass
    from hornet.evaluation.rivals import compare
    from hornet.training.contender import artifact_standing, run_standing
    from hornet.training.frozen import frozen_features
    from hornet.training.hardware import choose_hardware

    config = lab_config(
        data, size=size, weights=weights, validation=validation, test=test, group_by=group_by,
        split_file=split_file, skip_unreadable=skip_unreadable, seed=seed, device=device, threads=threads,
    )  # fmt: skip
    progress = Progress()
    with scratch_folder() as scratch:
        frozen = frozen_features(
            load_dataset(data), config, scratch, report=progress.report, live=progress.live
        )
        held_out = frozen.dataset.subset(TEST)
        if not held_out.records:
            raise EmptyClass(
                "No picture is in the test split. Give --test a share, or some groups the split test."
            )
        standings: list[Standing] = []
        # First, as it may have seen the pictures: then nothing need be fitted.
        if run is not None:
            hardware = choose_hardware(device, "float32")
            standings.append(run_standing(run, held_out, hardware, scratch, live=progress.live))
        if model is not None:
            standings.append(artifact_standing(model, held_out))
        learn, choose, measure = (frozen.of(split) for split in (TRAIN, VALIDATION, TEST))
        standings += compare(learn, choose, measure, frozen.cost, seed=seed, report=progress.live)
    progress.clear()
    for standing in standings:
        if standing.note:
            say(f"{standing.settings}: {standing.note}")
    document = {
        "notes": list(frozen.notes),
        "seed": seed,
        "features": frozen.cost.to_dict(),
        "rivals": [standing.to_dict() for standing in standings],
    }
    if json != "-":
        _print(standings)
    if out is not None:
        _write(standings, document, make_folder(out))
        say(f"{out}: rivals.csv, rivals.json, rivals.png")
    emit_json(document, json)


def _print(standings: list[Standing]) -> None:
    from hornet.evaluation.tables import TITLES, describe, interval, text_table

    head = (
        "rival",
        *(TITLES[name] for name in _FIGURES),
        "parameters",
        "multiply-adds",
        "ms a picture",
        "training s",
    )
    rows = [
        (
            s.name,
            *(interval(s.quality.metrics[name]) for name in _FIGURES),
            f"{s.cost.parameters:,}",
            f"{s.cost.operations / 1e9:.4f} G",
            f"{s.cost.milliseconds:.1f}",
            "-" if math.isnan(s.cost.seconds) else f"{s.cost.seconds:.1f}",
        )
        for s in standings
    ]
    typer.echo(describe(standings[0].quality, "test"))
    typer.echo()
    typer.echo(text_table(head, rows))


def _write(standings: list[Standing], document: dict[str, Any], folder: Path) -> None:
    from hornet.evaluation.plots import plot_rivals

    head = ["name", "settings"]
    head += [f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")]
    head += ["n", "groups", "parameters", "operations", "milliseconds", "seconds", "note"]
    rows = []
    for standing in standings:
        cost = standing.cost.to_dict()
        figures = [standing.quality.metrics[name] for name in _FIGURES]
        rows.append([
            standing.name, standing.settings, *(x for e in figures for x in (e.value, e.low, e.high)),
            standing.quality.n, standing.quality.groups, *cost.values(), standing.note,
        ])  # fmt: skip
    write_table(folder / "rivals.csv", head, rows)
    write_document(folder / "rivals.json", document)
    plot_rivals(standings, folder / "rivals.png")
