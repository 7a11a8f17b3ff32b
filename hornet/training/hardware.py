"""Device, precision, threads and seeds of a run."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from hornet.errors import ConfigError
from hornet.training.distributed import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

# Separates the draws for dropout from those for order and augmentation.
_STREAM = 2


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where and how exactly a run computes.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        bfloat16: Whether convolutions and matrices are computed in bfloat16.
        float16: Whether they are in float16, whose small range needs gradients to be scaled.
        world: The processes that compute together.
    """

    device: torch.device
    bfloat16: bool
    float16: bool = False
    world: World = field(default_factory=World)

    def autocast(self) -> AbstractContextManager[object]:
        """Compute what is inside in this precision."""
        if not (self.bfloat16 or self.float16):
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.float16 if self.float16 else torch.bfloat16)

    def exact(self) -> Hardware:
        """Return the same device in float32."""
        return Hardware(self.device, bfloat16=False)

    def scaler(self) -> torch.amp.GradScaler:
        """Return what scales losses and gradients in float16, and does nothing in other precisions."""
        return torch.amp.GradScaler(self.device.type, enabled=self.float16)

    def describe(self) -> str:
        """Say what was chosen."""
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else self.device.type
        kind = "float16" if self.float16 else "bfloat16" if self.bfloat16 else "float32"
        return f"{name}, {kind}{self.world.describe()}"


def choose_hardware(device: str, precision: str, world: World | None = None) -> Hardware:
    """Resolve ``auto`` for device and precision.

    Raises:
        ConfigError: If the device asked for isn't there, or can't compute so.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[device]:
        raise ConfigError(f"device {device} isn't available here; choose --device auto or cpu")
    if precision == "float16" and device != "cuda":
        raise ConfigError(
            f"precision float16 is for CUDA, not for {device}; choose --precision auto, or bfloat16, which needs no "
            "scaled gradients"
        )
    bfloat16 = precision == "bfloat16" or (
        precision == "auto" and device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    return Hardware(torch.device(device), bfloat16, precision == "float16", world or World())


@contextmanager
def deterministic(on: bool) -> Iterator[None]:
    """Let every operation inside give the same bits each time, or raise where it can't.

    cuDNN then chooses its algorithms without timing them, cuBLAS gets a fixed workspace, and torch fills
    new memory before it is used.

    Args:
        on: Otherwise nothing is changed.
    """
    if not on:
        yield
        return
    # Read when the first matrix is multiplied on a card: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        cudnn.deterministic, cudnn.benchmark = before[1:]


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Compute what is inside with ``count`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seed_step(seed: int, phase: int, step: int, rank: int = 0) -> None:
    """Set torch's random state for one step, so that no random state needs to be saved."""
    place = (rank,) if rank else ()
    state = np.random.SeedSequence((seed, _STREAM, phase, step, *place)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))
