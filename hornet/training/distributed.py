"""Several processes that train one network: torchrun starts them, this makes them agree.

Every process has the whole network and takes its share of every global batch, cut by place; torch's
DistributedDataParallel averages the gradients. Rank 0 alone writes, reports and exports. With one process
nothing here does anything.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed, nn

from hornet.errors import ConfigError, HornetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from hornet.training.network import HornetNet

T = TypeVar("T")

# Rank 0 may decode pictures for long while the others wait; of one that dies the others hear at once.
_GONE = ("Connection closed by peer", "Connection reset by peer", "Connection refused", "Broken pipe")
_PATIENCE = dt.timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class World:
    """Which of how many processes this is.

    Attributes:
        rank: From 0.
        size: Number of processes, on all machines.
        local: Rank on this machine: the number of its card.
        local_size: Processes on this machine, which share its cores.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    local_size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            self.broadcast(None)

    def broadcast(self, value: T) -> T:
        """Return rank 0's value, which can be pickled."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box, src=0)
        return cast("T", box[0])

    def share_statistics(self, network: HornetNet) -> HornetNet:
        """Let batch normalisation count over all ranks where that is possible: on cards."""
        if self.size == 1 or next(network.parameters()).device.type != "cuda":
            return network
        convert = nn.SyncBatchNorm.convert_sync_batchnorm
        return cast("HornetNet", convert(network))  # type: ignore[no-untyped-call]

    def broadcast_buffers(self, network: nn.Module) -> None:
        """Give all ranks the batch statistics of rank 0."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, src=0)

    def sum(self, *values: float, device: torch.device) -> list[float]:
        """Return the sums over all ranks, the same bits everywhere."""
        if self.size == 1:
            return list(values)
        # MPS has no float64, and no process group either.
        total = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        return cast("list[float]", total.tolist())

    def part(self, count: int) -> slice:
        """Return which of ``count`` items are this rank's: contiguous; ranks differ by one item at most."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def join(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """Put the rows (n, ...) that ranks computed of :meth:`part` together again."""
        if self.size == 1:
            return part
        parts: list[Any] = [None] * self.size
        distributed.all_gather_object(parts, part)
        return np.concatenate(parts)

    def parallel(self, network: nn.Module, forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Return ``forward``, which uses ``network``, such that backward averages gradients over the ranks."""
        if self.size == 1:
            return forward
        step = _Step(network, forward)
        cards = [self.local] if next(network.parameters()).device.type == "cuda" else None
        # Statistics travel before validation, see broadcast_buffers.
        wrapped = nn.parallel.DistributedDataParallel(step, device_ids=cards, broadcast_buffers=False)
        return cast("Callable[[Tensor], Tensor]", wrapped)

    def describe(self) -> str:
        """Say how many."""
        return "" if self.size == 1 else f", {self.size} processes"


class _Step(nn.Module):
    """Makes a module of what a phase does with the network, for DistributedDataParallel to wrap."""

    def __init__(self, network: nn.Module, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._forward = forward

    def forward(self, inputs: Tensor) -> Tensor:
        return self._forward(inputs)


@contextmanager
def open_world(device: str) -> Iterator[World]:
    """Join the other processes that torchrun started, if it did, for as long as the context lasts.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``: cards talk by NCCL, everything else by Gloo.

    Raises:
        ConfigError: If there are fewer cards than processes, or on MPS.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield World()
        return
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    world = World(*(int(os.environ[name]) for name in names))
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if cuda and world.local >= torch.cuda.device_count():
        raise ConfigError(
            f"{world.local_size} processes and {torch.cuda.device_count()} cards on this machine; "
            "choose a smaller --nproc-per-node, or --device cpu"
        )
    if device == "mps" or (device == "auto" and not cuda and torch.backends.mps.is_available()):
        raise ConfigError("MPS can't train in several processes; choose --device cpu, or one process")
    if cuda:
        torch.cuda.set_device(world.local)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield world
    except RuntimeError as error:
        if not any(words in str(error) for words in _GONE):
            raise
        raise HornetError(
            f"process {world.rank}: another process has stopped; its own message says why. "
            "What was reached is kept; go on with --resume"
        ) from None
    finally:
        distributed.destroy_process_group()
