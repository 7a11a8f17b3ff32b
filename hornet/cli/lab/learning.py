"""``hornet lab learning-curve``: would more pictures help, or more capacity?"""

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
    from hornet.evaluation.learning import Learning


def learning_curve(  # noqa: PLR0917 - one parameter a flag
    data: DataArgument,
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

    Says whether more pictures or more capacity would help, and "can't tell" where the interval doesn't.
    """
    from hornet.cli.train import Progress
    from hornet.dataset import TEST, TRAIN, VALIDATION, load_dataset
    from hornet.errors import EmptyClass
    from hornet.evaluation.learning import learning_curve as run
    from hornet.training.frozen import frozen_features

    config = lab_config(
        data, size=size, weights=weights, validation=validation, test=test, group_by=group_by,
        split_file=split_file, seed=seed, device=device, threads=threads,
    )  # fmt: skip
    progress = Progress()
    with scratch_folder() as scratch:
        frozen = frozen_features(
            load_dataset(data), config, scratch, report=progress.report, live=progress.live
        )
    learn, choose, measure = (frozen.of(split) for split in (TRAIN, VALIDATION, TEST))
    if not len(measure.labels):
        raise EmptyClass(
            "No picture is in the test split. Give --test a share, or some groups the split test."
        )
    result = run(learn, choose, measure, sizes=sizes, seeds=draws, report=progress.live)
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
