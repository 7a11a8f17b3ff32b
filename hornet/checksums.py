"""Files and their records: ``SHA256SUMS`` beside a file says what it was, in the format of ``sha256sum``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hornet.errors import ArtifactCorrupt

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

SUMS: Final = "SHA256SUMS"


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded(path: Path) -> str | None:
    """Return the SHA-256 that the record beside a file has for it; None without a record, or where it names others.

    Raises:
        ArtifactCorrupt: If the record can't be read.
    """
    record = path.parent / SUMS
    try:
        lines = record.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(f"{record} can't be read ({error}); fetch it again") from None
    for line in lines:
        digest, _, name = line.partition(" ")
        # A second blank says text, a star binary; both are the same bytes here.
        if name[1:] == path.name:
            return digest
    return None


def check_recorded(path: Path, *, needed: bool = False) -> None:
    """Refuse a file that isn't the one of which the record beside it speaks.

    Args:
        path: The file.
        needed: Whether a file without a record is refused too.

    Raises:
        ArtifactCorrupt: If the sums differ, or there is no record though one is needed.
    """
    expected = recorded(path)
    if expected is None:
        if needed:
            raise ArtifactCorrupt(
                f"{path} has no record in {path.parent / SUMS}, so nobody can tell whether it is the file that was sent"
            )
    elif sha256_file(path) != expected:
        raise ArtifactCorrupt(
            f"{path} isn't the file of its record (its SHA-256 differs from the one in {path.parent / SUMS}); it isn't "
            "used. Fetch it again, or return to another model with 'hornet models rollback'"
        )


def write_sums(files: Iterable[Path], folder: Path) -> None:
    """Write the record of these files of ``folder`` into it."""
    lines = "".join(f"{sha256_file(file)}  {file.name}\n" for file in sorted(files))
    (folder / SUMS).write_text(lines, encoding="utf-8", newline="\n")
