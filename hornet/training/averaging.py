"""An exponential moving average of the weights: what is evaluated and kept when ``--ema`` asks for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


class Average:
    """The average of a network's weights and buffers over the steps of a phase.

    After step t the average keeps ``min(decay, (1 + t) / (10 + t))`` of itself (the warm-up of TensorFlow's
    ``ExponentialMovingAverage``), so that it doesn't hang on to the start of a short phase.

    Args:
        decay: Share of itself that the average keeps at a step, in [0, 1).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, Tensor] = {}

    def begin(self, network: nn.Module) -> None:
        """Start anew from the network as it is."""
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def restore(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Go on from the average of a checkpoint, on the network's device."""
        now = network.state_dict()
        self.state = {name: value.to(now[name].device, copy=True) for name, value in state.items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Take in the network after ``step`` steps, counted from 1; counters are copied."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, share)
            else:
                self.state[name].copy_(value)

    @contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """Let the network have the average's weights inside, and its own again afterwards."""
        own = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.state)
        try:
            yield
        finally:
            with torch.no_grad():
                network.load_state_dict(own)


def build_average(decay: float) -> Average | None:
    """Return an average, None for a decay of 0."""
    return Average(decay) if decay else None
