"""Adversarial training: phase two learns from pictures that were just changed so that the network errs.

``fgsm`` takes one step from a random start (Wong et al. 2020, "Fast is better than free"): about twice the time of
ordinary training. ``pgd`` takes several smaller ones (Madry et al. 2018): that many times more. All pictures of a batch
are attacked; validation, and so early stopping and calibration, sees them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from hornet.training.attack import perturb

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.position import Phase

#: One long step from inside the range reaches its border (Wong et al. 2020, section 4.1).
_FAST_STRIDE: Final = 1.25
_PGD_STEPS: Final = 5
#: Steps of PGD times their length, in epsilons.
_PGD_REACH: Final = 2.5


@dataclass(frozen=True, slots=True)
class Adversary:
    """Changes the batches of phase two.

    Attributes:
        network: What is trained.
        hardware: Where and in which precision it computes.
        loss: That of the training: whatever the labels are, the attack goes against it.
        epsilon: Largest change of a channel, levels of 255.
        steps: Gradients a batch.
        stride: Length of a step, levels.
    """

    network: nn.Module
    hardware: Hardware
    loss: nn.Module
    epsilon: int
    steps: int
    stride: float

    def __call__(self, phase: Phase, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return what to learn from instead: uint8 (N, H, W, 3) on the same device; phase one's input as it is.

        The random start comes from torch's state, which the loop sets from the seed and the step, so that a resumed
        run does the same. The gradient is that of the network as it learns, with the batch's own statistics, which
        the running ones may lag far behind; the attack's passes leave no trace in those.
        """
        if phase.name != "full":
            return inputs

        def objective(x: Tensor) -> Tensor:
            with self.hardware.autocast():
                logits = phase.logits(x)
            result: Tensor = self.loss(logits.float(), labels)
            return result

        start = 2 * torch.rand(inputs.shape, device=inputs.device) - 1
        before = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        changed = perturb(
            objective, inputs, epsilon=self.epsilon, steps=self.steps, stride=self.stride, start=start
        )
        for buffer, value in before:
            buffer.copy_(value)
        return changed


def build_adversary(
    config: TrainConfig, network: nn.Module, hardware: Hardware, loss: nn.Module
) -> Adversary | None:
    """Return the adversary that the configuration asks for, None if it asks for none."""
    if not config.adversarial:
        return None
    steps, reach = (1, _FAST_STRIDE) if config.adversarial_attack == "fgsm" else (_PGD_STEPS, _PGD_REACH)
    stride = max(1.0, reach * config.adversarial / steps)
    return Adversary(network, hardware, loss, config.adversarial, steps, stride)
