"""Rows that ``hornet predict`` wrote, read back."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.records import parse_time
from hornet.decision import CLASSES, UNSURE
from hornet.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Columns beyond predict's own that a manifest knows, too.
_KEPT: Final = ("group", "source", "camera", "captured_at", "species", "licence")
_NEEDED: Final = ("path", "label", "probability")
# Outside JSON, bytes of a name that are no text are written so.
_ESCAPED: Final = re.compile(r"\\udc([89a-f][0-9a-f])")
_HELP: Final = (
    "Name what 'hornet predict --output' wrote as CSV, JSON, JSON lines or Parquet, or a folder of pictures."
)


@dataclass(frozen=True, slots=True)
class Row:
    """What a prediction said of one picture.

    Attributes:
        path: As the row has it.
        label: ``present``, ``absent`` or ``unsure``; empty where there is no verdict.
        probability: Calibrated, 0 to 1; NaN where there is no verdict.
        error: Why there is none, or empty.
        columns: Of those that a manifest knows, what the row has.
    """

    path: str
    label: str
    probability: float
    error: str
    columns: dict[str, str]


def read_results(path: Path) -> list[Row]:
    """Read results in any of the formats that keep a row a picture.

    Raises:
        ConfigError: If the file can't be read or holds something else.
        MissingExtra: If it is Parquet, and what reads that isn't installed.
    """
    try:
        read = {".json": _json, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
        documents = list(read.get(path.suffix.lower(), _csv)(path))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path} is no list of results ({error}). {_HELP}") from None
    if not documents:
        raise ConfigError(f"{path} has no row. {_HELP}")
    missing = [name for name in _NEEDED if name not in documents[0]]
    if missing:
        raise ConfigError(f"{path} has no {' and no '.join(missing)}. {_HELP}")
    return [_row(path, at, document) for at, document in enumerate(documents, 1)]


def locate(row: Row, results: Path) -> str:
    """Return where a row's picture is: as written, from here, else from the folder of the results."""
    for name in (row.path, _ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), row.path)):
        for path in (name, os.path.join(results.parent, name)):  # noqa: PTH118 - names stay as typed
            if os.path.lexists(path):
                return path
    return row.path


def _row(path: Path, at: int, document: dict[str, Any]) -> Row:
    label = str(document["label"] or "")
    try:
        probability = float(document["probability"]) if label else float("nan")
    except (TypeError, ValueError):
        probability = -1.0
    if label and (label not in {*CLASSES, UNSURE} or not 0 <= probability <= 1):
        raise ConfigError(
            f"{path}, row {at}: {label!r} with {document['probability']!r} is no verdict. {_HELP}"
        )
    columns = {name: str(value) for name in _KEPT if (value := document.get(name))}
    try:
        parse_time(columns.get("captured_at") or "2000-01-01")
    except ValueError:
        wrong = columns["captured_at"]
        raise ConfigError(
            f"{path}, row {at}: captured_at {wrong!r} is no time such as 2019-09-16T13:58:06."
        ) from None
    return Row(str(document["path"]), label, probability, str(document.get("error") or ""), columns)


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    for at, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True), 2):
        if None in row or None in row.values():
            raise ValueError(f"row {at} hasn't as many fields as the first line")
        yield dict(row)


def _json(path: Path) -> Iterator[dict[str, Any]]:
    yield from _objects(json.loads(path.read_bytes()))


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from _objects([json.loads(line) for line in path.read_bytes().splitlines() if line.strip()])


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise ValueError("not an array of rows")
    yield from document


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingExtra("parquet", f"reading {path}") from None
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from None
    yield from rows
