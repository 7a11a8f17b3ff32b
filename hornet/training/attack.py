"""Adversarial pictures: changed as little as allowed so that a network errs. All of them are real 8-bit pictures.

- ``fgsm``: one step along the sign of the gradient (Goodfellow et al. 2015).
- ``pgd``: several smaller steps from a random start, each brought back into the allowed range (Madry et al. 2018).
- ``patch``: a square whose pixels are free, as if something had been stuck on (after Brown et al. 2017, who make one
  patch for all pictures; here each picture gets its own, which is stronger, at a place drawn by the seed).

Strength is in levels of 255: at ``epsilon`` 4 no channel of any pixel changes by more than 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch
from PIL import Image

from hornet.errors import ConfigError
from hornet.images import decode, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Record
    from hornet.images import PixelRule

Method = Literal["fgsm", "pgd", "patch"]
LEVELS: Final = 255
#: Steps of PGD times their length, in epsilons: enough to cross the range and come back (Madry et al. 2018).
_REACH: Final = 2.5


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attacker may do.

    Attributes:
        method: ``fgsm``, ``pgd`` or ``patch``.
        epsilon: Largest change of a channel, levels of 255.
        steps: Gradients that are computed for a picture; ``fgsm`` always takes one.
        fraction: Share of the picture that a patch covers.
    """

    method: Method
    epsilon: int
    steps: int = 10
    fraction: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= LEVELS:
            raise ConfigError(f"epsilon {self.epsilon} must be from 0 to 255 levels")
        if self.steps < 1:
            raise ConfigError(f"{self.steps} steps make no attack; at least 1")
        if not 0 < self.fraction <= 1:
            raise ConfigError(
                f"a patch that covers {self.fraction:g} of a picture: write above 0 and at most 1"
            )

    def describe(self) -> str:
        """Say it in words, without its strength."""
        if self.method == "fgsm":
            return "FGSM, one step"
        if self.method == "pgd":
            return f"PGD, {self.steps} steps from a random start"
        return f"a patch of its own for each picture, {self.fraction:.0%} of the area, {self.steps} steps"


def perturb(
    objective: Callable[[Tensor], Tensor],
    pictures: Tensor,
    *,
    epsilon: int,
    steps: int,
    stride: float,
    start: Tensor | None = None,
    free: Tensor | None = None,
) -> Tensor:
    """Climb the objective by steps along the gradient's sign, and round to whole levels.

    Args:
        objective: Of pictures as float32 (N, H, W, 3), 0 to 255; one number, larger where the network errs more.
        pictures: uint8 (N, H, W, 3).
        epsilon: Largest change, levels.
        steps: How many.
        stride: Length of a step, levels.
        start: Where to begin, as a change in epsilons from -1 to 1, (N, H, W, 3); None: at the pictures.
        free: Where changes are allowed, bool (N, H, W, 1); None: everywhere.

    Returns:
        uint8 (N, H, W, 3), nowhere further than ``epsilon`` from ``pictures``.
    """
    if epsilon == 0:
        return pictures
    original = pictures.to(torch.float32)
    reach = float(epsilon) if free is None else epsilon * free.to(torch.float32)
    low, high = (original - reach).clamp(min=0), (original + reach).clamp(max=LEVELS)
    x = original if start is None else torch.clamp(original + start * reach, low, high)
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(x), x)
        x = torch.clamp(x.detach() + stride * gradient.sign(), low, high)
    # Bounds are whole numbers, so that rounding never leaves them.
    return x.detach().round().to(torch.uint8)


def attack_batch(
    logits: Callable[[Tensor], Tensor],
    pictures: Tensor,
    labels: Tensor,
    attack: Attack,
    *,
    start: Tensor | None = None,
    free: Tensor | None = None,
) -> Tensor:
    """Attack some pictures of a network whose weights aren't touched.

    Args:
        logits: Of float32 (N, H, W, 3), 0 to 255.
        pictures: uint8 (N, H, W, 3).
        labels: What they show, (N,).
        attack: What is allowed.
        start: As of :func:`perturb`; ``fgsm`` has none.
        free: As of :func:`perturb`.

    Returns:
        uint8 (N, H, W, 3).
    """
    wrong = 1 - 2 * labels.to(torch.float32)  # towards presence where nothing is there

    def objective(x: Tensor) -> Tensor:
        # The margin, not the loss: its gradient doesn't fade where the network is sure.
        answer = logits(x).float()
        return (wrong * (answer[:, 1] - answer[:, 0])).sum()

    if attack.method == "fgsm":
        return perturb(
            objective, pictures, epsilon=attack.epsilon, steps=1, stride=float(attack.epsilon), free=free
        )
    stride = max(1.0, _REACH * attack.epsilon / attack.steps)
    return perturb(
        objective, pictures, epsilon=attack.epsilon, steps=attack.steps, stride=stride, start=start, free=free
    )


def patch_place(size: tuple[int, int], fraction: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a square of this share of the area, bool (H, W); cut to the picture if it is higher than that."""
    height, width = size
    side = max(1, round(math.sqrt(fraction * height * width)))
    tall, wide = min(side, height), min(side, width)
    top, left = int(generator.integers(height - tall + 1)), int(generator.integers(width - wide + 1))
    place = np.zeros(size, dtype=np.bool_)
    place[top : top + tall, left : left + wide] = True
    return place


def unmasked(record: Record, rule: PixelRule) -> NDArray[np.bool_]:
    """Return which pixels of the network's input the picture decides, bool (H, W): neither masked nor padding.

    What is filled in after the attacker has had his way is out of his reach.
    """
    if not rule.masks and not record.masks and rule.resize == "stretch":
        return np.ones(rule.size, dtype=np.bool_)
    white = Image.new("RGB", decode(read_file(record.path)).size, (LEVELS,) * 3)
    black = replace(rule, fill=(0, 0, 0))
    kept: NDArray[np.bool_] = preprocess(white, black, masks=record.masks)[..., 0] == LEVELS
    return kept
