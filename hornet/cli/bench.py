"""What ``hornet train`` does instead of training when asked: before a long run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from hornet.cli.common import say
from hornet.cli.lab.common import make_folder, write_table

if TYPE_CHECKING:
    from hornet.cli.progress import Progress
    from hornet.training.config import TrainConfig


def overfit(settings: TrainConfig, progress: Progress) -> None:
    """Learn one batch by heart, or say what is broken."""
    from hornet.dataset import load_dataset
    from hornet.training.bench import overfit_batch
    from hornet.training.masking import with_text_masked

    dataset = load_dataset(settings.data)
    settings = with_text_masked(settings, dataset, report=progress.report, live=progress.live)
    result = overfit_batch(settings, dataset, report=progress.report, live=progress.live)
    progress.clear()
    typer.echo(
        f"learned {result.pictures} pictures by heart in {result.steps} steps: loss {result.first:.3f} to "
        f"{result.last:.4f}; network, labels, loss and optimiser work together at rate {settings.rate:g}"
    )


def find_rate(settings: TrainConfig, out: Path, progress: Progress) -> None:
    """Write the range test's curve into ``out`` and print the suggestion."""
    from hornet.dataset import load_dataset
    from hornet.evaluation.plots import plot_range_test
    from hornet.training.masking import with_text_masked
    from hornet.training.ranges import lr_find

    make_folder(out)
    dataset = load_dataset(settings.data)
    settings = with_text_masked(settings, dataset, report=progress.report, live=progress.live)
    result = lr_find(settings, dataset, report=progress.report, live=progress.live)
    progress.clear()
    rows = zip(result.rates, result.losses, result.smoothed, strict=True)
    write_table(
        out / "lr-find.csv",
        ("step", "lr", "loss", "smoothed_loss"),
        [(step, *(f"{value:.6g}" for value in row)) for step, row in enumerate(rows, start=1)],
    )
    plot_range_test(result.rates, result.losses, result.smoothed, result.suggestion, out / "lr-find.png")
    say(
        f"lowest loss at {result.lowest:.2g}, steepest fall at {result.steepest:.2g}; curve: {out / 'lr-find.png'}"
    )
    typer.echo(f"suggestion: --lr {result.suggestion:.1g}")


def run_fast(settings: TrainConfig, out: Path | None, progress: Progress, *, export: bool) -> None:
    """Run everything once on a few pictures; without ``out``, in a folder that is gone afterwards."""
    from hornet.dataset import load_dataset
    from hornet.training.bench import fast_dev
    from hornet.training.export import export_run
    from hornet.training.masking import with_text_masked
    from hornet.training.run import train_run

    with TemporaryDirectory(prefix="hornet-fast-", ignore_cleanup_errors=True) as scratch:
        folder = out or Path(scratch) / "run"
        dataset = load_dataset(settings.data)
        # In all pictures: the few that are left are too few to tell.
        settings = with_text_masked(settings, dataset, report=progress.report, live=progress.live)
        settings, dataset = fast_dev(settings, dataset)
        progress.report(
            f"fast-dev: {len(dataset)} pictures, an epoch of each phase: its figures mean nothing"
        )
        train_run(settings, dataset, folder, report=progress.report, live=progress.live)
        progress.clear()
        if export:
            export_run(folder, reporter=say)
    what = "both phases, calibration and export" if export else "both phases and calibration"
    typer.echo(f"fast-dev: {what} ran through; nothing was learned that is worth keeping")
