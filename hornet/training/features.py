"""Phase one's input: what the frozen stages make of every picture, computed once.

The stages below the first tensor that was drawn don't change in phase one, and their batch
normalisation uses its loaded statistics, so their output is a function of the picture alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from hornet.training.network import STAGES, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.training.distributed import World
    from hornet.training.hardware import Hardware
    from hornet.training.network import HornetNet

_BATCH = 64


def through(network: HornetNet, pictures: Tensor, stages: Sequence[str]) -> Tensor:
    """Run uint8 pictures (N, H, W, 3) through the first ``stages``; without any, only normalise."""
    x = normalise(pictures)
    for name in stages:
        x = network.stage(name, x)
    return x


def logits_after(network: HornetNet, features: Tensor, stages: Sequence[str]) -> Tensor:
    """Return logits (N, 2) of what :func:`through` gave for the same ``stages``."""
    x = features
    for name in STAGES[len(stages) :]:
        x = network.stage(name, x)
    return network.pool_and_classify(x)


def cache_features(
    network: HornetNet,
    stages: Sequence[str],
    pictures: NDArray[np.uint8],
    places: NDArray[np.int64],
    hardware: Hardware,
    *,
    file: Path,
    flipped: bool,
    live: Callable[[str], None],
) -> NDArray[np.float16]:
    """Compute the frozen stages' output for every picture.

    Args:
        network: In evaluation mode.
        stages: The frozen ones.
        pictures: uint8 (M, H, W, 3), as of the pixel cache.
        places: Which of them, (N,).
        hardware: Where to compute.
        file: Where the features go, memory-mapped.
        flipped: Also of the mirrored pictures.
        live: Told how far it is.

    Returns:
        float16 (1 or 2, N, C, h, w): as it is, mirrored.
    """
    array: NDArray[np.float16] | None = None
    with torch.inference_mode():
        world = hardware.world
        # The same batches whatever the number of processes: a batch's place decides who computes it.
        for start in range(world.rank * _BATCH, len(places), world.size * _BATCH):
            batch = np.ascontiguousarray(pictures[places[start : start + _BATCH]])
            for copy in range(2 if flipped else 1):
                view = np.ascontiguousarray(batch[:, :, ::-1]) if copy else batch
                with hardware.autocast():
                    x = through(network, torch.from_numpy(view).to(hardware.device), stages)
                made = x.to(torch.float16).cpu().numpy()
                if array is None:
                    shape = (2 if flipped else 1, len(places), *made.shape[1:])
                    array = _open(file, shape, world)
                array[copy, start : start + len(batch)] = made
            live(f"caching features: {min(start + _BATCH, len(places))}/{len(places)}")
    if world.size > 1 and len(places):
        if array is None:
            world.barrier()  # as _open does
        world.barrier()
        array = np.lib.format.open_memmap(file, mode="r")
    if array is None:
        array = np.zeros((1, 0, 1, 1, 1), dtype=np.float16)
    return array


def _open(file: Path, shape: tuple[int, ...], world: World) -> NDArray[np.float16]:
    """Make the file on rank 0; the others map what is there."""
    made: NDArray[np.float16] | None = None
    if world.writes:
        made = np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape)
    world.barrier()
    return np.lib.format.open_memmap(file, mode="r+") if made is None else made
