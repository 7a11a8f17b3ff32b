"""What is in a folder, sorted, with kinds told apart."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A folder with this file holds heatmaps, not pictures to look at: it isn't scanned.
HEATMAP_MARK: Final = ".hornet-heatmaps"
#: A folder with this file holds pictures sorted by verdict: it isn't scanned unless it is named.
SORTED_MARK: Final = ".hornet-sorted"

FILE: Final = "file"
FOLDER: Final = "folder"
LINKED_FOLDER: Final = "linked folder"
OTHER: Final = "other"  # sockets, pipes, devices


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder's entries; a million of them must fit.

    Attributes:
        names: Sorted.
        kinds: What isn't a plain file.
        is_heatmaps: Whether it is marked as a folder of heatmaps.
        is_sorted: Whether it is marked as a folder of sorted pictures.
    """

    names: list[str]
    kinds: dict[str, str]
    is_heatmaps: bool = False
    is_sorted: bool = False

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield names and kinds."""
        return ((name, self.kinds.get(name, FILE)) for name in self.names)


def list_folder(folder: str, *, hidden: bool = False) -> Listing:
    """List a folder, sorted by code points.

    Args:
        folder: Empty for the working folder.
        hidden: Whether to list hidden entries as well.

    Raises:
        OSError: If it can't be listed.
    """
    names: list[str] = []
    kinds: dict[str, str] = {}
    marks = {HEATMAP_MARK: False, SORTED_MARK: False}
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            if entry.name in marks:
                marks[entry.name] = True
            if not hidden and _is_hidden(entry):
                continue
            names.append(entry.name)
            kind = _kind(entry)
            if kind != FILE:
                kinds[entry.name] = kind
    names.sort()
    return Listing(names, kinds, *marks.values())


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return LINKED_FOLDER if entry.is_symlink() or _is_junction(entry.path) else FOLDER
        if entry.is_file():
            return FILE
        # A link that leads nowhere gets a row that says so; a pipe would block us for ever.
        return FILE if entry.is_symlink() and not os.path.exists(entry.path) else OTHER
    except OSError:
        return FILE  # reading it will say why it can't be


#: Windows: another kind of link, which is_symlink doesn't see. Python 3.12 and later can tell.
_is_junction: Callable[[str], bool] = getattr(os.path, "isjunction", lambda path: False)  # noqa: ARG005


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return True
    if sys.platform == "win32":
        try:
            attributes = entry.stat(follow_symlinks=False).st_file_attributes
        except OSError:
            return False
        return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)
    return False
