"""``hornet evaluate``: how good a model is on labelled pictures."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated, Literal

import typer

from hornet.cli.common import Exit, JsonOption, ModelOption, emit_json, say


class SplitChoice(StrEnum):
    """Which pictures are evaluated."""

    TEST = "test"
    VALIDATION = "validation"
    TRAIN = "train"
    ALL = "all"


def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of class folders, or manifest (CSV).")],
    *,
    model: ModelOption = None,
    stratum: Annotated[
        str,
        typer.Option(
            metavar="COLUMNS",
            help="Also the AUC over pairs that agree in these columns, such as camera,day "
            "(day: the date of captured_at).",
        ),
    ] = "",
    split: Annotated[
        SplitChoice | None, typer.Option(help="Default: test where any picture has it, else all.")
    ] = None,
    tta: Annotated[
        Literal["none", "flip", "tencrop"],
        typer.Option(help="Average the logits of 2 or 10 views; predict doesn't."),
    ] = "none",
    json_file: JsonOption = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a run of the network.")] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that decode; default: as many as CPUs.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages on stderr.")] = False,
) -> None:
    """Measure a model on labelled pictures: figures with intervals, overall and by source.

    Pictures go the same way as in predict. Those that can't be read are listed, and the exit code is 3.
    """
    from hornet.classifier import Classifier
    from hornet.dataset import load_dataset
    from hornet.evaluation.evaluate import evaluate as run
    from hornet.evaluation.tables import count_pictures, format_evaluation
    from hornet.registry import resolve_model

    dataset = load_dataset(data)
    path = resolve_model(model)
    if not quiet:
        for note in dataset.notes:
            say(note)
        say(f"model {path}")
    classifier = Classifier.open(path)
    result = run(
        classifier,
        dataset,
        split=None if split is None else split.value,
        strata=[name.strip() for name in stratum.split(",") if name.strip()],
        batch_size=batch,
        workers=workers,
        tta=tta,
        progress=None if quiet or not sys.stderr.isatty() else _progress,
    )
    if json_file != "-":
        typer.echo(format_evaluation(result))
    emit_json(result.to_dict(), json_file)
    if result.failures:
        if not quiet:
            say(f"{count_pictures(len(result.failures))} could not be read")
        raise typer.Exit(Exit.SOME_FAILED)


def _progress(done: int, total: int) -> None:
    """Show on a terminal how far it is."""
    sys.stderr.write(f"\r{done}/{total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
