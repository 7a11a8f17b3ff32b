"""``hornet predict``: verdicts for files, folders, globs, lists and addresses."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import Exit, ModelOption, say
from hornet.cli.progress import Progress
from hornet.cli.rows import JOURNAL, RowFormat, check_resumable, choose_format, make_sink, open_rows
from hornet.cli.stop import orderly_stop
from hornet.errors import HornetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hornet.classifier import Classifier
    from hornet.inference.heatmap_files import HeatmapWriter
    from hornet.inference.journal import Journal
    from hornet.inference.sinks import Answer, Sink
    from hornet.inference.sources import Scan, Source


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
            "--format",
            help="Else by the extension of --output; else a table on a terminal, CSV in a pipe. parquet needs "
            "the extra of that name; megadetector is the JSON that Timelapse opens.",
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
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep a journal beside --output; after any end, the same command goes on where it ended.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Neither progress nor summary on stderr.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Paths on stdin and in lists end in NUL, not in a newline.")
    ] = False,
) -> None:
    """Say for each picture whether at least one Asian hornet is in it.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some pictures failed.
    """
    if threshold is not None and math.isnan(threshold):
        raise typer.BadParameter("nan is no number from 0 to 1", param_hint="--threshold")
    target = None if output == "-" else output
    chosen = choose_format(form, target)
    settings = {
        "SOURCE": sources,
        "--null": null,
        "--threshold": threshold,
        "--batch": batch,
        "--heatmaps": heatmaps,
    }
    with orderly_stop():
        from hornet.inference.sources import Scan
        from hornet.registry import resolve_model

        scan = Scan(sources, null=null)
        path = resolve_model(model)
        with (
            _journal(target, path, settings if resume else None, quiet=quiet) as journal,
            # It opens before the model loads: a folder that isn't there is said at once.
            open_rows(chosen, target, resumable=resume) as stream,
        ):
            complete = journal is not None and journal.order is not None
            found = iter(()) if complete else _found(sources, scan)
            classifier, writer = _open_model(path, heatmaps, journal)
            sink = make_sink(chosen, stream, classifier, threshold)
            answers = _answers(
                classifier,
                found,
                journal,
                threshold=threshold,
                batch_size=batch,
                workers=workers,
                heatmaps=writer,
            )
            counts = _write(answers, sink, Progress.on_terminal(quiet=quiet or target is None))
    if not quiet:
        say(_summary(counts, scan))
    if counts["failed"]:
        raise typer.Exit(Exit.SOME_FAILED)


def _found(sources: list[str], scan: Scan) -> Iterator[Source]:
    """Return what a scan finds, if that is anything."""
    found = iter(scan)
    first = next(found, None)
    if first is None:
        raise HornetError(_nothing(sources, scan))
    return _chain(first, found)


def _open_model(
    path: Path, heatmaps: str | None, journal: Journal | None
) -> tuple[Classifier, HeatmapWriter | None]:
    from hornet.classifier import Classifier

    classifier = Classifier.open(path)
    if heatmaps is None:
        return classifier, None
    from hornet.inference.heatmap_files import HeatmapWriter

    writer = HeatmapWriter(heatmaps, classifier.contract.pixel_rule)
    if journal is not None and not writer.ours:
        raise HornetError(
            f"--resume: other files lie in {heatmaps}, so that a later session couldn't tell which heatmaps are its "
            "own; name a new or empty folder"
        )
    return classifier, writer


def _answers(
    classifier: Classifier, sources: Iterator[Source], journal: Journal | None, **options: Any
) -> Iterator[Answer]:
    if journal is None:
        from hornet.inference.pipeline import predict_sources

        return predict_sources(classifier, sources, **options)
    from hornet.inference.resuming import predict_resumably

    return predict_resumably(classifier, sources, journal, **options)


def _write(answers: Iterator[Answer], sink: Sink, progress: Progress) -> Counter[str]:
    """Write a row for each answer, and count the verdicts."""
    from hornet.classifier import Failure

    counts: Counter[str] = Counter()
    started = time.monotonic()
    try:
        for answer in answers:
            sink.write(answer)
            counts["failed" if isinstance(answer, Failure) else answer.label] += 1
            done = counts.total()
            rate = done / max(time.monotonic() - started, 1e-3)
            progress.live(
                f"{done:,} picture{'s' * (done > 1)}, {counts['present']:,} present, {rate:,.0f} a second"
            )
    finally:
        progress.clear()
    sink.finish()
    return counts


@contextmanager
def _journal(
    output: str | None, model: Path, settings: Mapping[str, Any] | None, *, quiet: bool
) -> Iterator[Journal | None]:
    """Keep a journal beside an output until the output is whole; without settings keep none."""
    if settings is None:
        if output is not None and Path(output + JOURNAL).exists():
            say(f"{output}{JOURNAL} is of a run that was stopped: --resume would go on; this run begins anew")
        yield None
        return
    path = check_resumable(output) + JOURNAL
    from hornet.inference.journal import Journal
    from hornet.inference.records import software

    journal = Journal(path, {**settings, **software(model)})
    try:
        if journal.continued and not quiet:
            say(f"going on after {len(journal):,} answers of {path}")
        yield journal
    except BaseException:
        journal.close()
        if Path(path).exists():
            say(f"hornet: {len(journal):,} answers are kept in {path}; the same command goes on from there")
        raise
    journal.remove()


def _chain(first: Source, rest: Iterator[Source]) -> Iterator[Source]:
    yield first
    yield from rest


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
