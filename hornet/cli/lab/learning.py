# ruff: noqa: ARG001 - settings are read together and by name, from the context
"""``hornet lab learning-curve``: would more pictures help, or more capacity?"""

from __future__ import annotations

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
    flags_given,
    lab_config,
    make_folder,
    scratch_folder,
    write_document,
    write_table,
)

if TYPE_CHECKING:
    from hornet.evaluation.learning import Learning

_SETTINGS = (
    "weights", "size", "validation", "test", "group_by", "split_file", "seed", "device", "threads",
)  # fmt: skip


def learning_curve(  # noqa: PLR0917 - one parameter a flag
    context: typer.Context,
    data: DataArgument,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Also train the network, in both phases, on every subset.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings of 'train' as TOML; flags win over it."),
    ] = None,
    weights: WeightsOption = "imagenet",
    sizes: Annotated[int, typer.Option(min=2, max=12, help="How many; each is half of the next.")] = 6,
    draws: Annotated[int, typer.Option(min=1, help="How often the groups of each size are drawn.")] = 5,
    size: SizeOption = "224x224",
    validation: Annotated[float, typer.Option(help="Share for choosing settings.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share to measure on.")] = 0.15,
    group_by: GroupByOption = "auto",
    split_file: SplitFileOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Measure quality against the number of pictures, for a small and a larger capacity on frozen features.

    Says whether more pictures, more capacity or fine-tuning would help, and "can't tell" where the interval doesn't.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import TEST, TRAIN, VALIDATION, load_dataset
    from hornet.errors import EmptyClass
    from hornet.evaluation.learning import learning_curve as run
    from hornet.training.curve import network_learner
    from hornet.training.frozen import frozen_features

    settings = lab_config(data, file=config, **flags_given(context, _SETTINGS))
    progress = Progress()
    with scratch_folder() as scratch:
        frozen = frozen_features(
            load_dataset(data), settings, scratch, report=progress.report, live=progress.live
        )
        learn, choose, measure = (frozen.of(split) for split in (TRAIN, VALIDATION, TEST))
        if not len(measure.labels):
            raise EmptyClass(
                "No picture is in the test split. Give --test a share, or some groups the split test."
            )
        network = network_learner(frozen, settings, scratch, live=progress.live) if fine_tune else None
        result = run(learn, choose, measure, sizes=sizes, seeds=draws, network=network, report=progress.live)
    progress.clear()
    document = {"notes": list(frozen.notes), "test_pictures": len(measure.labels), **result.to_dict()}
    if json != "-":
        _print(result)
    if out is not None:
        _write(result, document, make_folder(out))
        say(f"{out}: learning.csv, learning.json, learning.png")
    emit_json(document, json)


def _print(result: Learning) -> None:
    from hornet.evaluation.tables import text_table

    head = ["pictures"]
    for curve in result.curves:
        head += [f"{curve.name}: test AUC", "learned from"]
    rows = []
    for i, count in enumerate(result.sizes):
        row = [str(count)]
        for curve in result.curves:
            row += [str(curve.held_out[i]), f"{curve.learned[i]:.3f}"]
        rows.append(row)
    typer.echo(text_table(head, rows))
    typer.echo("\n" + "\n".join(result.conclusion()))


def _write(result: Learning, document: dict[str, Any], folder: Any) -> None:
    from hornet.evaluation.plots import plot_learning

    rows = [
        (curve.name, count, one.value, one.low, one.high, learned)
        for curve in result.curves
        for count, one, learned in zip(result.sizes, curve.held_out, curve.learned, strict=True)
    ]
    head = ("name", "pictures", "auc", "auc_low", "auc_high", "auc_learned_from")
    write_table(folder / "learning.csv", head, rows)
    write_document(folder / "learning.json", document)
    plot_learning(result, folder / "learning.png")
