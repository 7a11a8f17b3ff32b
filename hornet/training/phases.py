"""Phase one: head and initialised layers on cached features. Phase two: the whole network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from hornet.training.augmentation import flips
from hornet.training.data import EpochBatches
from hornet.training.distributed import World
from hornet.training.features import cache_features, logits_after
from hornet.training.network import STAGES, normalise
from hornet.training.optim import build_optimizer, parameter_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.utils.data import DataLoader

    from hornet.training.config import TrainConfig
    from hornet.training.hardware import Hardware
    from hornet.training.network import HornetNet
    from hornet.training.weights import StartingPoint

#: Batch normalisation of one process, and of several that share their statistics.
BATCH_NORMS: Final = (nn.BatchNorm2d, nn.SyncBatchNorm)

_BATCH = 64  # pictures at a time where nothing is learned


class HeadPhase:
    """Phase one: every loaded tensor is frozen, what was drawn is trained.

    Args:
        network: With its starting weights; its loaded parameters are frozen.
        config: Of the run.
        point: What was loaded and what was drawn.
        hardware: Where to compute.
        pictures: The pixel cache's array.
        training: Places of the training pictures in it, and their labels.
        validation: Places of the validation pictures in it.
        draw: How likely each training picture is drawn, or None.
        folder: Where features are cached.
        live: Told how far it is.
    """

    name = "head"
    number = 1
    first_epoch = 0

    def __init__(
        self,
        network: HornetNet,
        config: TrainConfig,
        point: StartingPoint,
        hardware: Hardware,
        *,
        pictures: NDArray[np.uint8],
        training: tuple[NDArray[np.int64], NDArray[np.int64]],
        validation: NDArray[np.int64],
        draw: NDArray[np.float64] | None,
        folder: Path,
        live: Callable[[str], None],
    ) -> None:
        self.network, self.config, self.point, self.hardware = network, config, point, hardware
        self.epochs = config.head_epochs
        self.schedule: str = config.head_schedule
        self.draw = draw
        places, self.labels = training
        self.stages = point.frozen_stages()
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in point.initialised)
        groups = parameter_groups(
            network, rate=config.head_lr, layer_decay=1.0, weight_decay=config.weight_decay
        )
        self.optimizer = build_optimizer("adamw", groups)
        network.eval()
        flipped = config.augment != "none"
        self.features = cache_features(
            network,
            self.stages,
            pictures,
            places,
            hardware,
            file=folder / "train.npy",
            flipped=flipped,
            live=live,
        )
        alone = replace(hardware, world=World())
        self.validation_features = cache_features(
            network,
            self.stages,
            pictures,
            validation[hardware.world.part(len(validation))],
            alone,
            file=folder / f"validation{hardware.world.rank}.npy",
            flipped=False,
            live=live,
        )

    def steps(self) -> int:
        """Return the number of steps in an epoch."""
        return len(self._epoch())

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield float32 features (N, C, h, w), some mirrored, and labels (N,)."""
        seed = self.config.seed
        mirrored = flips(seed, epoch, len(self.labels)).astype(np.int64)
        batches = self._epoch()
        batches.epoch, batches.first = epoch, first
        for keys in batches:
            indices = np.array([index for _, index in keys])
            copies = mirrored[indices] if len(self.features) > 1 else np.zeros_like(indices)
            yield self._input(self.features[copies, indices]), torch.from_numpy(self.labels[indices])

    def _epoch(self) -> EpochBatches:
        config = self.config
        return EpochBatches(len(self.labels), config.batch, config.seed, self.draw, self.hardware.world)

    def train_mode(self) -> None:
        """Train, except that loaded batch normalisation keeps its statistics."""
        self.network.train()
        for name, module in self.network.named_modules():
            loaded = f"{name}.running_mean" not in self.point.initialised
            if isinstance(module, BATCH_NORMS) and (loaded or self.config.freeze_bn):
                module.eval()

    def logits(self, inputs: Tensor) -> Tensor:
        """Return (N, 2) of cached features."""
        return logits_after(self.network, inputs, self.stages)

    def validate(self) -> NDArray[np.float32]:
        """Return the logits (N, 2) of this process's validation pictures."""
        self.network.eval()
        parts = [np.zeros((0, 2), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, self.validation_features.shape[1], _BATCH):
                inputs = self._input(self.validation_features[0, start : start + _BATCH]).to(
                    self.hardware.device
                )
                with self.hardware.autocast():
                    parts.append(self.logits(inputs).float().cpu().numpy())
        return np.concatenate(parts)

    def finish(self) -> None:
        """Let everything be trained again."""
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)

    @staticmethod
    def _input(features: NDArray[np.float16]) -> Tensor:
        x = torch.from_numpy(np.ascontiguousarray(features)).to(torch.float32)
        return x.contiguous(memory_format=torch.channels_last)


class FullPhase:
    """Phase two: all layers, smaller rates below, augmented pictures.

    Args:
        network: Its parameters are trained, but those of the stages that are frozen.
        config: Of the run.
        hardware: Where to compute.
        loader: Gives augmented pictures; its batches know the epoch.
        batches: The loader's batches.
        pictures: The pixel cache's array.
        validation: Places of the validation pictures in it.
        pretrained: Whether anything was loaded: only then are rates below smaller.
    """

    name = "full"
    number = 2

    def __init__(
        self,
        network: HornetNet,
        config: TrainConfig,
        hardware: Hardware,
        *,
        loader: DataLoader[Any],
        batches: EpochBatches,
        pictures: NDArray[np.uint8],
        validation: NDArray[np.int64],
        pretrained: bool,
    ) -> None:
        self.network, self.config, self.hardware = network, config, hardware
        self.epochs = config.epochs
        self.first_epoch = config.head_epochs
        self.schedule: str = config.schedule
        self.loader, self._batches = loader, batches
        self.pictures, self.validation = pictures, validation
        self.freeze_bn = config.freeze_bn
        last = STAGES.index(config.freeze) if config.freeze != "none" else -1
        self._frozen = [part for stage in STAGES[: last + 1] for part in network.parts(stage)]
        for part in self._frozen:
            part.requires_grad_(False)
        groups = parameter_groups(
            network,
            rate=config.rate,
            layer_decay=config.layer_decay if pretrained else 1.0,
            weight_decay=config.weight_decay,
        )
        self.optimizer = build_optimizer(config.optimizer, groups, scaled=hardware.float16)

    def steps(self) -> int:
        """Return the number of steps in an epoch."""
        return len(self._batches)

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield augmented uint8 pictures (N, H, W, 3) and labels (N,)."""
        self._batches.epoch, self._batches.first = epoch, first
        for pictures, labels, _ in self.loader:
            yield pictures, labels

    def train_mode(self) -> None:
        """Train everything that isn't frozen."""
        self.network.train()
        for part in self._frozen:
            part.eval()
        if self.freeze_bn:
            for module in self.network.modules():
                if isinstance(module, BATCH_NORMS):
                    module.eval()

    def logits(self, inputs: Tensor) -> Tensor:
        """Return (N, 2) of uint8 pictures."""
        logits: Tensor = self.network(normalise(inputs))
        return logits

    def validate(self) -> NDArray[np.float32]:
        """Return the logits (N, 2) of this process's validation pictures."""
        mine = self.validation[self.hardware.world.part(len(self.validation))]
        return predict_logits(self.network, self.pictures, mine, self.hardware)


def predict_logits(
    network: HornetNet,
    pictures: NDArray[np.uint8],
    places: NDArray[np.int64] | Sequence[int],
    hardware: Hardware,
) -> NDArray[np.float32]:
    """Return the logits (N, 2), before temperature, of unchanged pictures.

    Args:
        network: Switched to evaluation.
        pictures: uint8 (M, H, W, 3).
        places: Which of them, (N,).
        hardware: Where, and in which precision.
    """
    network.eval()
    parts = [np.zeros((0, 2), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(places), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(pictures[places[start : start + _BATCH]]))
            with hardware.autocast():
                logits = network(normalise(batch.to(hardware.device)))
            parts.append(logits.float().cpu().numpy())
    return np.concatenate(parts)
