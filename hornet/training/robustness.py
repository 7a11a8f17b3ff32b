"""How much of a network's quality is left when somebody changes the pictures on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from hornet.errors import DatasetError
from hornet.evaluation.intervals import draw_groups, group_numbers, percentiles
from hornet.evaluation.metrics import MIN_GROUPS, Estimate, Quality, summarize
from hornet.training.agreement import probability
from hornet.training.attack import Attack, attack_batch, patch_place, unmasked
from hornet.training.data import PixelCache
from hornet.training.network import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Dataset
    from hornet.training.hardware import Hardware
    from hornet.training.network import HornetNet
    from hornet.training.trained import TrainedRun

_BATCH: Final = 32
# Separates these draws from those of training.
_STREAM: Final = 21


@dataclass(frozen=True, slots=True)
class Attacked:
    """What an attack of one strength left.

    Attributes:
        attack: Which.
        quality: Under attack.
        lost: Accuracy without minus accuracy under attack, on the same pictures.
        pictures: uint8 (N, H, W, 3).
        probabilities: (N,).
    """

    attack: Attack
    quality: Quality
    lost: Estimate
    pictures: NDArray[np.uint8]
    probabilities: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON, without the pictures."""
        return {
            "epsilon": self.attack.epsilon,
            "quality": self.quality.to_dict(),
            "accuracy_lost": self.lost.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Robustness:
    """A network, some pictures, and what attacks do to them.

    Attributes:
        clean: Quality on the pictures as they are.
        attacked: By strength.
        pictures: As they are, uint8 (N, H, W, 3).
        labels: (N,).
        probabilities: Without attack, (N,).
        threshold: From this probability on: present.
    """

    clean: Quality
    attacked: tuple[Attacked, ...]
    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    threshold: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"clean": self.clean.to_dict(), "attacked": [one.to_dict() for one in self.attacked]}


def measure_robustness(
    trained: TrainedRun,
    data: Dataset,
    attacks: Sequence[Attack],
    hardware: Hardware,
    scratch: Path,
    *,
    seed: int = 0,
    live: Callable[[str], None] = lambda _: None,
) -> Robustness:
    """Attack the pictures as the network of a run takes them: decoded, masked, resized.

    Args:
        trained: The run; its temperature and threshold decide.
        data: Labelled pictures that the run hasn't seen.
        attacks: What to try.
        hardware: Where to compute.
        scratch: Folder for decoded pictures.
        seed: Of random starts and of patches' places.
        live: Told how far it is.

    Raises:
        DatasetError: If a picture can't be read.
    """
    rule = trained.config.pixel_rule
    cache = PixelCache(scratch / "attacked-pixels.npy", len(data), rule.size)
    if problems := cache.fill(data.records, rule, live=live):
        raise DatasetError(f"{problems[0].name}: {problems[0].reason}. Mend or remove it.")
    pictures = np.array(cache.array)
    free = np.stack([unmasked(record, rule) for record in data.records])
    network = trained.network.to(hardware.device).eval().requires_grad_(requires_grad=False)
    temperature = float(trained.calibration["temperature"])
    threshold = float(trained.calibration["decision_threshold"])
    labels, groups = data.labels(), data.groups()

    def quality(probabilities: NDArray[np.float64]) -> Quality:
        return summarize(labels, probabilities, threshold=threshold, groups=groups)

    before = _answers(network, pictures, temperature, hardware)
    results = []
    for attack in attacks:
        changed = attack_all(network, pictures, labels, attack, hardware, free=free, seed=seed, live=live)
        after = _answers(network, changed, temperature, hardware)
        right = [(p >= threshold) == (labels == 1) for p in (before, after)]
        results.append(Attacked(attack, quality(after), _lost(right[0], right[1], groups), changed, after))
    return Robustness(quality(before), tuple(results), pictures, labels, before, threshold)


def attack_all(
    network: HornetNet,
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
    attack: Attack,
    hardware: Hardware,
    *,
    free: NDArray[np.bool_] | None = None,
    seed: int = 0,
    live: Callable[[str], None] = lambda _: None,
) -> NDArray[np.uint8]:
    """Attack pictures batch by batch; what becomes of one depends on the seed and its place alone.

    Args:
        network: In evaluation mode.
        pictures: uint8 (N, H, W, 3).
        labels: (N,).
        attack: What is allowed.
        hardware: Where to compute.
        free: What may be changed, bool (N, H, W); None: everything.
        seed: Of random starts and places.
        live: Told how far it is.

    Returns:
        uint8 (N, H, W, 3).
    """
    result = np.empty_like(pictures)
    size = (pictures.shape[1], pictures.shape[2])

    def logits(x: Tensor) -> Tensor:
        answer: Tensor = network(normalise(x))
        return answer

    for first in range(0, len(pictures), _BATCH):
        places = range(first, min(first + _BATCH, len(pictures)))
        generators = [np.random.default_rng(np.random.SeedSequence((seed, _STREAM, i))) for i in places]
        allowed = (
            np.ones((len(places), *size), np.bool_) if free is None else free[first : first + len(places)]
        )
        if attack.method == "patch":
            squares = [patch_place(size, attack.fraction, generator) for generator in generators]
            allowed = allowed & np.stack(squares)
        starts = np.stack(
            [generator.uniform(-1, 1, (*size, 3)).astype(np.float32) for generator in generators]
        )
        changed = attack_batch(
            logits,
            torch.from_numpy(pictures[first : first + len(places)]).to(hardware.device),
            torch.from_numpy(labels[first : first + len(places)]).to(hardware.device),
            attack,
            start=torch.from_numpy(starts).to(hardware.device),
            free=torch.from_numpy(allowed[..., None]).to(hardware.device),
        )
        result[first : first + len(places)] = changed.cpu().numpy()
        live(f"{attack.method} {attack.epsilon}/255: {places.stop}/{len(pictures)}")
    return result


def _answers(
    network: HornetNet, pictures: NDArray[np.uint8], temperature: float, hardware: Hardware
) -> NDArray[np.float64]:
    parts = []
    with torch.inference_mode():
        for first in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(pictures[first : first + _BATCH]).to(hardware.device)
            parts.append(network(normalise(batch)).double().cpu().numpy())
    return probability(np.concatenate(parts), temperature)


def _lost(before: NDArray[np.bool_], after: NDArray[np.bool_], groups: Sequence[str]) -> Estimate:
    """Return the accuracy lost, with an interval over resampled groups."""
    difference = before.astype(np.float64) - after
    place, count = group_numbers(groups)
    if count < MIN_GROUPS:
        return Estimate(float(difference.mean()), reason="fewer than 10 groups")
    drawn = draw_groups(count, 1000, 0)
    sums = np.bincount(place, weights=difference, minlength=count)
    sizes = np.bincount(place, minlength=count)
    bounds = percentiles((drawn @ sums) / (drawn @ sizes))
    low, high = bounds if bounds is not None else (None, None)
    return Estimate(float(difference.mean()), low, high, "group-bootstrap")
