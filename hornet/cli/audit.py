"""``hornet data audit``: what would spoil training on these pictures, or flatter the figures."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, parse_mask, say

if TYPE_CHECKING:
    from hornet.evaluation.audit import Audit, Embedding, Note


def audit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of class folders, or manifest (CSV).")],
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask", metavar="X0,Y0,X1,Y1", help="As for train: the probes don't see this part; repeatable."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="imagenet|FILE",
            help="Untuned weights that also look; imagenet downloads them. Without: what torch's cache has.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if anything was found.")] = False,
    json: JsonOption = None,
) -> None:
    """Look for copies, wrong labels, leaks between splits, and shortcuts that tell the label without the hornet.

    Each finding is a line on stdout, "name: sentence". Notes, and probes that found nothing, are on stderr.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import load_dataset
    from hornet.dataset.store import open_store
    from hornet.evaluation.audit import audit as run
    from hornet.inference.sinks import printable

    features = _features(weights)
    # Pictures that aren't there are a finding, and not the end.
    dataset = load_dataset(data, check_files=False)
    for note in dataset.notes:
        say(note)
    progress = Progress()
    result = run(
        dataset,
        masks=[parse_mask(text) for text in mask or ()],
        store=open_store(),
        features=features,
        progress=progress.live,
    )
    progress.clear()
    if json != "-":
        for finding in result.findings:
            line = printable(f"{finding.name}: {finding.sentence()}", sys.stdout.encoding or "utf-8")
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    for line in describe(result):
        say(line)
    emit_json(result.to_dict(), json)
    if strict and result.findings:
        raise typer.Exit(Exit.FAILED)


def _features(weights: str | None) -> Embedding | Note:
    """Return what computes ImageNet features, or the note that they are left out."""
    from hornet.errors import MissingExtra
    from hornet.evaluation.audit import NO_WEIGHTS, left_out

    try:
        from hornet.training.untuned import untuned_features
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"torch", "torchvision", "safetensors"}:
            raise
        if weights is not None:
            raise MissingExtra("train", f"--weights ({package} is missing)") from None
        return left_out(
            f"{package} isn't installed; run pip install 'hornet-detector[train]'",
            f"{package} n'est pas installé ; lancez pip install 'hornet-detector[train]'",
        )
    return untuned_features(weights) or NO_WEIGHTS


def describe(result: Audit) -> list[str]:
    """Return what is told besides the findings, a line each: probes that passed, notes, and how much it was."""
    from hornet.evaluation.audit.english import count

    lines = [f"passed: {probe.name}: {probe.sentence()}" for probe in result.probes if not probe.found]
    lines += [f"note: {note.sentence()}" for note in result.notes]
    lines.append(
        f"{len(result.findings) or 'nothing'} found in {count(result.pictures, 'picture')} ({result.present} present, "
        f"{result.pictures - result.present} absent; {count(result.groups, 'group')})"
    )
    return lines
