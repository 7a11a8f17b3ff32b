"""``hornet predict --engine ray``: the same rows from many machines, in a folder of Parquet files."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import typer

from hornet.cli.common import say
from hornet.cli.predicting import found_pictures, summary
from hornet.cli.progress import Progress
from hornet.cli.rows import RowFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hornet.inference.distributed.partitions import Partition
    from hornet.inference.distributed.rows import RowFolder

#: Half a minute's work of a worker, about: what is lost if it dies.
PARTITION_SIZE: Final = 1024


class Engine(StrEnum):
    """What predicts."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, slots=True)
class RayJob:
    """What ``hornet predict --engine ray`` is asked for; the fields are its flags."""

    sources: list[str]
    null: bool
    output: str
    resume: bool
    model: str | None
    threshold: float | None
    batch: int
    workers: int | None
    address: str | None
    partition_size: int
    quiet: bool

    def settings(self) -> dict[str, Any]:
        """Return what rows, or where they are cut, depend on."""
        return {
            "SOURCE": self.sources,
            "--null": self.null,
            "--threshold": self.threshold,
            "--batch": self.batch,
            "--partition-size": self.partition_size,
        }


def refuse(flags: Mapping[str, object], why: str) -> None:
    """Raise BadParameter if one of these flags was given."""
    for name, value in flags.items():
        if value is not None:
            raise typer.BadParameter(why, param_hint=name)


def check_flags(form: RowFormat | None, output: str | None, *, batch: int, partition_size: int) -> str:
    """Return the output, or say what doesn't go together with ``--engine ray``.

    Raises:
        BadParameter: If rows can't be written as asked.
        MissingExtra: If Ray isn't installed.
    """
    if output is None:
        raise typer.BadParameter(
            "--engine ray writes a folder of Parquet files: name it with --output", param_hint="--output"
        )
    if form not in {None, RowFormat.parquet}:
        raise typer.BadParameter(
            f"--engine ray writes a folder of Parquet files, not {form}", param_hint="--format"
        )
    if partition_size % batch:
        fitting = max(1, round(partition_size / batch)) * batch
        raise typer.BadParameter(
            f"{partition_size} isn't a multiple of --batch {batch}, so that batches would be cut elsewhere than "
            f"in one process; take {fitting}",
            param_hint="--partition-size",
        )
    if any(find_spec(name) is None for name in ("ray", "pyarrow", "pandas")):  # said before a long scan
        from hornet.errors import MissingExtra

        raise MissingExtra("ray", "--engine ray")
    return output


def run_on_ray(job: RayJob) -> bool:
    """Do it; return whether every picture could be read."""
    from hornet.artifact import open_artifact
    from hornet.inference.distributed.cluster import check_address
    from hornet.inference.distributed.partitions import cut
    from hornet.inference.distributed.rows import RowFolder
    from hornet.inference.records import software
    from hornet.inference.sources import Scan
    from hornet.inference.videos import without_frames
    from hornet.registry import resolve_model

    if job.address is not None:
        check_address(job.address)
    path = resolve_model(job.model)
    settings = job.settings() | software(path)
    open_artifact(path, threads=1)  # here its path can be named; and before anything is made
    rows = RowFolder(job.output, settings, resume=job.resume)
    scan = Scan(job.sources, null=job.null)
    found = without_frames(
        found_pictures(job.sources, scan), "--engine ray looks at no videos; predict them in one process"
    )
    partitions = list(cut(found, job.partition_size, settings))
    kept = rows.kept(partitions) if rows.continued else {}
    if kept and not job.quiet:
        done = sum(count.total() for count in kept.values())
        say(f"going on after {done:,} answers in {job.output}")
    missing = [partition for partition in partitions if partition.number not in kept]
    counts = sum(kept.values(), Counter[str]())
    if missing:
        counts += _predict(job, path, rows, missing)
    rows.finish(partitions, counts)
    if not job.quiet:
        say(summary(counts, scan))
    return not counts["failed"]


def _predict(job: RayJob, model: Path, rows: RowFolder, missing: Sequence[Partition]) -> Counter[str]:
    """Let the cluster answer what is missing, and count the verdicts."""
    from hornet.inference.distributed.cluster import connected

    with connected(job.address, job.workers) as workers:
        rows.begin()
        try:
            return _collect(job, model, rows, missing, workers)
        except BaseException:
            say(
                f"hornet: finished partitions are kept in {job.output}; the same command with --resume goes on"
            )
            raise


def _collect(
    job: RayJob, model: Path, rows: RowFolder, missing: Sequence[Partition], workers: int
) -> Counter[str]:
    from hornet.inference.distributed.engine import predict_partitions

    counts: Counter[str] = Counter()
    total = sum(partition.rows for partition in missing)
    progress = Progress.on_terminal(quiet=job.quiet)
    started = time.monotonic()
    progress.live(f"{total:,} pictures in {len(missing):,} partitions for {workers:,} workers")
    answers = predict_partitions(
        model.read_bytes(),
        missing,
        output=rows.folder.place,
        threshold=job.threshold,
        batch_size=job.batch,
        workers=workers,
    )
    try:
        for answered in answers:
            counts += Counter(answered.verdicts)
            rate = counts.total() / max(time.monotonic() - started, 1e-3)
            progress.live(
                f"{counts.total():,} of {total:,} pictures, {counts['present']:,} present, {rate:,.0f} a second"
            )
    finally:
        progress.clear()
    return counts
