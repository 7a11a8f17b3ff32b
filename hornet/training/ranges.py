"""The learning rate range test: what the loss does while the rate rises from too low to too high."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.errors import HornetError
from hornet.training.bench import choose_pictures, phase_two
from hornet.training.optim import set_rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Dataset
    from hornet.training.config import TrainConfig
    from hornet.training.phases import FullPhase

_LOWEST: Final = 1e-6
_HIGHEST: Final = {"sgd": 10.0, "momentum": 10.0, "adam": 1.0, "adamw": 1.0}
_MEMORY = 0.8  # of the running mean that notices divergence
_DIVERGED = 4.0  # times the lowest running mean
_SIGMA = 2.5  # steps, of the curve that the suggestion is read from
_FELL = 0.95  # of its start, below which the curve must come


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Loss against rate, of one pass from a rate that does nothing to one that destroys.

    Attributes:
        rates: Of the head, (n,).
        losses: Of the steps, (n,), nats.
        smoothed: The curve that is looked at, (n,).
        lowest: Rate at its minimum.
        steepest: Rate at which it falls most.
        suggestion: A tenth of ``lowest``.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    lowest: float
    steepest: float
    suggestion: float


def lr_find(
    config: TrainConfig,
    dataset: Dataset,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
    steps: int = 100,
) -> RangeTest:
    """Raise phase two's rate exponentially, a batch a step, until the loss diverges (Smith 2017, section 3.3).

    Args:
        config: As of a run; augmentation, mixing and dropout act as they would there.
        dataset: The batches come from its training pictures.
        report: Told what was taken.
        live: Told how far it is.
        steps: From the lowest rate to the highest.

    Raises:
        DatasetError: If a picture can't be read.
        HornetError: If the loss falls at no rate.
    """
    records = choose_pictures(dataset, steps * config.batch, config.seed, even=False)
    ramp = np.geomspace(_LOWEST, _HIGHEST[config.optimizer], steps)
    losses: list[float] = []
    mean, lowest = 0.0, math.inf
    with phase_two(config, records, report=report, live=live) as bench:
        bench.phase.train_mode()
        for number, (pictures, labels) in zip(range(steps), _endless(bench.phase), strict=False):
            set_rates(bench.phase.optimizer, ramp[number] / config.rate)
            loss = bench.step(pictures, labels, number=number, seed=config.seed)
            live(f"range test: step {number + 1}/{steps}, rate {ramp[number]:.2g}, loss {loss:.3f}")
            if not math.isfinite(loss):
                break
            losses.append(loss)
            mean = _MEMORY * mean + (1 - _MEMORY) * loss
            corrected = mean / (1 - _MEMORY ** len(losses))
            lowest = min(lowest, corrected)
            if corrected > _DIVERGED * lowest:
                break
    return read_curve(ramp[: len(losses)], np.array(losses))


def read_curve(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> RangeTest:
    """Smooth the losses and read the suggestion: a tenth of the rate at the minimum.

    Raises:
        HornetError: If the loss falls nowhere.
    """
    steps = np.arange(len(losses))
    kernel = np.exp(-0.5 * ((steps[:, None] - steps) / _SIGMA) ** 2)
    smoothed = kernel @ losses / kernel.sum(axis=1)
    lowest = int(np.argmin(smoothed)) if len(losses) else 0
    if lowest == 0 or smoothed[lowest] > _FELL * smoothed[0]:
        raise HornetError(
            "the loss falls at no rate, so none can be suggested; hornet train --overfit-batch says what is broken, "
            "and a larger --batch makes the curve smoother"
        )
    slopes = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    best = float(rates[lowest])
    return RangeTest(rates, losses, smoothed, best, float(rates[np.argmin(slopes)]), best / 10)


def _endless(phase: FullPhase) -> Iterator[tuple[Tensor, Tensor]]:
    epoch = 0
    while True:
        yield from phase.batches(epoch)
        epoch += 1
