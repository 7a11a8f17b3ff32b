"""Device, precision, threads and seeds of a run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from hornet.errors import ConfigError

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
    """

    device: torch.device
    bfloat16: bool

    def autocast(self) -> AbstractContextManager[object]:
        """Compute what is inside in this precision."""
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def describe(self) -> str:
        """Say what was chosen."""
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else self.device.type
        return f"{name}, {'bfloat16' if self.bfloat16 else 'float32'}"


def choose_hardware(device: str, precision: str) -> Hardware:
    """Resolve ``auto`` for device and precision.

    Raises:
        ConfigError: If the device asked for isn't there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[device]:
        raise ConfigError(f"device {device} isn't available here; choose --device auto or cpu")
    bfloat16 = precision == "bfloat16" or (
        precision == "auto" and device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    return Hardware(torch.device(device), bfloat16)


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Compute what is inside with ``count`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seed_step(seed: int, phase: int, step: int) -> None:
    """Set torch's random state for one step, so that no random state needs to be saved."""
    state = np.random.SeedSequence((seed, _STREAM, phase, step)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))
