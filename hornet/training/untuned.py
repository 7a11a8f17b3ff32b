"""Untuned ImageNet features for the audit: of weights that never learned from anybody's hornets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from hornet.errors import ConfigError
from hornet.evaluation.audit import Embedding
from hornet.training.features import through
from hornet.training.hardware import cpu_threads
from hornet.training.network import HornetNet
from hornet.training.weights import cached_imagenet, fetch_imagenet, read_state, take

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

# Stages without which there is nothing worth asking.
_LEAST: Final = 4
_CLASSES: Final = 2


def untuned_features(weights: str | None) -> Embedding | None:
    """Return what computes averages of the last feature map that the weights are complete for, on the CPU.

    Args:
        weights: ``imagenet`` (downloaded where need be), a file that has everything up to layer 3, or None for what
            torch's cache has of ImageNet's weights.

    Returns:
        None if no weights were given and none are cached.

    Raises:
        HornetError: If the download fails.
        ConfigError: If the file can't be used, or holds a network that was tuned to tell hornets.
    """
    if weights is None:
        file = cached_imagenet()
        if file is None:
            return None
    else:
        file = fetch_imagenet() if weights == "imagenet" else _checked(weights)
    origin = "imagenet" if weights in {None, "imagenet"} else file.name
    state = read_state(file)
    _refuse_tuned(file, state)
    network = HornetNet()
    stages = take(network, state, origin=origin).frozen_stages()
    if len(stages) < _LEAST:
        raise ConfigError(
            f"{file}: lacks tensors up to layer 3; an audit needs those of ImageNet's ResNet-18"
        )
    network.eval()

    def compute(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode(), cpu_threads(os.cpu_count() or 1):
            maps = through(network, torch.from_numpy(pictures), stages)
            result: NDArray[np.float32] = maps.mean(dim=(2, 3)).numpy()
        return result

    return Embedding(f"{origin}, {stages[-1]}", compute)


def _checked(weights: str) -> Path:
    """Return the file, unless it is plainly no file of starting weights."""
    file = Path(weights)
    if weights == "none":
        raise ConfigError("--weights none: drawn weights aren't ImageNet's; leave --weights away")
    if file.is_dir() or file.suffix == ".onnx" or file.parent.name == "checkpoint":
        raise _tuned(file)
    return file


def _refuse_tuned(file: Path, state: dict[str, Tensor]) -> None:
    head = state.get("fc.weight")
    if head is not None and len(head) == _CLASSES:
        raise _tuned(file)


def _tuned(file: Path) -> ConfigError:
    return ConfigError(
        f"{file}: a run, or a model of two classes, not untuned weights; an audit never asks the model under test. "
        "Give --weights imagenet, or a file of ImageNet's ResNet-18"
    )
