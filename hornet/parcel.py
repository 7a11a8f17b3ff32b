"""A registry entry as one file, to carry it to another machine; what arrives is checked before it is kept.

A ZIP archive without compression (weights don't shrink): the entry's files under their names, ``SHA256SUMS`` of
them, and ``entry.json`` with what the index says of it. It holds no labels and no pictures.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hornet.checksums import SUMS, check_recorded
from hornet.classifier import Classifier
from hornet.errors import ArtifactCorrupt, ArtifactIncompatible, ArtifactMissing, ConfigError
from hornet.golden import replay_golden
from hornet.registry import BANK_FILE, MODEL_FILE, RECORD_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from hornet.entries import Entry
    from hornet.registry import Registry

_ENTRY: Final = "entry.json"
_FILES: Final = (MODEL_FILE, WEIGHTS_FILE, BANK_FILE, RECORD_FILE, SUMS)
_RUN_MODEL: Final = "hornet-int8.onnx"
_FORMAT: Final = 1
#: No ResNet-18 with its bank comes near it; an archive may claim anything.
_MOST_BYTES: Final = 1 << 30
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def export_entry(registry: Registry, identifier: str, file: Path) -> Entry:
    """Write an entry as one file, which gets the same bytes each time.

    Args:
        registry: Where it is kept.
        identifier: Beginning of its id.
        file: Must not be there yet.

    Raises:
        ArtifactError: If there is no such entry, or its files were changed.
        ConfigError: If the file is there, or can't be written.
    """
    entry = registry.index().entry(identifier)
    registry.model_path(entry.id)
    home = registry.home(entry.id)
    found = [home / name for name in _FILES if (home / name).is_file()]
    for path in found:
        check_recorded(path)
    about = {"format": _FORMAT, **dataclasses.asdict(entry)}
    try:
        draft = Path(tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}-")[1])
    except OSError as error:
        raise ConfigError(f"{file}: can't be written: {error.strerror}") from None
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(_ENTRY, _EPOCH), json.dumps(about, indent=2))
            for path in found:
                with (
                    path.open("rb") as source,
                    archive.open(zipfile.ZipInfo(path.name, _EPOCH), "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target, 1 << 20)
        draft.chmod(0o644)
        # A link rather than a rename: it fails where something is already.
        file.hardlink_to(draft)
    except FileExistsError:
        raise ConfigError(f"{file}: is there already; choose another name, or remove it") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return entry


def import_entry(registry: Registry, file: Path, *, weights: Path | None = None) -> Entry:
    """Keep what :func:`export_entry` wrote, an exported run, or any model file, as a challenger.

    Args:
        registry: Where to keep it.
        file: An archive, a run folder, whose int8 model comes with weights and bank, or an ONNX model.
        weights: Float weights of a model file.

    Raises:
        ArtifactMissing: If a file isn't there.
        ArtifactCorrupt: If the archive, its sums or the model are damaged.
        ArtifactIncompatible: If the model doesn't answer its golden examples here as it should.
        ConfigError: If weights are given for an archive or a run, which have their own.
    """
    if file.is_dir():
        return _import_run(registry, file, weights)
    for path in (file, weights):
        if path is not None and not path.is_file():
            raise ArtifactMissing(
                f"{path} isn't there; name a file that 'hornet models export' wrote, or a model"
            )
    if not zipfile.is_zipfile(file):
        _check_answers(file)
        return registry.add(file, weights=weights, parent="", note="imported", record={"imported": file.name})
    if weights is not None:
        raise ConfigError(f"{file} has its own weights; leave out --weights")
    with tempfile.TemporaryDirectory(prefix="hornet-import-") as name:
        folder = Path(name)
        about = _unpack(file, folder)
        _check_answers(folder / MODEL_FILE)
        entry = registry.add(
            folder / MODEL_FILE,
            weights=_if_there(folder / WEIGHTS_FILE),
            bank=_if_there(folder / BANK_FILE),
            parent=str(about["parent"]),
            note=str(about["note"]),
            record=json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")),
        )
    if entry.sha256 != about["sha256"]:
        raise ArtifactCorrupt(f"{file}: holds another model than it says; export it again")
    return entry


def _import_run(registry: Registry, run: Path, weights: Path | None) -> Entry:
    if weights is not None:
        raise ConfigError(f"{run} has its own weights; leave out --weights")
    model = run / _RUN_MODEL
    if not model.is_file():
        raise ArtifactMissing(f"{model} isn't there; make it with 'hornet export {run}'")
    _check_answers(model)
    training = Classifier.open(model).contract.training
    return registry.add(
        model,
        weights=_if_there(run / WEIGHTS_FILE),
        bank=_if_there(run / BANK_FILE),
        parent="",
        note="imported from a run",
        record={name: training[name] for name in ("fingerprint", "settings") if name in training},
    )


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    """Unpack what an archive may hold, check it, and return what it says of the entry."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            strange = sorted(set(infos) - {_ENTRY, *_FILES})
            missing = sorted({_ENTRY, MODEL_FILE, RECORD_FILE, SUMS} - set(infos))
            if strange or missing or len(infos) != len(archive.infolist()):
                raise ArtifactCorrupt(
                    f"{file}: no exported model ({', '.join(strange + missing)[:200] or 'a file is there twice'}); "
                    "'hornet models export' writes them"
                )
            if sum(info.file_size for info in infos.values()) > _MOST_BYTES:
                raise ArtifactCorrupt(
                    f"{file}: claims to hold more than {_MOST_BYTES >> 20} MiB; export it again"
                )
            about = dict(json.loads(archive.read(_ENTRY)))
            for name in set(infos) - {_ENTRY}:
                with archive.open(name) as source, (folder / name).open("xb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        if about["format"] != _FORMAT:
            raise ArtifactIncompatible(f"{file}: was written by a newer hornet; install that one")
        about = {name: about[name] for name in ("sha256", "parent", "note")}
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise ArtifactCorrupt(f"{file}: damaged ({error}); copy or export it again") from None
    for name in set(infos) - {_ENTRY, SUMS}:
        try:
            check_recorded(folder / name, needed=True)
        except ArtifactCorrupt:
            raise ArtifactCorrupt(
                f"{file}: {name} isn't what its record says (its SHA-256 differs); copy or export it again"
            ) from None
    return about


def _check_answers(model: Path) -> None:
    """Refuse a model that doesn't answer its golden examples here as it did where it was made."""
    wrong = [result.name for result in replay_golden(Classifier.open(model)) if not result.ok]
    if wrong:
        raise ArtifactIncompatible(
            f"{model.name} doesn't answer its golden examples as it should ({', '.join(wrong)}): it was changed, or "
            "doesn't suit this machine; see 'hornet models verify'"
        )


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None
