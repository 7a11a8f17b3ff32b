"""Pictures for training: checked and cached once, drawn in an order that only the seed decides."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from hornet.dataset import TRAIN
from hornet.errors import ImageError
from hornet.training.decoded import Decoder
from hornet.training.distributed import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Record
    from hornet.images import PixelRule
    from hornet.training.augmentation import Augmentation

# Separates the draws for order from those for augmentation and dropout.
_STREAM = 3


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that can't be used, and why."""

    name: str
    reason: str


class PixelCache:
    """All pictures as the network takes them, unchanged, in one memory-mapped file.

    Args:
        file: Where; written anew unless ``there``.
        count: Number of pictures.
        size: Height and width, px.
        there: Whether another process has filled it.
    """

    def __init__(self, file: Path, count: int, size: tuple[int, int], *, there: bool = False) -> None:
        self.file = file
        self.digests = [""] * count
        self.found = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        self.array: NDArray[np.uint8] = np.lib.format.open_memmap(
            file, mode="r" if there else "w+", dtype=np.uint8, shape=(count, *size, 3)
        )

    def fill(
        self,
        records: Sequence[Record],
        rule: PixelRule,
        *,
        live: Callable[[str], None],
        decoder: Decoder | None = None,
    ) -> list[Unreadable]:
        """Decode every picture once, or take it from where it was kept.

        Sets ``digests``, of the files by place, and ``found``, the number that was kept.

        Returns:
            Those that can't be read; their places stay black.
        """
        decoder = decoder or Decoder(rule)

        def one(index: int) -> tuple[Unreadable | None, bool]:
            record = records[index]
            try:
                # Before the splits are dealt, any picture may be for training.
                self.array[index], self.digests[index], found = decoder.whole(
                    record, crops=record.split in {None, "", TRAIN}
                )
            except ImageError as error:
                return Unreadable(record.name, f"{error.code}: {error}"), False
            return None, found

        problems: list[Unreadable] = []
        # Threads, not processes: Pillow decodes without the interpreter's lock.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                for done, (problem, found) in enumerate(pool.map(one, range(len(records))), start=1):
                    live(f"reading pictures: {done}/{len(records)}")
                    self.found += found
                    if problem is not None:
                        problems.append(problem)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return problems


class TrainingPictures(TorchDataset[tuple["NDArray[np.uint8]", int, int]]):
    """Augmented pictures by (epoch, index), the same whichever process asks.

    Args:
        records: The training set; ``index`` counts in it.
        augmentation: Decides what a picture looks like in an epoch.
        cache: The pixel cache's file, and each record's place in it.
        decoded: Where decoded pictures may be kept, and the digest of each record's file.
    """

    def __init__(
        self,
        records: Sequence[Record],
        augmentation: Augmentation,
        cache: tuple[Path, NDArray[np.int64]],
        decoded: tuple[Decoder, Sequence[str]] | None = None,
    ) -> None:
        self.records = tuple(records)
        self.augmentation = augmentation
        self.cache = cache
        self.decoded = decoded or (
            Decoder(augmentation.rule, finest=augmentation.finest),
            [""] * len(self.records),
        )
        self._array: NDArray[np.uint8] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, key: tuple[int, int]) -> tuple[NDArray[np.uint8], int, int]:
        """Return uint8 (H, W, 3), the label, and the index."""
        epoch, index = key
        record = self.records[index]
        decoder, digests = self.decoded
        picture = self.augmentation.apply(
            lambda: self.whole(index),
            lambda: decoder.for_crops(record, digests[index]),
            epoch=epoch,
            index=index,
            masks=record.masks,
        )
        return picture, int(record.label or 0), index

    def whole(self, index: int) -> NDArray[np.uint8]:
        """Return an unchanged picture, uint8 (H, W, 3)."""
        if self._array is None:
            self._array = np.load(self.cache[0], mmap_mode="r")
        whole: NDArray[np.uint8] = self._array[self.cache[1][index]]
        return whole


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, index); set ``epoch``, and ``first`` to leave out those that are done, before each pass.

    Of several processes each gets its share of every batch, cut by place: the batch as a whole is the same.
    The remainder that doesn't fill a batch is left out: another one in every epoch.
    """

    def __init__(
        self, count: int, batch: int, seed: int, draw: NDArray[np.float64] | None, world: World | None = None
    ) -> None:
        self.count = count
        self.batch = min(batch, count)
        self.seed = seed
        self.draw = draw
        self.epoch = 0
        self.first = 0
        self.world = world or World()

    def __len__(self) -> int:
        return self.count // self.batch

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = epoch_order(self.count, self.seed, self.epoch, self.draw)
        for start in range(self.first * self.batch, len(self) * self.batch, self.batch):
            mine = order[start : start + self.batch][self.world.part(self.batch)]
            yield [(self.epoch, int(index)) for index in mine]


def epoch_order(count: int, seed: int, epoch: int, draw: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Return the indices of an epoch, (count,): a permutation, or a draw by probability."""
    generator = np.random.default_rng(np.random.SeedSequence((seed, _STREAM, epoch)))
    if draw is None:
        order: NDArray[np.int64] = generator.permutation(count)
    else:
        order = generator.choice(count, size=count, p=draw)
    return order


def draw_probabilities(records: Sequence[Record], balance: str) -> NDArray[np.float64] | None:
    """Return how likely each record is drawn, (n,), summing to 1; None for a permutation.

    ``class`` gives both classes the same chance; ``source-class`` also gives the sources within a class
    chances in proportion to the square root of their sizes.
    """
    if balance == "none":
        return None
    cells: dict[tuple[int, str], list[int]] = {}
    for index, record in enumerate(records):
        source = record.source if balance == "source-class" else ""
        cells.setdefault((int(record.label or 0), source), []).append(index)
    chances = np.zeros(len(records))
    for (label, _), members in cells.items():
        rivals = sum(len(others) ** 0.5 for (other, _), others in cells.items() if other == label)
        chances[members] = len(members) ** 0.5 / rivals / len(members)
    chances /= chances.sum()
    return chances


def training_loader(pictures: TorchDataset[Any], batches: EpochBatches, *, workers: int) -> DataLoader[Any]:
    """Build the loader of phase two: uint8 (N, H, W, 3), labels, indices int64 (N,).

    Labels are int64 (N,), or float32 (N, 2) of mixed pictures.

    Workers are spawned, as on every system, and live as long as the loader.
    """
    return DataLoader(
        pictures,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )


def collate(
    items: list[tuple[NDArray[np.uint8], int | NDArray[np.float32], int]],
) -> tuple[Tensor, Tensor, Tensor]:
    """Stack pictures, labels and indices."""
    pictures, labels, indices = zip(*items, strict=True)
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.array(labels)), torch.tensor(indices)


def default_workers(device: str) -> int:
    """Return how many processes prepare pictures: few beside a CPU that trains, more for a card."""
    cores = os.cpu_count() or 1
    return min(8, cores) if device != "cpu" else min(4, cores // 2)
