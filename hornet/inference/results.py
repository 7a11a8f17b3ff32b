"""Rows that ``hornet predict`` wrote, read back: CSV, JSON, JSON lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.decision import ABSENT, PRESENT, UNSURE
from hornet.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LABELS: Final = (PRESENT, ABSENT, UNSURE)
_NEEDED: Final = ("path", "label", "probability")


@dataclass(frozen=True, slots=True)
class Result:
    """One row.

    Attributes:
        path: What it is about.
        label: ``present``, ``absent`` or ``unsure``; empty: it failed.
        probability: Of presence; None: it failed.
        novelty: As ``--unknown`` writes it; None where it isn't there.
        captured_at: As ``--exif`` writes it, or empty.
        camera: Likewise.
    """

    path: str
    label: str
    probability: float | None
    novelty: float | None = None
    captured_at: str = ""
    camera: str = ""


def read_results(path: Path) -> list[Result]:
    """Read a file of rows.

    Args:
        path: Of ``.csv``, ``.json``, ``.jsonl``, ``.ndjson`` or ``.parquet``.

    Raises:
        ConfigError: If it can't be read, or holds no such rows.
        MissingExtra: If it is Parquet and pyarrow isn't there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"can't read {path}: {error.strerror or error}; name what 'hornet predict -o FILE' wrote"
        ) from None
    rows = list(_rows(path, data))
    if not rows:
        raise ConfigError(f"{path} holds no rows; name what 'hornet predict -o FILE' wrote")
    return [_result(path, number, row) for number, row in enumerate(rows, 1)]


def _rows(path: Path, data: bytes) -> Iterable[Mapping[str, Any]]:
    kind = path.suffix.lower()
    if kind == ".parquet" or data[:4] == b"PAR1":
        return _parquet(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8; name what 'hornet predict -o FILE' wrote") from None
    start = text.lstrip()[:1]
    if start in {"[", "{"}:
        return _json(path, text, lines=start == "{")
    # Strict: a row with other cells than the header has is damage, and no verdict.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    return _csv(path, reader)


def _csv(path: Path, reader: Any) -> Iterator[Mapping[str, Any]]:
    try:
        header: list[str] = next(reader, [])
        _check_columns(path, header)
        for row in reader:
            if len(row) != len(header):
                raise ConfigError(
                    f"{path}, line {reader.line_num}: {len(row)} cells under {len(header)} columns; it was cut off or "
                    "edited: predict again"
                )
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: {error}; predict again") from None


def _json(path: Path, text: str, *, lines: bool) -> Iterator[Mapping[str, Any]]:
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: no JSON that 'hornet predict' writes ({error})") from None
    if lines and len(rows) == 1 and "images" in rows[0]:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(
            f"{path}: MegaDetector's format or another; predict to CSV, JSON, JSON lines or Parquet"
        )
    for row in rows:
        _check_columns(path, row)
        yield row


def _parquet(path: Path, data: bytes) -> Iterable[Mapping[str, Any]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("parquet", f"{path.name}") from None
    try:
        table = parquet.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{path}: damaged ({' '.join(str(error).split())[:200]}); predict again") from None
    _check_columns(path, table.column_names)
    rows: list[Mapping[str, Any]] = table.to_pylist()
    return rows


def _check_columns(path: Path, names: Iterable[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise ConfigError(
            f"{path} has no {', '.join(missing)}; name what 'hornet predict -o FILE' wrote as CSV, JSON, JSON lines or "
            "Parquet"
        )


def _result(path: Path, number: int, row: Mapping[str, Any]) -> Result:
    label = row["label"] or ""
    probability, novelty = (_number(path, number, row.get(name)) for name in ("probability", "novelty"))
    if label and (label not in _LABELS or probability is None):
        raise ConfigError(f"{path}, row {number}: {label!r} with probability {probability} is no verdict")
    return Result(
        str(row["path"]),
        label,
        probability,
        novelty,
        str(row.get("captured_at") or ""),
        str(row.get("camera") or ""),
    )


def _number(path: Path, number: int, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ConfigError(f"{path}, row {number}: {value!r} is no number")
    return found
