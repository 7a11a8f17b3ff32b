"""The resumable state of a run: written whole or not at all, checked when it is read.

``checkpoint/last.pt`` is the newest, ``checkpoint/previous.pt`` the one before, in case the newest is
damaged. A file is a magic number, the SHA-256 of what follows, and a dictionary by ``torch.save``.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from hornet.errors import ConfigError
from hornet.files import atomic_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

_MAGIC: Final = b"HORNETC1"
_DIGEST = 32  # bytes of a SHA-256


class _Digesting(io.RawIOBase):
    """A file that is only written, and remembers the SHA-256 of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write ``state`` as the newest checkpoint and keep the one before.

    Args:
        folder: The run's checkpoint folder.
        state: Tensors, numbers, strings, and lists and dictionaries of them.
    """
    last = folder / "last.pt"
    fresh = folder / "fresh.pt"
    for partial in folder.glob(".*.tmp"):  # of a run that was killed while writing
        partial.unlink()
    with atomic_file(fresh) as file:
        file.write(_MAGIC + bytes(_DIGEST))
        # Straight into the file: copies of 180 MB in memory would cost as much as the rest.
        digesting = _Digesting(file)
        torch.save(state, cast("BinaryIO", digesting))
        file.seek(len(_MAGIC))
        file.write(digesting.digest.digest())
    if last.is_file():
        last.replace(folder / "previous.pt")
    fresh.replace(last)
    sync_folder(folder)


def load_checkpoint(folder: Path, *, report: Callable[[str], None]) -> dict[str, Any] | None:
    """Read the newest checkpoint that is whole, onto the CPU.

    Damaged ones are removed once a whole one is found: else the next save would put one in its place.

    Args:
        folder: The run's checkpoint folder.
        report: Told if it isn't the newest.

    Returns:
        The state, or None if there is none: the run begins anew.

    Raises:
        ConfigError: If there are checkpoints, and all are damaged.
    """
    damaged: list[str] = []
    # A fresh one is only there if the run was killed while it was being put in place.
    for name in ("fresh.pt", "last.pt", "previous.pt"):
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        payload = data[len(_MAGIC) + _DIGEST :]
        if data.startswith(_MAGIC) and data[len(_MAGIC) :][:_DIGEST] == hashlib.sha256(payload).digest():
            state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            for bad in damaged:
                report(f"checkpoint {bad} is damaged: falling back to {name}")
                (folder / bad).unlink()
            return state
        damaged.append(name)
    if damaged:
        raise ConfigError(
            f"{folder}: {', '.join(damaged)} can't be used: damaged; train again with another --out"
        )
    return None
