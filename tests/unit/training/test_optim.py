"""Rates by stage, and schedules by step."""

import pytest
import torch

from hornet.errors import ConfigError
from hornet.training.network import HornetNet
from hornet.training.optim import build_optimizer, factor, parameter_groups, set_rates


def test_each_stage_down_has_a_smaller_rate():
    """The rate is the head's times the decay to the power of the distance."""
    groups = parameter_groups(HornetNet(), rate=1.0, layer_decay=0.5, weight_decay=0.1)

    assert [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125] == sorted({g["base"] for g in groups}, reverse=True)


def test_every_parameter_is_in_one_group_and_only_weights_decay():
    """Biases and normalisation have no weight decay."""
    network = HornetNet()
    groups = parameter_groups(network, rate=1.0, layer_decay=0.5, weight_decay=0.1)
    decays = {id(p): g["weight_decay"] for g in groups for p in g["params"]}

    assert sum(len(g["params"]) for g in groups) == len(decays) == len(list(network.parameters()))
    assert {0.1} == {decays[id(p)] for p in network.parameters() if p.ndim > 1}
    assert {0.0} == {decays[id(p)] for p in network.parameters() if p.ndim == 1}


def test_frozen_parameters_are_left_out():
    """What doesn't require a gradient isn't given to the optimiser."""
    network = HornetNet().requires_grad_(False)
    network.fc.requires_grad_(True)

    groups = parameter_groups(network, rate=1.0, layer_decay=1.0, weight_decay=0.1)

    assert 2 == sum(len(group["params"]) for group in groups)


@pytest.mark.parametrize(
    ("name", "after_two"),
    # Gradient 1 at rate 0.1 from 1.0, without decay: by hand.
    [("sgd", 0.8), ("momentum", 1 - 0.1 * 1.9 - 0.1 * 2.71), ("adam", 0.8), ("adamw", 0.8)],
)
def test_optimisers_step_as_their_names_say(name, after_two):
    """Two steps of a constant gradient end where the formula says."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = build_optimizer(name, [{"params": [weight], "lr": 0.1, "base": 0.1, "weight_decay": 0.0}])
    for _ in range(2):
        weight.grad = torch.tensor([1.0])
        optimizer.step()

    assert after_two == pytest.approx(weight.item(), abs=1e-5)


def test_adam_and_adamw_decay_differently():
    """Decay is decoupled from the gradient in AdamW alone."""

    def end(name):
        weight = torch.nn.Parameter(torch.tensor([1.0]))
        optimizer = build_optimizer(name, [{"params": [weight], "lr": 0.1, "base": 0.1, "weight_decay": 0.5}])
        weight.grad = torch.tensor([0.0])
        optimizer.step()
        return weight.item()

    assert (pytest.approx(0.9), pytest.approx(0.95)) == (end("adam"), end("adamw"))


def test_schedules_have_their_shapes():
    """Values at the start, the middle and the end of 1000 steps."""
    at = {
        name: [round(factor(name, step, 1000), 3) for step in (0, 49, 50, 525, 999)]
        for name in ("constant", "step", "cosine", "cyclic")
    }

    assert {
        "constant": [0.02, 0.98, 1.0, 1.0, 1.0],
        "step": [0.02, 0.98, 1.0, 0.1, 0.01],
        "cosine": [0.02, 0.98, 1.0, 0.5, 0.0],
        "cyclic": [0.1, 0.453, 0.46, 0.28, 0.107],
    } == at


def test_plateau_divides_by_ten_each_time():
    """After the warm-up, whatever the step is."""
    assert [0.02, 1.0, 0.1, 0.01] == [
        round(factor("plateau", step, 1000, lowered), 3)
        for step, lowered in [(0, 0), (900, 0), (60, 1), (999, 2)]
    ]


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "cyclic", "plateau"])
@pytest.mark.parametrize("total", [1, 2, 7, 100, 100_000])
def test_a_rate_is_never_above_its_base_nor_negative(schedule, total):
    """However short or long a phase is."""
    values = [factor(schedule, step, total) for step in range(0, total, max(1, total // 500))]

    assert 0 <= min(values)
    assert max(values) <= 1
    assert 0 < max(values)


def test_rates_are_set_from_their_base():
    """Setting twice doesn't compound."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = build_optimizer("sgd", [{"params": [weight], "lr": 0.4, "base": 0.4, "weight_decay": 0.0}])
    set_rates(optimizer, 0.5)
    set_rates(optimizer, 0.5)

    assert 0.2 == optimizer.param_groups[0]["lr"]


def test_unknown_names_are_refused():
    """The message lists what is known."""
    with pytest.raises(ConfigError, match="adamw"):
        build_optimizer("rmsprop", [])
    with pytest.raises(ConfigError, match="cosine"):
        factor("linear", 0, 10)
