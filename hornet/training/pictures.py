"""The pictures of a run: checked, cached, and split before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hornet.dataset import (
    SPLITS,
    VALIDATION,
    apply_split_file,
    check_classes,
    derive_groups,
    read_manifest,
    split_dataset,
    write_manifest,
)
from hornet.dataset.store import open_store
from hornet.errors import DatasetError, EmptyClass
from hornet.training.augmentation import Augmentation
from hornet.training.data import PixelCache
from hornet.training.decoded import Decoder
from hornet.training.runfolder import save_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hornet.dataset import Dataset, Record
    from hornet.training.config import TrainConfig
    from hornet.training.distributed import World
    from hornet.training.runfolder import RunFolder

_PIXELS = "pixels.npy"
_LISTED = 20  # unreadable pictures named in a message


@dataclass(frozen=True, slots=True)
class Pictures:
    """The readable pictures with their splits, and where each is in the pixel cache.

    Attributes:
        dataset: Named as in the run's manifest, in its order.
        cache: Of these pictures and of those left out.
        places: Place of each picture in the cache, (N,).
        decoder: What filled it; crops are cut from what it gives.
    """

    dataset: Dataset
    cache: PixelCache
    places: NDArray[np.int64]
    decoder: Decoder

    def digests(self, split: str) -> list[str]:
        """Return the SHA-256 of the files of a split; empty where nothing is kept."""
        of_split = (record.split == split for record in self.dataset.records)
        return [self.cache.digests[place] for place, its in zip(self.places, of_split, strict=True) if its]

    def of(self, split: str) -> tuple[list[Record], NDArray[np.int64], NDArray[np.int64]]:
        """Return records, places in the cache (n,) and labels (n,) of a split."""
        chosen = [i for i, record in enumerate(self.dataset.records) if record.split == split]
        records = [self.dataset.records[i] for i in chosen]
        labels = np.array([record.label for record in records], dtype=np.int64)
        return records, self.places[np.array(chosen, dtype=np.int64)], labels


def prepare(
    dataset: Dataset,
    config: TrainConfig,
    folder: RunFolder,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> Pictures:
    """Check and cache all pictures, split them, and write the run's manifest.

    Raises:
        DatasetError: If pictures can't be read, or groups lie in several splits.
        EmptyClass: If a class is missing, or nothing is there to validate on.
    """
    check_classes(dataset, "The data set")
    if config.split_file is not None:
        dataset = apply_split_file(dataset, config.split_file)
    decoder = _decoder(config)
    folder.unreadable.unlink(missing_ok=True)  # of an attempt before
    cache, places = _fill(dataset, decoder, config, folder, report=report, live=live)
    if len(places) < len(dataset):
        dataset = dataset.select(places.tolist())
    dataset, derivation = derive_groups(dataset, group_by=config.group_by, live=live, store=decoder.store)
    for line in derivation.describe():
        report(line)
    before = len(dataset.notes)
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=config.seed)
    if not dataset.subset(VALIDATION).records:
        raise EmptyClass(
            "No picture is for validation, which early stopping and calibration need. Give some groups the "
            "split validation."
        )
    write_manifest(dataset, folder.manifest)
    for line in (*dataset.notes[before:], *describe_splits(dataset)):
        report(line)
    # From here on pictures have the names that they have in the run's manifest.
    return Pictures(read_manifest(folder.manifest), cache, places, decoder)


def prepare_again(
    config: TrainConfig, folder: RunFolder, *, report: Callable[[str], None], live: Callable[[str], None]
) -> Pictures:
    """Cache the pictures of a run that goes on, with the splits that it had.

    Raises:
        DatasetError: If pictures have gone or can't be read any more.
    """
    dataset = read_manifest(folder.manifest)
    exact = config.model_copy(update={"skip_unreadable": False})
    decoder = _decoder(config)
    cache, places = _fill(dataset, decoder, exact, folder, report=report, live=live)
    return Pictures(dataset, cache, places, decoder)


def share(world: World, pictures: Pictures | None, config: TrainConfig, folder: RunFolder) -> Pictures:
    """Give all processes the pictures that rank 0 prepared; they share its files.

    Args:
        world: The processes.
        pictures: Rank 0's; None elsewhere.
        config: Of the run.
        folder: Of the run, on a disk that all see.
    """
    about = world.broadcast(None if pictures is None else (pictures.places, pictures.cache.digests))
    if pictures is not None:
        return pictures
    places, digests = about or (np.zeros(0, np.int64), [])
    cache = PixelCache(folder.cache / _PIXELS, len(digests), config.size, there=True)
    cache.digests = digests
    return Pictures(read_manifest(folder.manifest), cache, places, _decoder(config))


def describe_splits(dataset: Dataset) -> list[str]:
    """Return a line a split: pictures by class, and groups."""
    lines = []
    for split in SPLITS:
        part = dataset.subset(split)
        if part.records:
            present = int(part.labels().sum())
            lines.append(
                f"{split}: {len(part)} pictures ({present} present, {len(part) - present} absent) "
                f"in {len(set(part.groups()))} groups"
            )
    return lines


def _decoder(config: TrainConfig) -> Decoder:
    finest = Augmentation(config.augment, config.seed, config.pixel_rule).finest
    return Decoder(config.pixel_rule, finest=finest, store=open_store(config.cache))


def _fill(
    dataset: Dataset,
    decoder: Decoder,
    config: TrainConfig,
    folder: RunFolder,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> tuple[PixelCache, NDArray[np.int64]]:
    """Decode everything once; return the cache and the places of the readable pictures."""
    cache = PixelCache(folder.cache / _PIXELS, len(dataset), config.size)
    report(f"reading {len(dataset)} pictures into a cache of {cache.array.nbytes / 1e6:.0f} MB")
    problems = cache.fill(dataset.records, config.pixel_rule, live=live, decoder=decoder)
    if decoder.store is not None:
        report(f"{cache.found} of {len(dataset)} were decoded before; kept: {decoder.store.describe()}")
    if not problems:
        return cache, np.arange(len(dataset))
    save_unreadable(folder.unreadable, problems)
    listed = "".join(f"\n  {problem.name}: {problem.reason}" for problem in problems[:_LISTED])
    more = f"\n  and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
    message = f"{len(problems)} of {len(dataset)} pictures can't be read (listed in {folder.unreadable}):{listed}{more}"
    if not config.skip_unreadable:
        raise DatasetError(f"{message}\nMend or remove them, or leave them out with --skip-unreadable")
    report(f"left out: {message}")
    bad = {problem.name for problem in problems}
    good = [index for index, record in enumerate(dataset.records) if record.name not in bad]
    return cache, np.array(good, dtype=np.int64)
