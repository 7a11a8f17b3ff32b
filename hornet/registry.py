"""The models on disk: champion, challengers, promote, roll back.

A folder: ``index.json`` names the champion, the champions before it and every entry; each entry is
a folder ``models/<first 16 digits of the SHA-256>/`` with ``hornet.onnx``, ``record.json``, if it was trained
here ``weights.safetensors`` and ``bank.safetensors``, and ``SHA256SUMS``. Files of an entry never change; what
changes the index holds ``lock``. Which model is used:

``--model`` > ``HORNET_MODEL`` > the registry's champion > the model packed with this software.

Whatever is loaded is the file that was added or packed, or it isn't loaded.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hornet.checksums import SUMS, check_recorded, recorded, sha256_file, write_sums
from hornet.entries import Entry, Index, read_index, write_index
from hornet.errors import ArtifactCorrupt, ArtifactMissing, ConfigError
from hornet.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hornet.classifier import Classifier

PACKED: Final = "packed"
CHAMPION: Final = "champion"
PACKED_NAME: Final = "hornet-resnet18.onnx"
PACKED_WEIGHTS_NAME: Final = "hornet-resnet18.safetensors"
PACKED_BANK_NAME: Final = "hornet-resnet18-bank.safetensors"
MODEL_FILE: Final = "hornet.onnx"
WEIGHTS_FILE: Final = "weights.safetensors"
BANK_FILE: Final = "bank.safetensors"
RECORD_FILE: Final = "record.json"
_ID_DIGITS: Final = 16


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
        return read_index(self.folder)

    def model_path(self, identifier: str) -> Path:
        """Return an entry's model file.

        Raises:
            ArtifactMissing: If there is no such entry, or its file is gone.
            ArtifactCorrupt: If the file isn't the one that was added.
        """
        entry = self.index().entry(identifier)
        path = self.home(entry.id) / MODEL_FILE
        if not path.is_file():
            raise ArtifactMissing(f"{path} is gone; run 'hornet models rollback' or train again")
        if sha256_file(path) != entry.sha256:
            raise ArtifactCorrupt(
                f"{path} isn't the file that was added (its SHA-256 differs); it isn't used. 'hornet models rollback' "
                "returns to the champion before it"
            )
        return path

    def weights_path(self, identifier: str) -> Path | None:
        """Return an entry's float weights, None where it has none.

        Raises:
            ArtifactMissing: If there is no such entry.
            ArtifactCorrupt: If they aren't those that were added.
        """
        return self._part(identifier, WEIGHTS_FILE)

    def bank_path(self, identifier: str) -> Path | None:
        """Return the bank of an entry's weights, None where it has none; raises as :meth:`weights_path`."""
        return self._part(identifier, BANK_FILE)

    def record(self, identifier: str) -> dict[str, Any]:
        """Return what is known of how an entry came about: data, settings, figures.

        Raises:
            ArtifactMissing: If there is no such entry.
            ArtifactCorrupt: If its record was changed or can't be read.
        """
        path = self._part(identifier, RECORD_FILE)
        try:
            document = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArtifactCorrupt(f"{path} can't be read ({error})") from None
        return dict(document)

    def _part(self, identifier: str, name: str) -> Path | None:
        path = self.home(self.index().entry(identifier).id) / name
        if not path.is_file():
            return None
        check_recorded(path)
        return path

    def champion_path(self) -> Path | None:
        """Return the champion's model file, None where the packed model is the champion."""
        champion = self.index().champion
        return None if champion is None else self.model_path(champion)

    def add(
        self,
        model: Path,
        *,
        weights: Path | None = None,
        bank: Path | None = None,
        parent: str,
        note: str,
        record: Mapping[str, Any],
    ) -> Entry:
        """Keep a model as a challenger; a model that is kept already stays as it is.

        Args:
            model: The ONNX file; copied.
            weights: Its float weights; copied.
            bank: What they make of the pictures they learned from; copied.
            parent: Where its weights came from.
            note: Why it is kept.
            record: How it came about: data, settings, figures. It travels with the entry: no places of this machine.
        """
        (self.folder / "models").mkdir(parents=True, exist_ok=True)
        # Filled under another name, then renamed: half an entry is never seen.
        draft = Path(tempfile.mkdtemp(dir=self.folder / "models", prefix=".new-"))
        try:
            for source, name in ((model, MODEL_FILE), (weights, WEIGHTS_FILE), (bank, BANK_FILE)):
                if source is not None:
                    shutil.copyfile(source, draft / name)
            (draft / RECORD_FILE).write_text(json.dumps(record, indent=2), encoding="utf-8")
            write_sums(list(draft.iterdir()), draft)
            # Of the copy, so that it is the one that was read whole.
            digest = sha256_file(draft / MODEL_FILE)
            with self.changing() as index:
                for entry in index.entries:
                    if entry.sha256 == digest:
                        return entry
                now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
                entry = Entry(digest[:_ID_DIGITS], digest, now, parent, note)
                if self.home(entry.id).exists():  # left by a run that died before it wrote the index
                    shutil.rmtree(self.home(entry.id))
                draft.chmod(0o755)  # others, such as the server, read it too
                draft.rename(self.home(entry.id))
                write_index(self.folder, dataclasses.replace(index, entries=(*index.entries, entry)))
                return entry
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def promote(self, identifier: str) -> Entry | None:
        """Make an entry the champion, or with ``packed`` the packed model.

        Returns:
            The entry that is in use now, None for the packed model.

        Raises:
            ArtifactError: If it isn't there or was changed.
        """
        with self.changing() as index:
            entry = None if identifier == PACKED else index.entry(identifier)
            if entry is not None:
                self.model_path(entry.id)  # refuse a damaged one before it is in use
            champion = None if entry is None else entry.id
            if champion != index.champion:
                write_index(
                    self.folder,
                    dataclasses.replace(index, champion=champion, history=(*index.history, index.champion)),
                )
            return entry

    def rollback(self) -> Entry | None:
        """Return to the champion before this one.

        Returns:
            The entry that is in use now, None for the packed model.

        Raises:
            ConfigError: If there is no earlier champion.
            ArtifactError: If it isn't there or was changed; then the champion stays.
        """
        with self.changing() as index:
            if not index.history:
                raise ConfigError(
                    "there is no earlier champion to roll back to; the packed model is in use"
                    if index.champion is None
                    else "there is no earlier champion to roll back to"
                )
            *history, champion = index.history
            if champion is not None:
                self.model_path(champion)
            write_index(self.folder, dataclasses.replace(index, champion=champion, history=tuple(history)))
            return None if champion is None else index.entry(champion)

    def home(self, identifier: str) -> Path:
        """Return the folder of the entry with this whole id."""
        return self.folder / "models" / identifier

    @contextmanager
    def changing(self) -> Iterator[Index]:
        """Give the index to whoever is about to write it; nobody else does until then."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            yield self.index()


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
        ArtifactCorrupt: If the registry's champion was changed, or the packed model has no record.
    """
    if explicit:
        return Path(explicit)
    if named := os.environ.get("HORNET_MODEL"):
        return Path(named)
    return Registry().champion_path() or packed_model()


def packed_model() -> Path:
    """Return the packed model; whoever opens it finds out whether it is the file of its record.

    Raises:
        ArtifactMissing: If there is none.
        ArtifactCorrupt: If it has no record.
    """
    path = packed_path()
    if path is None:
        raise ArtifactMissing(
            "no model is packed with this installation; pass one with --model, or train one with 'hornet train'"
        )
    # Its sum is taken when it is opened: twice would cost a cold start tens of milliseconds.
    if recorded(path) is None:
        raise ArtifactCorrupt(
            f"{path} has no record in {path.parent / SUMS}, so nobody can tell whether it is the file that was packed; "
            "install hornet again, or pass the file with --model if you trust it"
        )
    return path


def find_model(name: str, registry: Registry | None = None) -> Path:
    """Return the model file that a name stands for: ``champion``, ``packed``, a file, or the beginning of an id.

    Raises:
        ArtifactMissing: If it stands for none.
        ArtifactCorrupt: If the file isn't the one that was added or packed.
    """
    registry = registry or Registry()
    if name == CHAMPION:
        return registry.champion_path() or packed_model()
    if name == PACKED:
        return packed_model()
    if Path(name).is_file():
        return Path(name)
    return registry.model_path(name)


def load(model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Classifier:
    """Open the model to use: ``load().predict("a.jpg")``.

    Args:
        model: A model file; None: ``HORNET_MODEL``, else the champion, else the packed one.
        threads: Threads of the network; None: as many as the process may use.
    """
    from hornet.classifier import Classifier

    return Classifier.open(resolve_model(model), threads=threads)
