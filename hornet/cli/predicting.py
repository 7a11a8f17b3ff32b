"""The work of ``hornet predict``: from a scan to rows, a journal beside them, and sorted pictures."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornet.cli.common import say
from hornet.cli.progress import Progress
from hornet.cli.rows import JOURNAL, RowFormat, check_resumable, draft_of, make_sink, open_rows
from hornet.cli.sort import SortBy, make_sorter, sort_pictures
from hornet.errors import ArtifactIncompatible, HornetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from hornet.classifier import Classifier
    from hornet.inference.columns import Answer, Column
    from hornet.inference.heatmap_files import HeatmapWriter
    from hornet.inference.journal import Journal
    from hornet.inference.sinks import Sink
    from hornet.inference.sources import Scan, Source


@dataclass(frozen=True, slots=True)
class Job:
    """What ``hornet predict`` is asked for; the fields are its flags. ``output`` is None for stdout."""

    sources: list[str]
    null: bool
    form: RowFormat
    output: str | None
    resume: bool
    model: str | None
    threshold: float | None
    batch: int
    workers: int | None
    every: Fraction | None
    heatmaps: str | None
    sort_into: str | None
    sort_by: SortBy
    dry_run: bool
    quiet: bool
    unknown: bool
    exif: bool

    def settings(self) -> dict[str, Any]:
        """Return what a journal remembers: all that its rows, or files made beside them, depend on."""
        return {
            "SOURCE": self.sources,
            "--null": self.null,
            "--threshold": self.threshold,
            "--batch": self.batch,
            "--every": None if self.every is None else f"{float(self.every):g}s",
            "--heatmaps": self.heatmaps,
            "--sort-into": self.sort_into,
            "--sort-by": None if self.sort_into is None else self.sort_by.value,
            "--exif": self.exif,
        }


def run(job: Job) -> bool:
    """Do it; return whether every picture could be read, and sorted if that was asked for."""
    from hornet.inference.sources import Scan
    from hornet.registry import resolve_model

    path = resolve_model(job.model)
    progress = Progress.on_terminal(quiet=job.quiet or job.output is None)
    with _journal(job, path) as journal:
        sorter = make_sorter(job.sort_into, job.sort_by, job.sources, dry=job.dry_run)
        scan = Scan(job.sources, null=job.null, leave_out=job.sort_into, videos=_takes_videos(job))
        # It opens before the model loads: a folder that isn't there is said at once.
        with open_rows(job.form, job.output, resumable=job.resume) as stream:
            complete = journal is not None and journal.order is not None
            found = iter(()) if complete else _with_videos(job, found_pictures(job.sources, scan))
            classifier, writer = _open_model(path, job.heatmaps, journal)
            sink = make_sink(job.form, stream, classifier, job.threshold, _further(job, classifier))
            counts = _write(_answers(job, classifier, found, journal, writer), sink, progress)
        if not job.quiet:
            say(summary(counts, scan))
        sorted_all = (
            journal is None or sorter is None or sort_pictures(sorter, journal, progress, quiet=job.quiet)
        )
    return sorted_all and not counts["failed"]


@contextmanager
def _journal(job: Job, model: Path) -> Iterator[Journal | None]:
    """Keep a journal until everything is done: beside the output, or without a name if only sorting needs it."""
    path = check_resumable(job.output) + JOURNAL if job.resume else None
    if path is None and job.output is not None and Path(job.output + JOURNAL).exists():
        say(f"{job.output}{JOURNAL} is of a run that was stopped: --resume would go on; this run begins anew")
    if path is None and job.sort_into is None:
        yield None
        return
    from hornet.inference.journal import Journal
    from hornet.inference.records import software

    journal = Journal(path, job.settings() | software(model))
    try:
        if path is not None and job.output is not None:
            with suppress(OSError):
                Path(draft_of(job.output)).unlink()  # of a session that was killed
        if journal.continued and not job.quiet:
            say(f"going on after {len(journal):,} answers of {path}")
        yield journal
    except BaseException:
        journal.close()
        if path is not None and Path(path).exists():
            say(f"hornet: {len(journal):,} answers are kept in {path}; the same command goes on from there")
        raise
    journal.remove()


def found_pictures(sources: list[str], scan: Scan) -> Iterator[Source]:
    """Return what a scan finds.

    Raises:
        HornetError: If that is nothing.
    """
    found = iter(scan)
    first = next(found, None)
    if first is None:
        raise HornetError(_nothing(sources, scan))
    return _chain(first, found)


def _takes_videos(job: Job) -> bool:
    """Whether videos in folders are looked at; else they are files of another kind."""
    from hornet.inference.videos import available

    return available() and job.form is not RowFormat.megadetector


def _with_videos(job: Job, found: Iterator[Source]) -> Iterator[Source]:
    """Put frames in place of clips, or why there are none."""
    from hornet.inference.videos import EVERY_S, with_frames, without_frames

    if job.form is RowFormat.megadetector:
        return without_frames(found, "--format megadetector has no place for frames; use another format")
    return with_frames(found, job.every or EVERY_S)


def _open_model(
    path: Path, heatmaps: str | None, journal: Journal | None
) -> tuple[Classifier, HeatmapWriter | None]:
    from hornet.classifier import Classifier

    # One thread a run, and as many runs at once as there are CPUs: no run waits for its slowest thread.
    classifier = Classifier.open(path, threads=1)
    if heatmaps is None:
        return classifier, None
    from hornet.inference.heatmap_files import HeatmapWriter

    writer = HeatmapWriter(heatmaps, classifier.contract.pixel_rule)
    if journal is not None and journal.path is not None and not writer.ours:
        raise HornetError(
            f"--resume: other files lie in {heatmaps}, so that a later session couldn't tell which heatmaps are its "
            "own; name a new or empty folder"
        )
    return classifier, writer


def _further(job: Job, classifier: Classifier) -> list[Column]:
    """Return the columns after the usual ones; raises ArtifactIncompatible if the model can't fill one."""
    from hornet.inference.columns import CAPTURE_COLUMNS, FRAME_COLUMNS, NOVELTY

    if job.unknown and classifier.contract.novelty is None:
        raise ArtifactIncompatible(
            f"{classifier.artifact.path} can't tell what is unlike anything it has seen; export its run again, or leave "
            "out --unknown"
        )
    frames = FRAME_COLUMNS if job.every is not None and job.form is not RowFormat.megadetector else ()
    return [*frames, *([NOVELTY] if job.unknown else []), *(CAPTURE_COLUMNS if job.exif else ())]


def _answers(
    job: Job,
    classifier: Classifier,
    sources: Iterator[Source],
    journal: Journal | None,
    heatmaps: HeatmapWriter | None,
) -> Iterator[Answer]:
    options: dict[str, Any] = {
        "threshold": job.threshold,
        "batch_size": job.batch,
        "workers": job.workers,
        "heatmaps": heatmaps,
        "captures": job.exif,
    }
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


def summary(counts: Counter[str], scan: Scan) -> str:
    """Say how many pictures got which verdict, and what was skipped."""
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
            (scan.skipped_sorted, "folder of sorted pictures", "folders of sorted pictures"),
        )
        if count
    ]
