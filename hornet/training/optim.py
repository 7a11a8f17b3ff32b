"""Optimisers with smaller rates below, and schedules as pure functions of the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import torch

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

#: Distance of each part from the head; the stem is conv1 and bn1.
_DEPTH: Final = {"fc": 0, "layer4": 1, "layer3": 2, "layer2": 3, "layer1": 4, "bn1": 5, "conv1": 5}

_WARM_UP_SHARE = 0.05  # of a phase's steps
_MOST_WARM_UP = 200  # steps
_STEPS_AT: Final = (0.5, 0.75)  # of a phase: where ``step`` divides the rate by 10
_CYCLES = 4  # of ``cyclic`` in a phase
_LOW = 0.1  # where ``cyclic`` starts and ends


def parameter_groups(
    network: nn.Module, *, rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Group the trainable parameters by stage, with ``layer_decay`` to the power of the depth.

    Args:
        network: Named like a ResNet-18; parameters without ``requires_grad`` are left out.
        rate: Learning rate of the head.
        layer_decay: Factor from one stage down to the next.
        weight_decay: For weights of convolutions and of the linear layer; others have none.

    Returns:
        Groups for a torch optimiser. ``base`` is the rate before the schedule.
    """
    groups: dict[tuple[int, float], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        depth = _DEPTH[name.split(".", 1)[0]]
        decay = weight_decay if parameter.ndim > 1 else 0.0
        base = rate * layer_decay**depth
        group = groups.setdefault(
            (depth, decay), {"params": [], "lr": base, "base": base, "weight_decay": decay}
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def build_optimizer(name: str, groups: list[dict[str, Any]], *, scaled: bool = False) -> Optimizer:
    """Build ``sgd``, ``momentum`` (Nesterov, 0.9), ``adam`` or ``adamw``.

    Args:
        name: One of these.
        groups: Parameters, with their rates.
        scaled: Whether gradients are scaled, so that steps may be left out.

    Raises:
        ConfigError: If the name isn't one of these.
    """
    # One pass over the memory instead of ten: on a CPU an update takes a quarter of the time.
    fused = all(p.device.type in {"cpu", "cuda"} for group in groups for p in group["params"])
    # Its momentum is uninitialised memory after a first step that was left out (seen in torch 2.14).
    fused = fused and not (scaled and name == "momentum")
    if name == "sgd":
        return torch.optim.SGD(groups, fused=fused)
    if name == "momentum":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=fused)
    if name == "adam":
        return torch.optim.Adam(groups, fused=fused)
    if name == "adamw":
        return torch.optim.AdamW(groups, fused=fused)
    raise ConfigError(f"optimizer {name!r} isn't known; choose from sgd, momentum, adam, adamw")


def factor(schedule: str, step: int, total: int, lowered: int = 0) -> float:
    """Return what the rates are multiplied by at ``step`` of ``total`` steps, counted from 0.

    All schedules begin with a linear warm-up over 5 % of the steps, 200 at most. ``constant`` stays at
    1; ``step`` falls tenfold at 1/2 and at 3/4; ``cosine`` falls to 0 (Loshchilov and Hutter 2017);
    ``cyclic`` makes four triangles between 0.1 and 1 (Smith 2017); ``plateau`` falls tenfold each time that the
    validation loss stood still.

    Args:
        schedule: Its name.
        step: Counted from 0 over the phase.
        total: Steps of the phase.
        lowered: How often the validation loss stood still.

    Raises:
        ConfigError: If the schedule isn't known.
    """
    if schedule == "cyclic":  # each triangle is its own warm-up
        phase = step * _CYCLES / max(total, 1) % 1
        return _LOW + (1 - _LOW) * (1 - abs(2 * phase - 1))
    warm_up = min(_MOST_WARM_UP, int(total * _WARM_UP_SHARE))
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    done = (step - warm_up) / max(total - warm_up, 1)
    if schedule == "constant":
        return 1.0
    if schedule == "plateau":
        return 0.1**lowered
    if schedule == "step":
        return 0.1 ** sum(done >= at for at in _STEPS_AT)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    raise ConfigError(
        f"schedule {schedule!r} isn't known; choose from constant, step, cosine, cyclic, plateau"
    )


def set_rates(optimizer: Optimizer, multiplier: float) -> None:
    """Set every group's rate to its base times ``multiplier``."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * multiplier
