"""Where files made from sources belong inside a folder: paths kept, no two in one place, none outside."""

from __future__ import annotations

import itertools
import os
import re
import sys
import urllib.parse
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hornet.inference.sources import Source


def first_free(stem: str, extension: str, is_free: Callable[[str], bool]) -> str:
    """Return the first of ``stem.ext``, ``stem-2.ext``, ``stem-3.ext`` and so on that is free."""
    names = (f"{stem}-{number}{extension}" for number in itertools.count(2))
    return next(name for name in itertools.chain([stem + extension], names) if is_free(name))


def relative_path(source: Source) -> str:
    """Return where what is made of a source belongs inside a folder, with the source's extension.

    Never absolute, never with ``..``: nothing is written outside.
    """
    if source.remote:
        # Query and credentials stay out of file names; what is left is made a name on every system.
        parts = [re.sub(r"[^A-Za-z0-9._~%-]", "_", part) for part in _address_parts(source.name)]
    else:
        path = PurePath(source.relative)
        parts = [path.name] if path.is_absolute() else [part for part in path.parts if part != path.anchor]
    parts = [part for part in parts if part.strip(".") or part.strip(". ")]
    return os.path.join(*parts) if parts else "picture"


def _address_parts(name: str) -> list[str]:
    try:
        address = urllib.parse.urlsplit(name)
        port = address.port
    except ValueError:
        return []
    return [(address.hostname or "") + (f"_{port}" if port else ""), *address.path.split("/")]


def folded(name: str, *, everywhere: bool = False) -> str:
    """Return what two names have in common if the file system takes them for the same.

    Args:
        name: A name or path.
        everywhere: Whether any file system might: memory cards and shares have rules of their own.
    """
    if everywhere or sys.platform in {"win32", "darwin"}:
        import unicodedata

        return unicodedata.normalize("NFC", name).casefold()
    return name
