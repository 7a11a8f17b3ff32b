"""A run as TensorBoard shows it: inputs as the network sees them, parameters, gradients, rates and losses.

Steps are the run's epochs, over both phases; a run that goes on purges what it will write again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from hornet.errors import MissingExtra
from hornet.training.network import IMAGENET_MEAN, IMAGENET_STD, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer

_SHOWN = 32  # pictures in a grid
_ROW = 8


class Watch:
    """Writes TensorBoard's events.

    Args:
        folder: Where.
        done: Epochs that are done: events after them are purged.

    Raises:
        MissingExtra: If tensorboard isn't installed.
    """

    def __init__(self, folder: Path, done: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtra("tensorboard", "--tensorboard") from None
        self._writer: Any = SummaryWriter(str(folder), purge_step=done + 1 if done else None)

    def inputs(self, phase: str, inputs: Tensor, labels: Tensor, epoch: int) -> None:
        """Show the first batch of a phase with the range of its values.

        Args:
            phase: Name of the phase.
            inputs: uint8 (N, H, W, 3), or cached features (N, C, h, w), which are only described.
            labels: (N,).
            epoch: That it belongs to, counted from 1 over the run.
        """
        pictures = inputs.dtype == torch.uint8
        values = normalise(inputs) if pictures else inputs.float()
        ranges = {"min": values.min(), "max": values.max(), "mean": values.mean(), "std": values.std()}
        for name, value in ranges.items():
            self._writer.add_scalar(f"{phase}/inputs/{name}", float(value), epoch)
        shown = ", ".join(f"{name} {float(value):.4f}" for name, value in ranges.items())
        what = "normalised pictures" if pictures else "cached features"
        marks = " ".join(map(str, labels[:_SHOWN].tolist()))
        self._writer.add_text(
            f"{phase}/inputs", f"{what} {tuple(values.shape)}: {shown}; labels by row: {marks}", epoch
        )
        if pictures:
            from torchvision.utils import make_grid

            mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
            upright = (values[:_SHOWN].cpu() * std + mean).clamp(0, 1)
            self._writer.add_image(f"{phase}/inputs", make_grid(upright, nrow=_ROW), epoch)

    def epoch(
        self, phase: str, epoch: int, network: nn.Module, optimizer: Optimizer, losses: Mapping[str, float]
    ) -> None:
        """Write the end of an epoch.

        Args:
            phase: Name of the phase.
            epoch: Counted from 1 over the run.
            network: With the gradients of the last step.
            optimizer: For the rates of its groups.
            losses: By name.
        """
        for name, value in losses.items():
            self._writer.add_scalar(f"{phase}/{name}", value, epoch)
        for number, group in enumerate(optimizer.param_groups):
            self._writer.add_scalar(f"{phase}/rate/group{number}", group["lr"], epoch)
        for name, parameter in _trained(network.named_parameters()):
            self._writer.add_histogram(f"{phase}/parameters/{name}", parameter.detach().float().cpu(), epoch)
            if parameter.grad is not None:
                self._writer.add_histogram(f"{phase}/gradients/{name}", parameter.grad.float().cpu(), epoch)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def _trained(parameters: Iterable[tuple[str, nn.Parameter]]) -> Iterable[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in parameters if parameter.requires_grad)
