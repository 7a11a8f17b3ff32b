"""One number for a data set: the same pictures with the same labels and masks, wherever they lie."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hornet.dataset.manifest import format_masks
from hornet.errors import ManifestInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from hornet.dataset.records import Dataset


def fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of what there is to learn from.

    Names, order, groups and splits don't matter; contents, labels and masks do.

    Returns:
        64 hexadecimal digits.

    Raises:
        ManifestInvalid: If a picture can't be read.
    """
    lines = sorted(
        f"{file_digest(record.path)} {'' if record.label is None else record.label} {format_masks(record.masks)}"
        for record in dataset.records
    )
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    Raises:
        ManifestInvalid: If it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ManifestInvalid(f"{path} can't be read: {error.strerror}. Is it still there?") from error
