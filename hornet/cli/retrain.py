"""``hornet retrain``: new pictures in, a challenger that must prove itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say

if TYPE_CHECKING:
    from hornet.cli.progress import Progress
    from hornet.evaluation.comparison import Comparison
    from hornet.training.plan import RetrainResult


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
    layers: Annotated[
        Literal["auto", "head", "all"],
        typer.Option(help="head: rehearses with the bank, forgets nothing; all; auto: head where a bank is."),
    ] = "auto",
    margin: Annotated[
        float, typer.Option(help="Largest loss of accuracy on a source, camera or species that is accepted.")
    ] = 0.02,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Audit, merge and split; train and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask, on a terminal either.")] = False,
    epochs: Annotated[
        int | None, typer.Option(help="Most epochs over the whole network, with all layers.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate, with all layers.")] = None,
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

    Champion and challenger are compared on groups that the challenger never saw, and on what the champion knew
    before. Exit code 0: promoted; 4: kept as a challenger with the reason, the champion stays. 'hornet models
    rollback' undoes a promotion.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import join_datasets, load_dataset
    from hornet.training.plan import Plan, Wish
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
    wish = Wish(start=start, layers=layers, given=given, margin=margin, dry_run=dry_run)
    result = run(
        dataset,
        out,
        wish,
        confirm=lambda: yes or _confirm(progress),
        report=progress.report,
        live=progress.live,
    )
    progress.clear()
    if isinstance(result, Plan):
        say("nothing was trained and nothing written")
        emit_json({"promoted": False, "plan": result.to_dict()}, json)
        return
    _print(result)
    emit_json(result.to_dict(), json)
    if not result.promoted:
        raise typer.Exit(Exit.NOT_PROMOTED)


def _confirm(progress: Progress) -> bool:
    """Ask on a terminal; scripts go on."""
    if not _on_terminal():
        return True
    progress.clear()
    return typer.confirm("Go on?", default=True, err=True)


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _print(result: RetrainResult) -> None:
    _print_comparison("held out", result.own)
    if result.earlier is not None:
        _print_comparison("known before", result.earlier)
    if result.promoted:
        say(
            f"promoted: {result.entry.id} ({result.reason}); 'hornet models rollback' returns to {result.entry.parent}"
        )
    else:
        say(f"not promoted: {result.reason}; {result.entry.id} is kept as a challenger, the champion stays")


def _print_comparison(title: str, comparison: Comparison) -> None:
    from hornet.evaluation.tables import TITLES, interval

    before, after = comparison.champion, comparison.challenger
    say(
        f"{title}: {after.n} pictures, {after.positives} with a hornet, {after.groups} groups ({after.interval})"
    )
    say(f"{'':18} {'champion':24} {'challenger':24} difference")
    for name, estimate in before.metrics.items():
        change = comparison.differences[name]
        told = "-" if change.value is None else f"{change.value:+.3f}"
        if change.low is not None:
            told += f" ({change.low:+.3f} to {change.high:+.3f})"
        say(f"{TITLES[name]:18} {interval(estimate):24} {interval(after.metrics[name]):24} {told}")
    test = comparison.mcnemar
    say(
        f"only the champion right: {test.champion_only}, only the challenger: {test.challenger_only} "
        f"(McNemar p {test.p:.3g})"
    )
    for one in comparison.slices:
        few = ", too few groups to decide" if one.small else ""
        say(
            f"  {one.column} {one.name}: accuracy {one.champion:.3f} -> {one.challenger:.3f} "
            f"({one.n} pictures, {one.groups} groups{few})"
        )
