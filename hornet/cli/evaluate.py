"""``hornet evaluate``: how good a model is on labelled pictures."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hornet.cli.common import Exit, JsonOption, ModelOption, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.classifier import Classifier
    from hornet.evaluation.evaluate import Evaluation
    from hornet.evaluation.robustness import Corruptions


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
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions",
            help="Also measure on pictures with noise, blur, fog, rain on the lens, ... in five severities; 40 times the work.",
        ),
    ] = False,
    corruption: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this corruption; repeatable, or names between commas."),
    ] = None,
    severities: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these severities of corruptions, such as 1,3,5.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for curves and examples of corruptions (PNG).")
    ] = None,
    json_file: JsonOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a report as one HTML file, in English and French."),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What 'hornet data audit --json FILE' found, for the report."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show small copies of pictures in the report.")
    ] = True,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a run of the network.")] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that decode; default: as many as CPUs.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages on stderr.")] = False,
) -> None:
    """Measure a model on labelled pictures: figures with intervals, overall and by source.

    Pictures go the same way as in predict. Those that can't be read are listed, and the exit code is 3.
    """
    wanted = _conditions(corruptions, corruption or (), severities)
    _check_flags(wanted is not None, out=out, tta=tta, report=report, audit=audit)
    from hornet.classifier import Classifier
    from hornet.cli.report import write_evaluation
    from hornet.dataset import load_dataset
    from hornet.evaluation.evaluate import evaluate as run
    from hornet.evaluation.robustness_report import format_corruptions
    from hornet.evaluation.tables import count_pictures, format_evaluation
    from hornet.registry import resolve_model

    dataset = load_dataset(data)
    path = resolve_model(model)
    tell = _nothing if quiet else say
    for line in (*dataset.notes, f"model {path}"):
        tell(line)
    classifier = Classifier.open(path, threads=1)  # batches side by side instead, as in predict
    progress = None if quiet or not sys.stderr.isatty() else _progress
    result = run(
        classifier,
        dataset,
        split=None if split is None else split.value,
        strata=[name.strip() for name in stratum.split(",") if name.strip()],
        batch_size=batch,
        workers=workers,
        tta=tta,
        progress=progress,
    )
    if json_file != "-":
        typer.echo(format_evaluation(result))
    document = result.to_dict()
    if wanted is not None:
        robustness = _corrupted(
            classifier, result, wanted, out=out, batch_size=batch, workers=workers, progress=progress
        )
        document["corruptions"] = robustness.to_dict()
        if json_file != "-":
            typer.echo(f"\n{format_corruptions(robustness)}")
    emit_json(document, json_file)
    if report is not None:
        write_evaluation(
            report, classifier, result, dataset, name=data.absolute().name, audit=audit,
            corruptions=document.get("corruptions"), with_pictures=pictures,
        )  # fmt: skip
        tell(f"report {report}")
    if result.failures:
        tell(f"{count_pictures(len(result.failures))} could not be read")
        raise typer.Exit(Exit.SOME_FAILED)


def _check_flags(
    corrupted: bool, *, out: Path | None, tta: str, report: Path | None, audit: Path | None
) -> None:
    """Refuse flags that go with others that weren't given."""
    if not corrupted and out is not None:
        raise typer.BadParameter("needs --corruptions: nothing else is drawn", param_hint="--out")
    if corrupted and tta != "none":
        raise typer.BadParameter("corrupted pictures are looked at once: leave --tta out", param_hint="--tta")
    if audit is not None and report is None:
        raise typer.BadParameter("needs --report: it is shown there", param_hint="--audit")


def _nothing(_: str) -> None:
    """Keep a message back."""


def _conditions(
    every: bool, names: Sequence[str], severities: str | None
) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Return corruptions and severities that are wanted; None if none are."""
    if not every and not names:
        if severities is not None:
            raise typer.BadParameter("needs --corruptions or --corruption NAME", param_hint="--severities")
        return None
    from hornet.evaluation.corruptions import CORRUPTIONS, SEVERITIES, check_corruptions

    chosen = tuple(part.strip() for name in names for part in name.split(",") if part.strip())
    try:
        levels = SEVERITIES if severities is None else tuple(int(part) for part in severities.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{severities}: write numbers such as 1,3,5", param_hint="--severities"
        ) from None
    chosen = chosen or tuple(CORRUPTIONS)
    # Before anything is predicted.
    check_corruptions(chosen, levels)
    return chosen, levels


def _corrupted(
    classifier: Classifier,
    evaluation: Evaluation,
    wanted: tuple[tuple[str, ...], tuple[int, ...]],
    *,
    out: Path | None,
    batch_size: int,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> Corruptions:
    """Measure on corrupted pictures, and draw the figures if there is a folder for that."""
    from hornet.evaluation.robustness import measure_corruptions
    from hornet.evaluation.robustness_report import draw_examples, plot_corruptions

    result = measure_corruptions(
        classifier,
        evaluation,
        corruptions=wanted[0],
        severities=wanted[1],
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )
    if out is not None:
        plot_corruptions(result, out)
        shown = next((record for record in evaluation.records if record.label), evaluation.records[0])
        draw_examples(Path(shown.path), *wanted, out)
    return result


def _progress(done: int, total: int) -> None:
    """Show on a terminal how far it is."""
    sys.stderr.write(f"\r{done}/{total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
