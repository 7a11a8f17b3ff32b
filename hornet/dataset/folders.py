"""Folders as labels: one folder a class, or train, validation and test folders that hold such folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hornet.dataset.labels import LABEL_WORDS, LABELS, parse_label, parse_split
from hornet.dataset.records import Dataset, Record
from hornet.errors import ManifestInvalid
from hornet.images import IMAGE_EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class _ClassFolder:
    path: Path
    label: int
    split: str


def import_folder(folder: Path) -> tuple[Dataset, dict[str, str]]:
    """Read a folder of class folders.

    Args:
        folder: Holds one folder a class, by any of the known words, with pictures at any depth; or folders
            named train, validation (val) and test that hold such folders. Hidden files are skipped.

    Returns:
        The pictures sorted by name, and which folder was understood as which class.

    Raises:
        ManifestInvalid: If a class is unknown, missing, empty or there twice; the message lists what was found.
    """
    tops = _folders(folder)
    splits = {top.name: split for top in tops if (split := parse_split(top.name))}
    layout: list[_ClassFolder] = []
    if splits and len(splits) == len(tops):
        _unique(folder, splits)
        for top in tops:
            layout += _classes(top, splits[top.name])
    else:
        layout = _classes(folder, "")
    records: list[Record] = []
    others = 0
    for entry in layout:
        before = len(records)
        for path in _files(entry.path):
            if path.suffix.lower() not in IMAGE_EXTENSIONS:
                others += 1
                continue
            name = path.relative_to(folder).as_posix()
            records.append(Record(name=name, path=path, label=entry.label, split=entry.split))
        if len(records) == before:
            raise ManifestInvalid(f"{entry.path} holds no picture. {_found(entry.path.parent)}")
    records.sort(key=lambda record: record.name)
    mapping = {e.path.relative_to(folder).as_posix(): LABELS[e.label] for e in layout}
    notes = [f"folder {name} -> {label}" for name, label in mapping.items()]
    if others:
        notes.append(f"{others} files that are no pictures were passed over")
    stray = sum(_is_picture(p) for top in {folder, *(e.path.parent for e in layout)} for p in top.iterdir())
    if stray:
        notes.append(f"{stray} pictures outside the class folders were passed over")
    columns = ("path", "label", "split") if splits else ("path", "label")
    return Dataset(tuple(records), folder, columns, tuple(notes)), mapping


def _classes(folder: Path, split: str) -> list[_ClassFolder]:
    """Find the two class folders of a folder."""
    tops = _folders(folder)
    unknown = [top.name for top in tops if parse_label(top.name) is None]
    if unknown:
        manifest = folder / "manifest.csv"
        hint = f" Or pass {manifest} itself." if manifest.is_file() else ""
        raise ManifestInvalid(f"{folder}: unknown class {', '.join(unknown)}. {_found(folder)}{hint}")
    found = [_ClassFolder(top, label, split) for top in tops if (label := parse_label(top.name)) is not None]
    for number, name in enumerate(LABELS):
        count = sum(entry.label == number for entry in found)
        if count != 1:
            what = "no folder" if count == 0 else f"{count} folders"
            raise ManifestInvalid(f"{folder}: {what} for the class {name}. {_found(folder)}")
    return found


def _unique(folder: Path, splits: dict[str, str]) -> None:
    if len(set(splits.values())) != len(splits):
        raise ManifestInvalid(f"{folder}: two folders for one split. {_found(folder)}")


def _found(folder: Path) -> str:
    """Say what lies in a folder and what is understood."""
    counts = [f"{top.name} ({sum(map(_is_picture, _files(top)))} pictures)" for top in _folders(folder)]
    listed = ", ".join(counts) if counts else "no folders"
    return f"Found {listed}. Needed is one folder for each class, named {LABEL_WORDS}."


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, hidden ones left out."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(files) if not name.startswith("."))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_EXTENSIONS and not path.name.startswith(".") and path.is_file()
