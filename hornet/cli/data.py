"""``hornet data``: labelled pictures into a manifest; what was kept of them; what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hornet.cli.audit import audit
from hornet.cli.common import Exit, JsonOption, emit_json, say
from hornet.cli.fetch import fetch
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from hornet.dataset import Dataset, Derivation

app = typer.Typer(no_args_is_help=True, help="Labelled pictures: into a manifest, and audited.")


@app.callback()
def _data() -> None:
    """Labelled pictures: into a manifest, and audited."""


app.command()(audit)
app.command()(fetch)


@app.command("import")
def import_(  # noqa: PLR0917 - one parameter a flag
    source: Annotated[Path, typer.Argument(help="Folder of class folders, or manifest CSV.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Manifest to write.")],
    group_by: Annotated[
        Literal["auto", "day", "burst", "folder", "none"],
        typer.Option(help="What makes a group where none is given, besides videos, observations and likes."),
    ] = "auto",
    threshold: Annotated[
        int | None, typer.Option(min=0, max=144, help="Bits of 144 that may differ in likes. [22]")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="Deal the groups into splits, too.")] = False,
    validation: Annotated[float, typer.Option(help="With --split: share for validation.")] = 0.15,
    test: Annotated[float, typer.Option(help="With --split: share for testing.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="With --split: another seed deals otherwise.")] = 0,
    split_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Frozen split: CSV with path and split.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the manifest if it is there.")] = False,
    json: JsonOption = None,
) -> None:
    """Write a manifest with groups, times and cameras; the pictures stay where they are.

    Pictures that would leak from one split into another are put into one group: of one day or burst, frames of
    one video, one observation, or looking alike. Look at what is printed, and mend the column group if you know
    better. Exit code 3: some pictures can't be read; the manifest has them all the same.
    """
    from hornet.cli.progress import Progress
    from hornet.dataset import apply_split_file, derive_groups, load_dataset, split_dataset, write_manifest
    from hornet.dataset.likeness import THRESHOLD

    if out.exists() and not force:
        raise ConfigError(f"{out} is there already. Name another file, or replace it with --force.")
    dataset = load_dataset(source)
    for note in dataset.notes:
        say(note)
    shown = len(dataset.notes)
    if split_file is not None:
        dataset = apply_split_file(dataset, split_file)
    progress = Progress()
    dataset, derivation = derive_groups(
        dataset,
        group_by=group_by,
        threshold=THRESHOLD if threshold is None else threshold,
        live=progress.live,
    )
    progress.clear()
    for line in derivation.describe():
        say(line)
    if split:
        dataset = split_dataset(dataset, validation=validation, test=test, seed=seed)
    for note in dataset.notes[shown:]:
        say(note)
    try:
        write_manifest(replace(dataset, notes=()), out)
    except OSError as error:
        raise ConfigError(f"can't write {out}: {error.strerror or error}") from None
    facts = _facts(dataset, derivation)
    _print(facts, out)
    emit_json({"manifest": out.as_posix(), **facts}, json)
    if derivation.unreadable:
        raise typer.Exit(Exit.SOME_FAILED)


@app.command()
def cache(
    folder: Annotated[
        str | None, typer.Option("--cache", metavar="DIR", help="Which one; else HORNET_CACHE, the user's.")
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Remove the least recently used beyond this, as 5GB.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything.")] = False,
    json: JsonOption = None,
) -> None:
    """Show how much room decoded pictures take, or make room; what is missing is decoded again."""
    from hornet.dataset.store import open_store, parse_size

    store = open_store(folder)
    if store is None:
        say("HORNET_CACHE is none: nothing is kept")
        emit_json({"folder": None, "pictures": 0, "bytes": 0}, json)
        return
    if clear:
        store.clear()
    elif limit is not None:
        store.trim(parse_size(limit))
    pictures, size = store.usage()
    say(store.describe())
    emit_json({"folder": str(store.folder), "pictures": pictures, "bytes": size, "limit": store.limit}, json)


def _facts(dataset: Dataset, derivation: Derivation) -> dict[str, Any]:
    present = int(dataset.labels().sum())
    return {
        "pictures": len(dataset),
        "present": present,
        "absent": len(dataset) - present,
        "groups": len(set(dataset.groups())),
        "splits": dict(Counter(name for name in dataset.splits() if name)),
        "derivation": derivation.to_dict(),
        "notes": list(dataset.notes),
    }


def _print(facts: dict[str, Any], out: Path) -> None:
    splits = "".join(f", {name} {count}" for name, count in sorted(facts["splits"].items()))
    say(
        f"{out}: {facts['pictures']} pictures ({facts['present']} present, {facts['absent']} absent) "
        f"in {facts['groups']} groups{splits}"
    )
