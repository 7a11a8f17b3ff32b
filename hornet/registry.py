"""The models on disk: champion, challengers, promote, roll back.

A folder: ``index.json`` names the champion, the champions before it and every entry; each entry is
a folder ``models/<first 16 digits of the SHA-256>/`` with ``hornet.onnx``, ``record.json`` and, if
it was trained here, ``weights.safetensors``. Which model is used:

``--model`` > ``HORNET_MODEL`` > the registry's champion > the model packed with this software.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hornet.artifact import sha256_file
from hornet.errors import ArtifactCorrupt, ArtifactMissing, ConfigError

if TYPE_CHECKING:
    from hornet.classifier import Classifier

PACKED_NAME: Final = "hornet-resnet18.onnx"
PACKED_WEIGHTS_NAME: Final = "hornet-resnet18.safetensors"
PACKED_BANK_NAME: Final = "hornet-resnet18-bank.safetensors"
_ID_DIGITS: Final = 16


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


class Registry:
    """A registry folder; made when something is first added.

    Args:
        folder: None: ``HORNET_REGISTRY``, else the user's data folder; never the working folder.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()

    def index(self) -> Index:
        """Read the table of contents; empty where there is no registry yet.

        Raises:
            ArtifactCorrupt: If it can't be read.
        """
        path = self.folder / "index.json"
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

    def model_path(self, identifier: str) -> Path:
        """Return an entry's model file.

        Raises:
            ArtifactMissing: If there is no such entry, or its file is gone.
            ArtifactCorrupt: If the file isn't the one that was added.
        """
        entry = self.index().entry(identifier)
        path = self._home(entry.id) / "hornet.onnx"
        if not path.is_file():
            raise ArtifactMissing(f"{path} is gone; run 'hornet models rollback' or train again")
        if sha256_file(path) != entry.sha256:
            raise ArtifactCorrupt(
                f"{path} isn't the file that was added (its SHA-256 differs); it isn't used"
            )
        return path

    def weights_path(self, identifier: str) -> Path | None:
        """Return an entry's float weights, None where it has none."""
        path = self._home(self.index().entry(identifier).id) / "weights.safetensors"
        return path if path.is_file() else None

    def champion_path(self) -> Path | None:
        """Return the champion's model file, None where the packed model is the champion."""
        champion = self.index().champion
        return None if champion is None else self.model_path(champion)

    def add(
        self, model: Path, *, weights: Path | None = None, parent: str, note: str, record: dict[str, Any]
    ) -> Entry:
        """Keep a model as a challenger; a model that is kept already stays as it is.

        Args:
            model: The ONNX file; copied.
            weights: Its float weights; copied.
            parent: Where its weights came from.
            note: Why it is kept.
            record: Facts to keep beside it: figures, configuration.
        """
        digest = sha256_file(model)
        index = self.index()
        for entry in index.entries:
            if entry.sha256 == digest:
                return entry
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        entry = Entry(digest[:_ID_DIGITS], digest, now, parent, note)
        (self.folder / "models").mkdir(parents=True, exist_ok=True)
        # Filled under another name, then renamed: half an entry is never seen.
        draft = Path(tempfile.mkdtemp(dir=self.folder / "models", prefix=".new-"))
        try:
            shutil.copyfile(model, draft / "hornet.onnx")
            if weights is not None:
                shutil.copyfile(weights, draft / "weights.safetensors")
            (draft / "record.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
            if self._home(entry.id).exists():  # left by a run that died before it wrote the index
                shutil.rmtree(self._home(entry.id))
            draft.rename(self._home(entry.id))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._write(dataclasses.replace(index, entries=(*index.entries, entry)))
        return entry

    def promote(self, identifier: str) -> Entry:
        """Make an entry the champion."""
        index = self.index()
        entry = index.entry(identifier)
        self.model_path(entry.id)  # refuse a damaged one before it is in use
        if entry.id != index.champion:
            self._write(
                dataclasses.replace(index, champion=entry.id, history=(*index.history, index.champion))
            )
        return entry

    def rollback(self) -> Entry | None:
        """Return to the champion before this one.

        Returns:
            The entry that is in use now, None for the packed model.

        Raises:
            ConfigError: If there is no earlier champion.
        """
        index = self.index()
        if not index.history:
            raise ConfigError("there is no earlier champion to roll back to; the packed model is in use")
        *history, champion = index.history
        if champion is not None:
            self.model_path(champion)
        self._write(dataclasses.replace(index, champion=champion, history=tuple(history)))
        return None if champion is None else index.entry(champion)

    def _home(self, identifier: str) -> Path:
        return self.folder / "models" / identifier

    def _write(self, index: Index) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self.folder, prefix=".index-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(dataclasses.asdict(index), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.folder / "index.json")
        finally:
            Path(draft).unlink(missing_ok=True)


def default_folder() -> Path:
    """Return ``HORNET_REGISTRY``, else the registry in the user's data folder."""
    if folder := os.environ.get("HORNET_REGISTRY"):
        return Path(folder)
    import platformdirs

    return platformdirs.user_data_path("hornet", appauthor=False) / "registry"


def packed_path(name: str = PACKED_NAME) -> Path | None:
    """Return a file packed with this software: in the wheel, or in the checkout's ``models/``."""
    package = Path(__file__).parent
    for folder in (package / "_artifact", package.parent / "models"):
        if (folder / name).is_file():
            return folder / name
    return None


def resolve_model(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return the model file to use; see the module's first lines for the order.

    Raises:
        ArtifactMissing: If there is none at all.
        ArtifactCorrupt: If the registry's champion is damaged.
    """
    if explicit:
        return Path(explicit)
    if named := os.environ.get("HORNET_MODEL"):
        return Path(named)
    path = Registry().champion_path() or packed_path()
    if path is None:
        raise ArtifactMissing(
            "no model is packed with this installation; pass one with --model, or train one with 'hornet train'"
        )
    return path


def load(model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Classifier:
    """Open the model to use: ``load().predict("a.jpg")``.

    Args:
        model: A model file; None: ``HORNET_MODEL``, else the champion, else the packed one.
        threads: Threads of the network; None: as many as the process may use.
    """
    from hornet.classifier import Classifier

    return Classifier.open(resolve_model(model), threads=threads)
