"""``hornet models``: which models there are, what they say and how they differ, which is used, and how they travel."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hornet.artifact import Contract
    from hornet.entries import Entry
    from hornet.golden import GoldenResult

app = typer.Typer(
    help="List, show, compare, verify, promote, roll back and move models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PACKED = "packed"
_MODEL = "Model file, id (or its beginning), champion, or packed."


@app.command("list")
def list_models(json_file: JsonOption = None) -> None:
    """List the packed model and what the registry keeps; the one in use is marked with a star."""
    from hornet.registry import Registry

    registry = Registry()
    rows = list(_rows(registry))
    if json_file != "-":
        for row in rows:
            mark = "*" if row["champion"] else " "
            # A damaged or missing file is listed all the same: rolling back is how to get rid of it.
            typer.echo(f"{mark} {row['id']:<16}  {row['created'] or '-':<25}  {row['about']}")
        say(f"registry: {registry.folder}")
    emit_json(rows, json_file)


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)] = "champion",
    json_file: JsonOption = None,
) -> None:
    """Print what a model says about itself, long arrays left out, and where the registry knows it, how it came about."""
    from hornet.checksums import sha256_file
    from hornet.registry import find_model

    file = find_model(model)
    document: dict[str, Any] = {"file": str(file), "bytes": file.stat().st_size, "sha256": sha256_file(file)}
    document |= _contract(file)
    for golden in document["golden"]:
        golden["jpeg"] = f"{len(golden['jpeg']) * 3 // 4} bytes"
    if (lineage := _lineage(document["sha256"])) is not None:
        document["registry"] = lineage
    if json_file != "-":
        for name, value in _flat(document):
            typer.echo(f"{name}: {value}")
    emit_json(document, json_file)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)],
    second: Annotated[str, typer.Argument(metavar="MODEL", help="The other one.")],
    json_file: JsonOption = None,
) -> None:
    """Print what two models say differently: rules, thresholds, training, figures, answers to golden examples."""
    from hornet.registry import find_model

    sides = []
    for name in (first, second):
        document = _contract(find_model(name))
        # By name, so that one example more doesn't shift the others.
        document["golden"] = {golden["name"]: golden["probability"] for golden in document["golden"]}
        sides.append(dict(_flat(document)))
    names = list(dict.fromkeys((*sides[0], *sides[1])))
    differs = {
        name: [side.get(name) for side in sides] for name in names if sides[0].get(name) != sides[1].get(name)
    }
    if json_file != "-":
        for name, (before, after) in differs.items():
            typer.echo(f"{name}: {_or_nothing(before)} -> {_or_nothing(after)}")
        if not differs:
            say("they say the same")
    emit_json({"first": first, "second": second, "differs": differs}, json_file)


@app.command()
def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)] = "champion",
    json_file: JsonOption = None,
) -> None:
    """Check a model's sums and replay its golden examples, from bytes to probability and novelty; exit 1 if an answer differs.

    What it shows: file, decoder and runtime on this machine do what they did where the model was made.
    """
    from hornet.classifier import Classifier
    from hornet.errors import ArtifactIncompatible
    from hornet.golden import replay_golden
    from hornet.registry import find_model

    file = find_model(model)
    results = replay_golden(Classifier.open(file))
    if not results:
        raise ArtifactIncompatible(f"{file} has no golden examples to replay; export it again")
    bad = [result for result in results if not result.ok]
    if json_file != "-":
        for result in results:
            typer.echo(
                f"{'ok      ' if result.ok else 'DIFFERS '} {result.name}: expected {result.expected:.6f}, "
                f"got {result.got:.6f}, tolerance {result.tolerance:g}{_novelty(result)}"
            )
    emit_json(
        {
            "file": str(file),
            "ok": not bad,
            "golden": [
                {
                    "name": result.name,
                    "expected": result.expected,
                    "got": result.got,
                    "tolerance": result.tolerance,
                    "expected_novelty": result.expected_novelty,
                    "got_novelty": result.got_novelty,
                    "novelty_tolerance": result.novelty_tolerance,
                    "ok": result.ok,
                }
                for result in results
            ],
        },
        json_file,
    )
    if bad:
        say(
            f"hornet: {file}: {len(bad)} of {len(results)} golden examples differ: "
            f"{', '.join(result.name for result in bad)}. Fetch the file again, or update onnxruntime and pillow"
        )
        raise typer.Exit(Exit.FAILED)


def _novelty(result: GoldenResult) -> str:
    """Say what became of the novelty, if the model promises one."""
    if result.expected_novelty is None or result.got_novelty is None:
        return ""
    return (
        f"; novelty {result.expected_novelty:.4f}, got {result.got_novelty:.4f}, tolerance "
        f"{result.novelty_tolerance * max(1.0, result.expected_novelty):g}"
    )


@app.command()
def promote(
    model: Annotated[
        str, typer.Argument(metavar="ID", help="Id (or its beginning) in the registry, or packed.")
    ],
    json_file: JsonOption = None,
) -> None:
    """Make a model the champion, whatever the comparison said; 'hornet models rollback' undoes it."""
    from hornet.registry import Registry

    _tell_champion(Registry().promote(model), json_file)


@app.command()
def rollback(json_file: JsonOption = None) -> None:
    """Return to the champion before this one."""
    from hornet.registry import Registry

    _tell_champion(Registry().rollback(), json_file)


@app.command("export")
def export_model(
    model: Annotated[str, typer.Argument(metavar="ID", help="Id (or its beginning) in the registry.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; it must not be there yet.")],
    json_file: JsonOption = None,
) -> None:
    """Write a model with its weights, bank and record as one file, for another machine."""
    from hornet.parcel import export_entry
    from hornet.registry import Registry

    entry = export_entry(Registry(), model, file)
    if json_file != "-":
        typer.echo(f"{file}: {entry.id}, {file.stat().st_size / 1e6:.1f} MB")
    emit_json({"id": entry.id, "file": str(file), "bytes": file.stat().st_size}, json_file)


@app.command("import")
def import_model(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Exported model, run folder, or a model file (.onnx).")
    ],
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="Float weights of a model file.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Keep a model that was made elsewhere as a challenger, after checking sums and golden examples."""
    from hornet.parcel import import_entry
    from hornet.registry import Registry

    entry = import_entry(Registry(), file, weights=weights)
    if json_file != "-":
        typer.echo(f"kept: {entry.id}; 'hornet models promote {entry.id}' makes it the champion")
    emit_json({"id": entry.id, "sha256": entry.sha256}, json_file)


def _tell_champion(entry: Entry | None, json_file: str | None) -> None:
    champion = _PACKED if entry is None else entry.id
    if json_file != "-":
        typer.echo(f"champion: {champion}")
    emit_json({"champion": champion}, json_file)


def _contract(file: Path) -> dict[str, Any]:
    """Return a contract as a document; of long arrays only how long they are, and what tells them apart."""
    import dataclasses
    import hashlib

    from hornet.artifact import open_artifact
    from hornet.novelty import ARRAYS

    document = dataclasses.asdict(open_artifact(file).contract)
    for name in ARRAYS if document["novelty"] else ():
        text = document["novelty"][name]
        digest = hashlib.sha256(text.encode()).hexdigest()
        document["novelty"][name] = f"{len(text) * 3 // 4} bytes, SHA-256 {digest[:16]}"
    return document


def _lineage(digest: str) -> dict[str, Any] | None:
    """Return what the registry knows of how a model came about, None if it doesn't keep it."""
    from hornet.registry import Registry

    registry = Registry()
    for entry in registry.index().entries:
        if entry.sha256 == digest:
            known = {"id": entry.id, "created": entry.created, "parent": entry.parent, "note": entry.note}
            return known | {"record": registry.record(entry.id)}
    return None


def _or_nothing(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _rows(registry: Any) -> Iterator[dict[str, Any]]:
    """Yield a row a model: the packed one first, then the registry's, oldest first."""
    from hornet.errors import ArtifactError
    from hornet.registry import packed_model, packed_path

    index = registry.index()
    packed, about = packed_path(), "not in this installation"
    if packed is not None:
        try:
            about = _about(packed_model())
        except ArtifactError as error:
            about = f"unusable: {error}"
    yield {
        "id": _PACKED,
        "champion": index.champion is None,
        "created": None,
        "parent": None,
        "path": None if packed is None else str(packed),
        "about": about,
    }
    for entry in index.entries:
        try:
            path = registry.model_path(entry.id)
            where, about = str(path), _about(path)
        except ArtifactError as error:
            where, about = None, f"unusable: {error}"
        yield {
            "id": entry.id,
            "champion": entry.id == index.champion,
            "created": entry.created,
            "parent": entry.parent,
            "path": where,
            "about": f"{about}; {entry.note}" if entry.note else about,
        }


def _about(path: Path) -> str:
    """Describe a model in a few words; a file that can't be opened says why."""
    from hornet.artifact import open_artifact
    from hornet.errors import ArtifactError

    try:
        return _describe(open_artifact(path).contract)
    except ArtifactError as error:
        return f"unusable: {error}"


def _describe(contract: Contract) -> str:
    quality = contract.quality.get("test") or {}
    area = quality.get("overall", {}).get("metrics", {}).get("roc_auc", {}).get("value")
    size = f"{contract.size[0]}x{contract.size[1]}"
    return f"{contract.precision} {size}" + ("" if area is None else f", test AUC {area:.4f}")


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a nested document as dotted names and values."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            for number, entry in enumerate(value):
                yield from _flat(entry, f"{name}.{number}.")
        else:
            yield name, value
