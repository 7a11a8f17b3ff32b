"""``hornet predict``: verdicts for files, folders, globs, lists and addresses."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from hornet.cli.common import Exit, ModelOption, parse_every
from hornet.cli.distributed import PARTITION_SIZE, Engine, RayJob, check_flags, refuse, run_on_ray
from hornet.cli.predicting import Job, run
from hornet.cli.rows import RowFormat, choose_format
from hornet.cli.sort import SortBy
from hornet.cli.stop import orderly_stop


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
            min=0.0,
            max=1.0,
            help="present from this probability on, absent below; replaces the model's own. Pictures unlike anything "
            "that it was trained with stay unsure.",
        ),
    ] = None,
    model: ModelOption = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a run of the network.")] = 8,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that read and decode; with --engine ray, processes with a model each. Else one a CPU.",
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine",
            help="ray spreads the work over a Ray cluster, or this machine's CPUs, and writes a folder of Parquet "
            "files; needs the extra of that name.",
        ),
    ] = Engine.local,
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address",
            metavar="HOST:PORT",
            help="With --engine ray: the cluster, or auto; else RAY_ADDRESS, or one is started here.",
        ),
    ] = None,
    partition_size: Annotated[
        int | None,
        typer.Option(
            "--partition-size",
            min=1,
            help="With --engine ray: pictures that a worker answers at a time, and a file has; a multiple of "
            f"--batch. Else {PARTITION_SIZE:,} or the next multiple.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of videos, look at a frame this often, such as 500ms or 10s, and add the columns video and time; "
            "else each second. Needs the extra video.",
        ),
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
    sort_into: Annotated[
        str | None,
        typer.Option(
            "--sort-into",
            metavar="DIR",
            help="Sort the pictures into DIR/present, DIR/absent and DIR/unsure.",
        ),
    ] = None,
    sort_by: Annotated[
        SortBy, typer.Option("--sort-by", help="With --sort-into: what is done with the pictures.")
    ] = SortBy.copy,
    unknown: Annotated[
        bool,
        typer.Option(
            "--unknown",
            help="Add the column novelty: how unlike everything that the model was trained with a picture is. Beyond 1 "
            "its label is unsure, with or without this.",
        ),
    ] = False,
    exif: Annotated[
        bool,
        typer.Option(
            "--exif",
            help="Add the columns captured_at and camera: by EXIF, else by the picture's name. 'hornet summarize' draws "
            "activity from them.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --sort-into: say where each picture would go, and touch none."),
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
    if dry_run and sort_into is None:
        raise typer.BadParameter("without --sort-into no picture is touched anyway", param_hint="--dry-run")
    for wanted, flag in ((unknown, "--unknown"), (exif, "--exif")):
        if wanted and form is RowFormat.megadetector:
            raise typer.BadParameter("megadetector has no place for further columns", param_hint=flag)
    target = None if output == "-" else output
    if engine is Engine.ray:
        refuse(
            {
                "--every": every,
                "--heatmaps": heatmaps,
                "--sort-into": sort_into,
                "--unknown": unknown or None,
                "--exif": exif or None,
            },
            "doesn't go together with --engine ray",
        )
        size = partition_size or -(-PARTITION_SIZE // batch) * batch
        spread = RayJob(
            sources=sources,
            null=null,
            output=check_flags(form, target, batch=batch, partition_size=size),
            resume=resume,
            model=model,
            threshold=threshold,
            batch=batch,
            workers=workers,
            address=ray_address,
            partition_size=size,
            quiet=quiet,
        )
        with orderly_stop():
            everything = run_on_ray(spread)
        if not everything:
            raise typer.Exit(Exit.SOME_FAILED)
        return
    refuse({"--ray-address": ray_address, "--partition-size": partition_size}, "is for --engine ray")
    job = Job(
        sources=sources,
        null=null,
        form=choose_format(form, target),
        output=target,
        resume=resume,
        model=model,
        threshold=threshold,
        batch=batch,
        workers=workers,
        every=None if every is None else parse_every(every),
        heatmaps=heatmaps,
        sort_into=sort_into,
        sort_by=sort_by,
        dry_run=dry_run,
        quiet=quiet,
        unknown=unknown,
        exif=exif,
    )
    with orderly_stop():
        everything = run(job)
    if not everything:
        raise typer.Exit(Exit.SOME_FAILED)
