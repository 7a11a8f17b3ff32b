"""What a run goes through, and where in it it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.optim import Optimizer


class Phase(Protocol):
    """What differs between the phases.

    Attributes:
        name: ``head`` or ``full``.
        number: Separates the random draws of the phases.
        epochs: Most epochs.
        first_epoch: What the phase's epoch 0 is called in random draws, which count over the run.
        optimizer: Over what the phase trains.
        schedule: Name of the schedule.
    """

    name: str
    number: int
    epochs: int
    first_epoch: int
    optimizer: Optimizer
    schedule: str

    def steps(self) -> int:
        """Return the number of steps in an epoch."""
        ...

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the inputs of :meth:`logits` from step ``first`` of the epoch on, and labels.

        Labels are classes (N,), or their probabilities (N, 2) where pictures were mixed.
        """
        ...

    def train_mode(self) -> None:
        """Switch dropout and batch normalisation to training, where they train."""
        ...

    def logits(self, inputs: Tensor) -> Tensor:
        """Return (N, 2)."""
        ...

    def validate(self) -> NDArray[np.float32]:
        """Return the logits (N, 2) of the validation pictures, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Best:
    """Where the best weights of a run are from.

    Attributes:
        phase: ``head`` or ``full``.
        epoch: Of that phase, counted from 1.
        validation_loss: Lowest of the run, nats.
    """

    phase: str = ""
    epoch: int = 0
    validation_loss: float = math.inf


@dataclass(slots=True)
class Position:
    """Where a run is; with the tensors, all that resuming needs, as no random state is carried.

    Attributes:
        phase: Name of the phase.
        epoch: Epochs of this phase that are done.
        step: Steps of this phase that are done.
        rows: Lines in the metrics file, without its header.
        best: Where the best weights so far are from.
        phase_best: Lowest validation loss of this phase.
        stale: Epochs since then.
        lowered: How often in this phase the validation loss stood still, for the schedule ``plateau``.
        losses: Of the steps of the unfinished epoch.
    """

    phase: str = ""
    epoch: int = 0
    step: int = 0
    rows: int = 0
    best: Best = Best()
    phase_best: float = math.inf
    stale: int = 0
    lowered: int = 0
    losses: list[float] = field(default_factory=list)

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        self.phase, self.epoch, self.step = phase, 0, 0
        self.phase_best, self.stale, self.lowered = math.inf, 0, 0
        self.losses = []
