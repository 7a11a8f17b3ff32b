"""Frozen features: what the starting weights make of every picture, without learning from any of them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from hornet.evaluation.rivals import Cost, Part
from hornet.training.bank import embed
from hornet.training.hardware import choose_hardware, cpu_threads
from hornet.training.network import HornetNet, normalise
from hornet.training.pictures import describe_splits, prepare
from hornet.training.runfolder import RunFolder
from hornet.training.weights import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Frozen:
    """Pictures, dealt into splits as training does it, and their features.

    Attributes:
        dataset: The readable pictures with groups and splits.
        features: float32 (N, 512): the last feature map, averaged over its places.
        cost: Of computing one picture's features; ``seconds`` of all of them.
        notes: What was loaded, and how the pictures were split.
    """

    dataset: Dataset
    features: NDArray[np.float32]
    cost: Cost
    notes: tuple[str, ...]

    def of(self, split: str) -> Part:
        """Return what a split holds."""
        places = np.flatnonzero([record.split == split for record in self.dataset.records])
        whole = Part(self.features, self.dataset.labels(), self.dataset.groups())
        return whole.select(places)


def frozen_features(
    dataset: Dataset,
    config: TrainConfig,
    scratch: Path,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> Frozen:
    """Read and split pictures as ``train`` does with the same settings, and compute their features.

    Args:
        dataset: Labelled pictures.
        config: Weights, size, masks, splits, seed, device.
        scratch: An empty folder that the caller removes.
        report: Told a line each.
        live: Told how far it is.

    Raises:
        ConfigError: If the weights can't be used.
        DatasetError: If pictures can't be read or split.
    """
    hardware = choose_hardware(config.device, "float32")
    with cpu_threads(config.threads or os.cpu_count() or 1):
        torch.manual_seed(config.seed)
        network = HornetNet()
        origin = start(network, config.weights, init=config.init).describe()
        for line in origin:
            report(line)
        pictures = prepare(dataset, config, RunFolder(scratch), report=report, live=live)
        network.to(hardware.device, memory_format=torch.channels_last).eval()
        began = time.perf_counter()
        array, places = pictures.cache.array, pictures.places
        batches = (array[places[first : first + _BATCH]] for first in range(0, len(places), _BATCH))
        features = embed(network, batches, hardware=hardware, live=lambda text: live(f"{text}/{len(places)}"))
        seconds = time.perf_counter() - began
    trunk = sum(p.numel() for name, p in network.named_parameters() if not name.startswith("fc."))
    cost = Cost(
        trunk,
        count_operations(network, config.size) - network.fc.weight.numel(),
        1000 * seconds / len(features),
        seconds,
    )
    return Frozen(pictures.dataset, features, cost, (*origin, *describe_splits(pictures.dataset)))


def count_operations(network: HornetNet, size: tuple[int, int]) -> int:
    """Count the multiply-adds of convolutions and of the linear layer for one picture of ``size`` (H, W)."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    device = next(network.parameters()).device
    with torch.no_grad(), counter:
        network(normalise(torch.zeros((1, *size, 3), dtype=torch.uint8, device=device)))
    return int(counter.get_total_flops()) // 2  # it counts a multiply-add as two
