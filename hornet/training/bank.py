"""The bank: what a network makes of the pictures it learned from, small enough to travel with its weights.

A few hundred bytes a picture stand for it where the pictures themselves can't go: retraining rehearses with the
training part and measures forgetting on the validation part, and distances to it tell what is unlike anything
seen. It holds no picture, no path and no name of a group or camera; a picture can be recognised in it only by who
has its file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from hornet.dataset import TEST, TRAIN, VALIDATION, file_digest
from hornet.errors import ConfigError
from hornet.files import write_atomically
from hornet.training.agreement import RunPictures
from hornet.training.features import through
from hornet.training.hardware import choose_hardware
from hornet.training.network import FEATURES, STAGES, HornetNet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Record
    from hornet.training.hardware import Hardware
    from hornet.training.trained import TrainedRun

_METADATA_KEY: Final = "hornet"
_FORMAT: Final = 1
_SPLITS: Final = (TRAIN, VALIDATION)
_BATCH: Final = 32
_ARRAYS: Final = {
    "embedding": np.float16,
    "label": np.int8,
    "split": np.uint8,
    "source": np.int16,
    "species": np.int16,
    "group": np.int32,
    "digest": np.int64,
    "held_out": np.int64,
}


@dataclass(frozen=True, slots=True)
class Bank:
    """Pictures as their embeddings: those of training and validation, none of the test split.

    Attributes:
        trunk: SHA-256 of the layers below the head that made the embeddings, see :func:`trunk_digest`.
        sources: Names of the sources; :attr:`source` counts in it.
        kinds: Names of the species, likewise.
        embedding: float16 (N, 512): the last feature map, averaged over its places, of unchanged pictures.
        label: int8 (N,), 0 absent or 1 present.
        split: uint8 (N,), 0 training or 1 validation.
        source: int16 (N,).
        species: int16 (N,).
        group: int32 (N,), equal for pictures of one group; the numbers mean nothing else.
        digest: int64 (N,), the first 8 bytes of the SHA-256 of each file.
        held_out: int64 (M,), the same of the pictures of the test split, of which nothing else is kept.
    """

    trunk: str
    sources: tuple[str, ...]
    kinds: tuple[str, ...]
    embedding: NDArray[np.float16]
    label: NDArray[np.int8]
    split: NDArray[np.uint8]
    source: NDArray[np.int16]
    species: NDArray[np.int16]
    group: NDArray[np.int32]
    digest: NDArray[np.int64]
    held_out: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def of(self, split: str) -> Bank:
        """Return the rows of ``train`` or ``validation``."""
        return self.select(np.flatnonzero(self.split == _SPLITS.index(split)))

    def select(self, rows: NDArray[np.int64]) -> Bank:
        """Return these rows, in this order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _ARRAYS if name != "held_out"})

    def columns(self) -> dict[str, list[str]]:
        """Return the names of source and species of each row."""
        return {
            "source": [self.sources[code] for code in self.source.tolist()],
            "species": [self.kinds[code] for code in self.species.tolist()],
        }

    def joined(self, records: Sequence[Record], embedding: NDArray[np.float32]) -> Bank:
        """Return a bank that has these pictures too; those of them that it has already are replaced.

        Args:
            records: Pictures with splits; of those of the test split only the digest is kept.
            embedding: (N, 512), of the same network.

        Raises:
            ConfigError: If an embedding isn't finite in float16.
            ManifestInvalid: If a picture can't be read.
        """
        new = _gather(self.trunk, records, embedding)
        kept = self.select(np.flatnonzero(~np.isin(self.digest, np.append(new.digest, new.held_out))))
        sources = tuple(dict.fromkeys((*kept.sources, *new.sources)))
        kinds = tuple(dict.fromkeys((*kept.kinds, *new.kinds)))
        first = int(kept.group.max(initial=-1)) + 1
        arrays = {name: [getattr(kept, name), getattr(new, name)] for name in _ARRAYS}
        arrays["source"][1] = np.array([sources.index(name) for name in new.sources], np.int16)[new.source]
        arrays["species"][1] = np.array([kinds.index(name) for name in new.kinds], np.int16)[new.species]
        arrays["group"][1] = new.group + np.int32(first)
        merged: dict[str, Any] = {name: np.concatenate(both) for name, both in arrays.items()}
        # What is learned from now was never held out, and the other way round.
        merged["held_out"] = np.setdiff1d(merged["held_out"], merged["digest"])
        return replace(self, sources=sources, kinds=kinds, **merged)


def make_bank(
    run: TrainedRun, *, hardware: Hardware | None = None, live: Callable[[str], None] = lambda _: None
) -> Bank:
    """Compute the bank of a finished run from its pictures and its float weights.

    Args:
        run: The run.
        hardware: Where to compute; None: on the CPU.
        live: Told how far it is.

    Raises:
        ConfigError: If an embedding isn't finite in float16.
        DatasetError: If a picture can't be read any more.
    """
    records = [record for record in run.dataset.records if record.split in _SPLITS]
    test = [record for record in run.dataset.records if record.split == TEST]
    pictures = RunPictures(records, run.config.pixel_rule)
    batches = (
        pictures.batch(first, min(first + _BATCH, len(records))) for first in range(0, len(records), _BATCH)
    )
    made = embed(run.network, batches, hardware=hardware, live=live)
    nothing = np.zeros((len(test), FEATURES), np.float32)
    return _gather(trunk_digest(run.network.state_dict()), [*records, *test], np.concatenate([made, nothing]))


def embed(
    network: HornetNet,
    batches: Iterable[NDArray[np.uint8]],
    *,
    hardware: Hardware | None = None,
    live: Callable[[str], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the embeddings of pictures, float32 (N, 512): the last feature map, averaged over its places.

    Args:
        network: In float; switched to evaluation.
        batches: Pictures as ``hornet.images`` makes them, uint8 (n, H, W, 3) each.
        hardware: Where to compute; None: on the CPU.
        live: Told how far it is.
    """
    hardware = hardware or choose_hardware("cpu", "float32")
    network = network.to(hardware.device).eval()
    parts = [np.zeros((0, FEATURES), np.float32)]
    done = 0
    with torch.inference_mode():
        for batch in batches:
            maps = through(network, torch.from_numpy(np.ascontiguousarray(batch)).to(hardware.device), STAGES)
            parts.append(maps.mean(dim=(2, 3)).float().cpu().numpy())
            done += len(batch)
            live(f"computing features: {done}")
    return np.concatenate(parts)


def trunk_digest(state: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 of the tensors below the head, as rounded to float16.

    The rounded weights that are packed have the digest of those they were made from, and a network of which
    only the head was trained has the digest of the one it started from: their embeddings are the same.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.startswith("fc.") or name.endswith(".num_batches_tracked"):
            continue
        digest.update(f"{name} {tuple(state[name].shape)}\n".encode())
        digest.update(state[name].detach().cpu().to(torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_bank(bank: Bank, file: Path) -> None:
    """Write a bank as safetensors, whole or not at all."""
    from safetensors.numpy import save

    about = {
        "format": _FORMAT,
        "trunk": bank.trunk,
        "splits": list(_SPLITS),
        "sources": list(bank.sources),
        "species": list(bank.kinds),
    }
    tensors = {name: np.ascontiguousarray(getattr(bank, name)) for name in _ARRAYS}
    write_atomically(file, save(tensors, metadata={_METADATA_KEY: json.dumps(about, sort_keys=True)}))


def read_bank(file: Path) -> Bank:
    """Read a bank.

    Raises:
        ConfigError: If it is missing, damaged, or not one that this version reads.
    """
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        raise ConfigError(f"{file}: no such bank; 'hornet export' writes one into the run")
    try:
        with safe_open(file, framework="numpy") as stored:
            about: dict[str, Any] = json.loads((stored.metadata() or {})[_METADATA_KEY])
            arrays = {name: stored.get_tensor(name) for name in _ARRAYS}
        if about["format"] != _FORMAT or about["splits"] != list(_SPLITS):
            raise ConfigError(f"{file}: a bank of another version; install a newer hornet")
        bank = Bank(about["trunk"], tuple(about["sources"]), tuple(about["species"]), **arrays)
        _check(bank)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file}: damaged or no bank ({' '.join(str(error).split())[:200]}); fetch it again, or make it with "
            "'hornet export'"
        ) from None
    return bank


def _gather(trunk: str, records: Sequence[Record], embedding: NDArray[np.float32]) -> Bank:
    """Put a bank together from pictures with splits and their embeddings (N, 512)."""
    digests = np.array([_short(file_digest(record.path)) for record in records], np.int64)
    learned = np.array([record.split in _SPLITS for record in records], bool)
    kept = [record for record, its in zip(records, learned, strict=True) if its]
    small = embedding[learned].astype(np.float16)
    if not np.isfinite(small).all():
        raise ConfigError("an embedding has values that float16 can't hold; the network is broken")
    sources, source = _codes([record.source for record in kept])
    kinds, species = _codes([record.species for record in kept])
    _, group = _codes([record.group or record.name for record in kept])
    return Bank(
        trunk=trunk,
        sources=sources,
        kinds=kinds,
        embedding=small,
        label=np.array([record.label for record in kept], np.int8),
        split=np.array([_SPLITS.index(record.split) for record in kept], np.uint8),
        source=source.astype(np.int16),
        species=species.astype(np.int16),
        group=group,
        digest=digests[learned],
        held_out=np.sort(digests[~learned]),
    )


def _check(bank: Bank) -> None:
    """Raise ValueError unless all arrays fit each other."""
    for name, kind in _ARRAYS.items():
        array = getattr(bank, name)
        shape = (len(bank), FEATURES) if name == "embedding" else (len(bank),)
        if array.dtype != kind or (name != "held_out" and array.shape != shape):
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    for codes, names in ((bank.source, bank.sources), (bank.species, bank.kinds), (bank.split, _SPLITS)):
        if len(codes) and not (codes.min() >= 0 and codes.max() < len(names)):
            raise ValueError("a code has no name")


def _codes(values: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the distinct values and which of them each is."""
    names: dict[str, int] = {}
    codes = [names.setdefault(value, len(names)) for value in values]
    return tuple(names), np.array(codes, np.int32)


def _short(digest: str) -> int:
    """Return the first 8 bytes of a SHA-256 as a signed number."""
    return int.from_bytes(bytes.fromhex(digest)[:8], "big", signed=True)
