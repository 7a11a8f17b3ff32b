"""What a careful trainer does before a long run: overfit one batch, run everything once.

Looking for the rate is in :mod:`hornet.training.ranges`. None of these leaves a run behind that could be taken for a trained one.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from hornet.dataset import TRAIN, check_classes
from hornet.errors import ConfigError, DatasetError, HornetError
from hornet.training.augmentation import Augmentation
from hornet.training.data import (
    EpochBatches,
    PixelCache,
    TrainingPictures,
    default_workers,
    draw_probabilities,
    training_loader,
)
from hornet.training.hardware import choose_hardware, cpu_threads, deterministic, seed_step
from hornet.training.losses import build_loss
from hornet.training.mixing import mix
from hornet.training.network import HornetNet
from hornet.training.phases import FullPhase
from hornet.training.weights import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Dataset, Record
    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.losses import SoftCrossEntropy

#: Mean loss, nats, at which a batch counts as learned by heart: probabilities of 0.99.
TARGET: Final = 0.01
_MOST_STEPS: Final = 200
_ROSE, _MOVED = 1.2, 0.9  # of the first loss: above the one it rose, below the other it fell
_STILL, _STIRRED = 25, 0.99  # steps after which it must have fallen below this share of the first loss
_NAMED = 3  # pictures in a message

#: What would keep a fixed batch from zero loss, switched off.
_PLAIN: Final[dict[str, Any]] = {
    "augment": "none",
    "mixup": 0.0,
    "cutmix": 0.0,
    "mosaic": 0.0,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "weight_decay": 0.0,
    "balance": "none",
    "workers": 0,
}

#: A run that only proves the plumbing.
_FAST: Final[dict[str, Any]] = {"head_epochs": 1, "epochs": 1, "batch": 4, "validation": 0.25, "test": 0.25}
_FAST_PICTURES = 16  # of each class, and of each split where there are any


@dataclass(frozen=True, slots=True)
class Overfit:
    """A batch that was learned by heart.

    Attributes:
        pictures: Number of its pictures.
        steps: It took so many.
        first: Loss of the first step, nats.
        last: Loss of the last.
    """

    pictures: int
    steps: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Bench:
    """Phase two from the starting weights, on some pictures.

    Attributes:
        phase: With its optimiser and loader.
        loss: As of a run.
        hardware: Where it computes.
        scaler: Of gradients in float16.
    """

    phase: FullPhase
    loss: SoftCrossEntropy
    hardware: Hardware
    scaler: torch.amp.GradScaler

    def step(self, pictures: Tensor, labels: Tensor, *, number: int, seed: int) -> float:
        """Learn from a batch; return its loss before that."""
        seed_step(seed, self.phase.number, number)
        self.phase.optimizer.zero_grad(set_to_none=True)
        with self.hardware.autocast():
            logits = self.phase.logits(pictures.to(self.hardware.device))
        loss = self.loss(logits.float(), labels.to(self.hardware.device))
        value = float(loss.detach())
        if math.isfinite(value):
            self.scaler.scale(loss).backward()
            self.scaler.step(self.phase.optimizer)
            self.scaler.update()
        return value


def overfit_batch(
    config: TrainConfig,
    dataset: Dataset,
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
    steps: int = _MOST_STEPS,
) -> Overfit:
    """Learn one batch by heart, without augmentation, dropout, smoothing or decay: a set-up that can't is broken.

    Args:
        config: Decides network, starting weights, what is frozen, optimiser, rate, and size of the batch.
        dataset: The batch comes from its training pictures, both classes alike as far as possible.
        report: Told what was taken.
        live: Told how far it is.
        steps: Most steps.

    Raises:
        ConfigError: If the rate is to blame, or what is frozen.
        DatasetError: If the pictures are: both labels on one picture, or all of them the same to the network.
        HornetError: If the loss falls, but not to zero; the hardest pictures are named.
    """
    records = choose_pictures(dataset, config.batch, config.seed, even=True)
    plain = config.model_copy(update={**_PLAIN, "batch": len(records)})
    with phase_two(plain, records, report=report, live=live) as bench:
        pictures, labels, indices = next(iter(bench.phase.loader))
        named = [records[int(index)].name for index in indices]
        _check_batch(pictures.numpy(), labels.tolist(), named)
        bench.phase.train_mode()
        losses: list[float] = []
        for number in range(steps):
            losses.append(bench.step(pictures, labels, number=number, seed=config.seed))
            live(f"overfitting {len(records)} pictures: step {number + 1}/{steps}, loss {losses[-1]:.4f}")
            if losses[-1] < TARGET:
                return Overfit(len(records), len(losses), losses[0], losses[-1])
            still = len(losses) == _STILL and losses[-1] > _STIRRED * losses[0]
            if still or not math.isfinite(losses[-1]):
                break
        raise _diagnosis(bench, config, losses, (pictures, labels, named))


def fast_dev(config: TrainConfig, dataset: Dataset) -> tuple[TrainConfig, Dataset]:
    """Return settings and pictures with which a run goes through every step once, quickly.

    The pictures are spread over the data set, so that several groups are among them.
    """
    cells: dict[tuple[str | None, int | None], list[int]] = {}
    for index, record in enumerate(dataset.records):
        cells.setdefault((record.split, record.label), []).append(index)
    chosen = [
        members[int(at)]
        for members in cells.values()
        for at in np.linspace(0, len(members) - 1, min(_FAST_PICTURES, len(members)))
    ]
    return config.model_copy(update=_FAST), dataset.select(sorted(chosen))


def choose_pictures(dataset: Dataset, count: int, seed: int, *, even: bool) -> list[Record]:
    """Return at most ``count`` training pictures at random; if ``even``, from both classes in turn."""
    training = dataset.subset(TRAIN) if TRAIN in dataset.splits() else dataset
    check_classes(training, "The training set")
    order = np.random.default_rng(seed).permutation(len(training)).tolist()
    if not even:
        return [training.records[index] for index in order[:count]]
    sides = [[i for i in order if training.records[i].label == label] for label in (0, 1)]
    # The k-th of each class, k-th before k + 1st; where one class has ended, the other goes on.
    ranked = sorted((rank, label, index) for label in (0, 1) for rank, index in enumerate(sides[label]))
    return [training.records[index] for _, _, index in ranked[:count]]


@contextmanager
def phase_two(
    config: TrainConfig,
    records: Sequence[Record],
    *,
    report: Callable[[str], None],
    live: Callable[[str], None],
) -> Iterator[Bench]:
    """Set phase two up on these pictures as a run would, without a run folder.

    Raises:
        ConfigError: If device or starting weights can't be used.
        DatasetError: If a picture can't be read.
    """
    hardware = choose_hardware(config.device, config.precision)
    report(f"device: {hardware.describe()}, {len(records)} pictures, rate {config.rate:g}")
    labels = np.array([record.label for record in records], dtype=np.int64)
    with (
        cpu_threads(config.threads or os.cpu_count() or 1),
        deterministic(config.deterministic),
        TemporaryDirectory(prefix="hornet-bench-", ignore_cleanup_errors=True) as scratch,
    ):
        torch.manual_seed(config.seed)
        network = HornetNet(dropout=config.dropout, pooling=config.pooling)
        point = start(network, config.weights, init=config.init)
        for line in point.describe():
            report(line)
        network.to(hardware.device, memory_format=torch.channels_last)
        cache = PixelCache(Path(scratch) / "pixels.npy", len(records), config.size)
        if problems := cache.fill(records, config.pixel_rule, live=live):
            raise DatasetError(f"{problems[0].name}: {problems[0].reason}. Mend or remove it.")
        augmentation = Augmentation(config.augment, config.seed, config.pixel_rule)
        alone = TrainingPictures(records, augmentation, (cache.file, np.arange(len(records))))
        draw = draw_probabilities(records, config.balance)
        batches = EpochBatches(len(records), config.batch, config.seed, draw)
        workers = default_workers(hardware.device.type) if config.workers is None else config.workers
        phase = FullPhase(
            network,
            config,
            hardware,
            loader=training_loader(mix(alone, config, draw), batches, workers=workers),
            batches=batches,
            pictures=cache.array,
            validation=np.zeros(0, dtype=np.int64),
            pretrained=bool(point.taken),
        )
        yield Bench(phase, build_loss(config, labels, hardware.device), hardware, hardware.scaler())


def _check_batch(pictures: NDArray[np.uint8], labels: Sequence[int], names: Sequence[str]) -> None:
    """Refuse a batch that no network can learn."""
    first: dict[bytes, int] = {}
    like = [first.setdefault(picture.tobytes(), index) for index, picture in enumerate(pictures)]
    if len(first) == 1:
        raise DatasetError(
            f"all {len(names)} pictures, {names[0]} among them, are the same to the network: do masks cover "
            "everything, or are the files empty frames?"
        )
    for index, other in enumerate(like):
        if labels[other] != labels[index]:
            raise DatasetError(
                f"{names[other]} and {names[index]} are the same picture to the network, but one is labelled "
                "present and the other absent: no network can learn both; mend the labels"
            )


def _diagnosis(
    bench: Bench, config: TrainConfig, losses: Sequence[float], batch: tuple[Tensor, Tensor, Sequence[str]]
) -> HornetError:
    """Say what is broken, from how the loss went."""
    first, last = losses[0], float(np.median(losses[-5:]))
    went = f"one batch wasn't learned by heart: its loss went from {first:.3f} to {last:.3f} in {len(losses)} steps"
    if not math.isfinite(losses[-1]) or last > _ROSE * first:
        return ConfigError(
            f"{went}: the rate {config.rate:g} is too high; try --lr {config.rate / 10:g}, or --lr-find"
        )
    if last > _MOVED * first:
        frozen = (
            "" if config.freeze == "none" else f"; or --freeze {config.freeze} leaves too little to train"
        )
        return ConfigError(
            f"{went}, so it hardly moved: the rate {config.rate:g} is too low; try --lr-find, or leave --lr out{frozen}"
        )
    pictures, labels, names = batch
    with torch.no_grad(), bench.hardware.autocast():
        logits = bench.phase.logits(pictures.to(bench.hardware.device)).float().cpu()
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    hardest = ", ".join(
        f"{names[int(i)]} ({float(each[i]):.2f})" for i in each.argsort(descending=True)[:_NAMED]
    )
    return HornetError(
        f"{went}, not below {TARGET}. Look at the pictures with the highest loss for wrong labels: {hardest}; then try "
        "a higher --lr, or --freeze none"
    )
