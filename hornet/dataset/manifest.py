"""The manifest: a CSV file with one picture a line.

Columns: ``path`` (relative to the manifest's folder) and ``label``; optional ``group``, ``source``,
``camera``, ``captured_at``, ``split``, ``species``, ``licence`` and ``mask``; others are kept.
"""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NoReturn

from hornet.dataset.labels import LABEL_WORDS, LABELS, parse_label, parse_split
from hornet.dataset.records import SPLITS, Dataset, Record, few, parse_time
from hornet.errors import ManifestInvalid
from hornet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hornet.images import Box

_REQUIRED = ("path", "label")
_TEXT = ("group", "source", "camera", "captured_at", "split", "species", "licence")
_KNOWN = (*_REQUIRED, *_TEXT, "mask")

#: File names may hold bytes that are no UTF-8: they travel as lone surrogates, as in os.fsdecode.
_ENCODING, _ERRORS = "utf-8", "surrogateescape"


def read_manifest(path: Path, *, require_labels: bool = True, check_files: bool = True) -> Dataset:
    """Read a manifest.

    Args:
        path: The CSV file, in UTF-8; separated by commas, semicolons or tabs.
        require_labels: Whether an empty label is an error.
        check_files: Whether every picture must be there.

    Returns:
        The pictures in the order of the lines.

    Raises:
        ManifestInvalid: For a missing column, an unknown label or split, a bad mask or time, a picture that
            isn't there or is named twice, or a file that can't be read. Messages carry line numbers.
    """
    rows = read_cells(path, _REQUIRED)
    if not rows:
        raise ManifestInvalid(f"{path} names no picture: it has only its first line.")
    columns = tuple(rows[0][1])
    reading = _Reading(path, require_labels)
    records = [reading.record(line, cells) for line, cells in rows]
    if check_files:
        missing = [
            f"{record.name} (line {line})"
            for record, (line, _) in zip(records, rows, strict=True)
            if not record.path.is_file()
        ]
        if missing:
            raise ManifestInvalid(
                f"{path}: {len(missing)} of {len(records)} pictures aren't there: {few(missing)}. "
                "Paths are relative to the manifest's folder."
            )
    return Dataset(tuple(records), path.parent, columns)


def write_manifest(dataset: Dataset, path: Path) -> None:
    """Write a manifest whole or not at all.

    Paths are written relative to the manifest's folder with ``/``, absolute only where no relative one
    exists (another drive). Columns keep their order; new ones come last.

    Raises:
        OSError: If the file can't be written.
    """
    filled = {name for record in dataset.records for name, value in _cells(record, "").items() if value}
    new = (*_REQUIRED, *(name for name in _KNOWN if name in filled), *sorted(filled))
    columns = tuple(dict.fromkeys((*dataset.columns, *new)))
    folder = path.parent.absolute()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    # Before Python 3.13 a lone carriage return isn't quoted by itself, and would end the row when read.
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows = (_cells(record, _relative(record.path, folder)) for record in dataset.records)
    for row in ({column: column for column in columns}, *rows):
        fields = [row.get(column, "") for column in columns]
        (quoting if any("\r" in cell for cell in fields) else writer).writerow(fields)
    write_atomically(path, text.getvalue().encode(_ENCODING, _ERRORS))


def read_cells(path: Path, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file whose first line names its columns.

    Args:
        path: File in UTF-8, with or without a byte order mark; commas, semicolons or tabs.
        required: Columns that must be there.

    Returns:
        For each row the number of its first line, and its cells by column. Columns that hornet knows are in
        lower case.

    Raises:
        ManifestInvalid: If the file can't be read as such.
    """
    rows = _rows(path)
    _, header = next(rows, (1, []))
    columns = _columns(path, header, required)
    result = []
    for line, fields in rows:
        if len(fields) != len(columns):
            raise ManifestInvalid(
                f"{path}, line {line}: has {len(fields)} fields, the first line has {len(columns)}. "
                "Put fields that hold a separator in double quotes."
            )
        result.append((line, dict(zip(columns, fields, strict=True))))
    return result


def parse_masks(text: str) -> tuple[Box, ...]:
    """Read rectangles ``x0 y0 x1 y1;...``, fractions of the upright picture.

    Raises:
        ValueError: If a rectangle hasn't four numbers with 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1.
    """
    boxes: list[Box] = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        numbers = tuple(float(n) for n in part.split())
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004 - corners
            raise ValueError(part)
        x0, y0, x1, y1 = numbers
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise ValueError(part)
        boxes.append((x0, y0, x1, y1))
    return tuple(boxes)


def format_masks(masks: tuple[Box, ...]) -> str:
    """Write rectangles so that reading them gives the same numbers."""
    return ";".join(" ".join(repr(float(n)) for n in box) for box in masks)


@dataclass
class _Reading:
    """What one pass over a manifest carries along."""

    path: Path
    require_labels: bool
    lines: dict[str, int] = field(default_factory=dict)

    def record(self, line: int, row: dict[str, str]) -> Record:
        where = self._locate(line, row["path"])
        split = parse_split(row.get("split", ""))
        if split is None:
            self.fail(line, f"unknown split {row['split']!r}. Use {', '.join(SPLITS)} or nothing.")
        return Record(
            name=_posix(row["path"]),
            path=where,
            label=self._label(line, row["label"]),
            split=split,
            masks=self._masks(line, row.get("mask", "")),
            captured_at=self._time(line, row.get("captured_at", "").strip()),
            extra=tuple((name, cell) for name, cell in row.items() if name not in _KNOWN),
            **{
                name: row.get(name, "").strip()
                for name in ("group", "source", "camera", "species", "licence")
            },
        )

    def _locate(self, line: int, text: str) -> Path:
        if not text.strip() or "\0" in text:
            self.fail(line, "has no usable path.")
        parts = PurePosixPath(_posix(text)).parts
        # Leading ".." are what write_manifest makes for pictures that live elsewhere; further inside they
        # only hide which file is meant.
        names = [i for i, part in enumerate(parts) if part != ".."]
        if ".." in parts[names[0] if names else 0 :]:
            self.fail(
                line, f"path {text!r} climbs out of a folder that it names. Write it without '..' inside."
            )
        where = self.path.parent / text
        if "\\" in text and not where.exists():
            where = self.path.parent / _posix(text)
        key = os.path.normcase(os.path.normpath(where))
        before = self.lines.setdefault(key, line)
        if before != line:
            self.fail(line, f"picture {text!r} is already in line {before}. Keep one of the two.")
        return where

    def _label(self, line: int, text: str) -> int | None:
        if not text.strip() and not self.require_labels:
            return None
        label = parse_label(text)
        if label is None:
            hint = "" if text.isprintable() else " Is the file saved as UTF-8?"
            self.fail(line, f"unknown label {text!r}. Known are {LABEL_WORDS}.{hint}")
        return label

    def _masks(self, line: int, text: str) -> tuple[Box, ...]:
        try:
            return parse_masks(text)
        except ValueError:
            self.fail(
                line, f"bad mask {text!r}. Write x0 y0 x1 y1 as fractions from 0 to 1, several with ';'."
            )

    def _time(self, line: int, text: str) -> str:
        try:
            if text:
                parse_time(text)
        except ValueError:
            self.fail(line, f"bad captured_at {text!r}. Write 2019-09-16 or 2019-09-16T13:58:06.")
        return text

    def fail(self, line: int, what: str) -> NoReturn:
        raise ManifestInvalid(f"{self.path}, line {line}: {what}")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row's first line, and its fields; blank rows are left out."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestInvalid(f"{path} can't be read: {error.strerror}.") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ManifestInvalid(f"{path} is UTF-16. Save it as CSV in UTF-8.")
    text = data.removeprefix(b"\xef\xbb\xbf").decode(_ENCODING, _ERRORS)
    first = text.partition("\n")[0]
    delimiter = next((d for d in (",", ";", "\t") if d in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise ManifestInvalid(f"{path}, line {line}: no valid CSV ({error}).") from error


def _columns(path: Path, header: list[str], required: Sequence[str]) -> tuple[str, ...]:
    names = [name.strip() for name in header]
    columns = tuple(name.lower() if name.lower() in _KNOWN else name for name in names)
    if missing := [name for name in required if name not in columns]:
        found = f"found {', '.join(columns)}" if columns else "the file is empty"
        raise ManifestInvalid(
            f"{path}, line 1: no column {' and no column '.join(missing)}; {found}. "
            f"The first line must name the columns, {' and '.join(required)} among them."
        )
    if doubled := sorted({name for name in columns if columns.count(name) > 1}):
        raise ManifestInvalid(f"{path}, line 1: column {', '.join(doubled)} is there twice. Rename one.")
    return columns


def _cells(record: Record, path: str) -> dict[str, str]:
    return {
        "path": path,
        "label": "" if record.label is None else LABELS[record.label],
        "mask": format_masks(record.masks),
        **{name: getattr(record, name) for name in _TEXT},
        **dict(record.extra),
    }


def _relative(picture: Path, folder: Path) -> str:
    """Return a path from a folder to a picture; see write_manifest."""
    picture = picture.absolute()
    if picture.is_relative_to(folder) and ".." not in picture.relative_to(folder).parts:
        return picture.relative_to(folder).as_posix()
    # Where links are on the way, ".." leads up from where they point: both ends must be the real ones.
    real = Path(os.path.realpath(picture.parent), picture.name)
    try:
        return PurePath(os.path.relpath(real, os.path.realpath(folder))).as_posix()
    except ValueError:  # two drives of Windows
        return real.as_posix()


def _posix(text: str) -> str:
    return PureWindowsPath(text).as_posix() if "\\" in text else text
