"""``hornet predict``: verdicts for files, folders, globs, lists and addresses."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hornet.cli.common import Exit, ModelOption, say
from hornet.errors import HornetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hornet.inference.sinks import Sink
    from hornet.inference.sources import Scan, Source


class RowFormat(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"


_BY_EXTENSION = {
    "": RowFormat.csv,
    ".csv": RowFormat.csv,
    ".json": RowFormat.json,
    ".jsonl": RowFormat.jsonl,
    ".ndjson": RowFormat.jsonl,
    ".txt": RowFormat.table,
}


def predict(  # noqa: PLR0917 - typer makes flags of them
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders, globs, @list.txt, http(s) addresses, or - for paths on stdin.",
            show_default=False,
        ),
    ],
    form: Annotated[
        RowFormat | None,
        typer.Option(
            "--format", help="Else by the extension of --output; else a table on a terminal, CSV in a pipe."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write rows here, never half a file.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="present from this probability on, absent below; replaces the model's own."
        ),
    ] = None,
    model: ModelOption = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a run of the network.")] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that read and decode; else one a CPU.")
    ] = None,
    heatmaps: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write each picture with its heatmap and verdict into this folder."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary on stderr.")] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Paths on stdin and in lists end in NUL, not in a newline.")
    ] = False,
) -> None:
    """Say for each picture whether at least one Asian hornet is in it.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some pictures failed.
    """
    from hornet.inference.sources import Scan

    if threshold is not None and math.isnan(threshold):
        raise typer.BadParameter("nan is no number from 0 to 1", param_hint="--threshold")
    target = None if output == "-" else output
    chosen = form or _format(target)
    scan = Scan(sources, null=null)
    found = iter(scan)
    first = next(found, None)
    if first is None:
        raise HornetError(_nothing(sources, scan))
    # The sink opens before the model loads: a folder that isn't there is said at once.
    with _sink(chosen, target) as sink:
        counts = _run(
            _chain(first, found),
            sink,
            model=model,
            threshold=threshold,
            batch=batch,
            workers=workers,
            heatmaps=heatmaps,
        )
        sink.finish()
    if not quiet:
        say(_summary(counts, scan))
    if counts["failed"]:
        raise typer.Exit(Exit.SOME_FAILED)


def _run(
    sources: Iterator[Source],
    sink: Sink,
    *,
    model: str | None,
    threshold: float | None,
    batch: int,
    workers: int | None,
    heatmaps: str | None,
) -> Counter[str]:
    """Predict everything, and count the verdicts."""
    from hornet.classifier import Classifier, Failure
    from hornet.inference.pipeline import predict_sources
    from hornet.registry import resolve_model

    classifier = Classifier.open(resolve_model(model))
    writer = None
    if heatmaps is not None:
        from hornet.inference.heatmap_files import HeatmapWriter

        writer = HeatmapWriter(heatmaps, classifier.contract.pixel_rule)
    answers = predict_sources(
        classifier, sources, threshold=threshold, batch_size=batch, workers=workers, heatmaps=writer
    )
    counts: Counter[str] = Counter()
    for answer in answers:
        sink.write(answer)
        counts["failed" if isinstance(answer, Failure) else answer.label] += 1
    return counts


def _chain(first: Source, rest: Iterator[Source]) -> Iterator[Source]:
    yield first
    yield from rest


def _format(output: str | None) -> RowFormat:
    if output is None:
        return RowFormat.table if sys.stdout.isatty() else RowFormat.csv
    extension = Path(output).suffix.lower()
    if extension not in _BY_EXTENSION:
        raise typer.BadParameter(
            f"can't tell the format from the extension {extension}; pass --format, or use .csv, .json, .jsonl "
            "or .txt",
            param_hint="--output",
        )
    return _BY_EXTENSION[extension]


def _sink(form: RowFormat, output: str | None) -> AbstractContextManager[Sink]:
    return _to_stdout(form) if output is None else _to_file(form, output)


@contextmanager
def _to_file(form: RowFormat, output: str) -> Iterator[Sink]:
    from hornet.inference.output import whole_file
    from hornet.inference.sinks import open_sink

    with whole_file(output) as file:
        yield open_sink(form.value, file)


@contextmanager
def _to_stdout(form: RowFormat) -> Iterator[Sink]:
    from hornet.inference.sinks import open_sink

    console = None
    if form is RowFormat.table and sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False)
    try:
        # Bytes: on Windows the text layer would double the line ends, and know no UTF-8.
        yield open_sink(form.value, sys.stdout.buffer, console=console)
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Else Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.FAILED) from None
    except OSError as error:
        # The sinks' own stream: everything that is read is checked where it is read.
        raise HornetError(f"can't write the rows: {error.strerror or error}") from None


def _nothing(sources: list[str], scan: Scan) -> str:
    from hornet.inference.sinks import printable

    names = ", ".join(printable(source) for source in sources[:3]) + (", ..." if len(sources) > 3 else "")  # noqa: PLR2004
    skipped = "; ".join(_skipped(scan))
    return (
        f"no pictures found in {names}"
        + (f" ({skipped})" if skipped else "")
        + "; name a file, or a folder with pictures such as .jpg or .png"
    )


def _summary(counts: Counter[str], scan: Scan) -> str:
    verdicts = ", ".join(
        f"{counts[name]} {name}"
        for name in ("present", "absent", "unsure", "failed")
        if counts[name] or name in {"present", "absent"}
    )
    return "; ".join((verdicts, *_skipped(scan)))


def _skipped(scan: Scan) -> list[str]:
    return [
        f"{count} {one if count == 1 else many} skipped"
        for count, one, many in (
            (scan.skipped, "file of another kind", "files of other kinds"),
            (scan.skipped_links, "linked folder", "linked folders"),
            (scan.skipped_heatmaps, "folder of heatmaps", "folders of heatmaps"),
        )
        if count
    ]
