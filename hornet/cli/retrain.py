"""``hornet retrain``: new pictures in, a challenger that must prove itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say

if TYPE_CHECKING:
    from hornet.training.retrain import RetrainResult


def retrain(  # noqa: PLR0917 - one parameter a flag
    data: Annotated[
        list[Path], typer.Argument(help="Folders of class folders, or manifests, of new pictures.")
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RUN|FILE|imagenet", help="Weights to start from; else the champion's."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="Run folder. [runs/retrain-DATE-TIME]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs over the whole network.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the head.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    group_by: Annotated[
        Literal["auto", "day", "burst", "folder", "none"] | None,
        typer.Option(help="What keeps pictures together where no group is given. [auto]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides split, order and augmentation.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare pictures.")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, typer.Option(help="Where to compute.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"] | None,
        typer.Option(help="bfloat16 is faster where the hardware has it."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Teach the model your own pictures; it replaces the champion only if it isn't worse.

    Champion and challenger are compared on groups that the challenger never saw. Exit code 0: promoted;
    4: kept as a challenger, the champion stays. 'hornet models rollback' undoes a promotion.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import join_datasets, load_dataset
    from hornet.training.retrain import retrain as run

    flags = {
        "epochs": epochs,
        "lr": lr,
        "batch": batch,
        "group_by": group_by,
        "seed": seed,
        "workers": workers,
        "device": device,
        "precision": precision,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    dataset = join_datasets([load_dataset(path) for path in data])
    for note in dataset.notes:
        say(note)
    progress = Progress()
    out = out or Path("runs") / time.strftime("retrain-%Y%m%d-%H%M%S")
    result = run(dataset, out, start=start, given=given, report=progress.report, live=progress.live)
    progress.clear()
    _print(result)
    emit_json(result.to_dict(), json)
    if not result.promoted:
        raise typer.Exit(Exit.NOT_PROMOTED)


def _print(result: RetrainResult) -> None:
    from hornet.evaluation.tables import TITLES, interval

    before, after = result.champion.overall, result.challenger.overall
    say(
        f"held out: {after.n} pictures, {after.positives} with a hornet, {after.groups} groups ({after.interval})"
    )
    say(f"{'':18} {'champion':24} challenger")
    for name, estimate in before.metrics.items():
        say(f"{TITLES[name]:18} {interval(estimate):24} {interval(after.metrics[name])}")
    if result.promoted:
        say(
            f"promoted: {result.entry.id} ({result.reason}); 'hornet models rollback' returns to {result.entry.parent}"
        )
    else:
        say(f"not promoted: {result.reason}; {result.entry.id} is kept as a challenger, the champion stays")
