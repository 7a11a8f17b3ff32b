"""``hornet models``: which models there are, what one says about itself, whether it still answers the same."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornet.cli.common import Exit, JsonOption, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hornet.artifact import Contract

app = typer.Typer(
    help="List, show, verify and roll back models.", no_args_is_help=True, rich_markup_mode=None
)

_PACKED = "packed"


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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Model file.")], json_file: JsonOption = None
) -> None:
    """Print what a model file says about itself: its whole contract, golden pictures left out."""
    import dataclasses

    from hornet.artifact import open_artifact, sha256_file

    contract = open_artifact(file).contract
    document = dataclasses.asdict(contract)
    for golden in document["golden"]:
        golden["jpeg"] = f"{len(golden['jpeg']) * 3 // 4} bytes"
    document = {"file": str(file), "bytes": file.stat().st_size, "sha256": sha256_file(file), **document}
    if json_file != "-":
        for name, value in _flat(document):
            typer.echo(f"{name}: {value}")
    emit_json(document, json_file)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Model file.")], json_file: JsonOption = None
) -> None:
    """Replay a model's golden examples, from bytes to probability; exit 1 if an answer differs.

    What it shows: file, decoder and runtime on this machine do what they did where the model was made.
    """
    from hornet.classifier import Classifier, replay_golden
    from hornet.errors import ArtifactIncompatible

    results = replay_golden(Classifier.open(file))
    if not results:
        raise ArtifactIncompatible(f"{file} has no golden examples to replay; export it again")
    bad = [result for result in results if not result.ok]
    if json_file != "-":
        for result in results:
            typer.echo(
                f"{'ok      ' if result.ok else 'DIFFERS '} {result.name}: expected {result.expected:.6f}, "
                f"got {result.got:.6f}, tolerance {result.tolerance:g}"
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


@app.command()
def rollback(json_file: JsonOption = None) -> None:
    """Return to the champion before this one."""
    from hornet.registry import Registry

    entry = Registry().rollback()
    champion = _PACKED if entry is None else entry.id
    if json_file != "-":
        typer.echo(f"champion: {champion}")
    emit_json({"champion": champion}, json_file)


def _rows(registry: Any) -> Iterator[dict[str, Any]]:
    """Yield a row a model: the packed one first, then the registry's, oldest first."""
    from hornet.errors import ArtifactError
    from hornet.registry import packed_path

    index = registry.index()
    packed = packed_path()
    yield {
        "id": _PACKED,
        "champion": index.champion is None,
        "created": None,
        "parent": None,
        "path": None if packed is None else str(packed),
        "about": "not in this installation" if packed is None else _about(packed),
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
