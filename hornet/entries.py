"""The registry's table of contents: which models are kept, which is in use, and which were before it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hornet.errors import ArtifactCorrupt, ArtifactMissing
from hornet.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_INDEX: Final = "index.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that the registry keeps.

    Attributes:
        id: First 16 hexadecimal digits of the model file's SHA-256.
        sha256: SHA-256 of the model file.
        created: When it came, UTC, ISO 8601.
        parent: Where its weights came from: an id, ``packed``, or a name.
        note: Why it was promoted or not.
    """

    id: str
    sha256: str
    created: str
    parent: str
    note: str


@dataclass(frozen=True, slots=True)
class Index:
    """The registry's table of contents.

    Attributes:
        champion: Id of the entry in use; None: the packed model is.
        history: Champions before it, oldest first; None stands for the packed model.
        entries: Every entry, oldest first.
    """

    champion: str | None = None
    history: tuple[str | None, ...] = ()
    entries: tuple[Entry, ...] = ()

    def entry(self, identifier: str) -> Entry:
        """Return the entry whose id starts with ``identifier``.

        Raises:
            ArtifactMissing: If there is none, or more than one.
        """
        found = [entry for entry in self.entries if entry.id.startswith(identifier)]
        if len(found) != 1:
            kept = ", ".join(entry.id for entry in self.entries) or "nothing"
            raise ArtifactMissing(
                f"{len(found)} models in the registry start with {identifier!r}; it keeps {kept}"
            )
        return found[0]


def read_index(folder: Path) -> Index:
    """Read the table of contents of a registry; empty where there is none yet.

    Raises:
        ArtifactCorrupt: If it can't be read.
    """
    path = folder / _INDEX
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Index(
            document["champion"],
            tuple(document["history"]),
            tuple(Entry(**entry) for entry in document["entries"]),
        )
    except FileNotFoundError:
        return Index()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(
            f"the registry's index {path} can't be read ({error}); restore it, or set HORNET_REGISTRY "
            "to another folder"
        ) from None


def write_index(folder: Path, index: Index) -> None:
    """Write the table of contents whole or not at all; whoever does holds the registry's lock."""
    write_atomically(folder / _INDEX, json.dumps(dataclasses.asdict(index), indent=2).encode())
