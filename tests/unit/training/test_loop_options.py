"""What the loop does at a step and at the end of an epoch, on a network of one layer: fast, and by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from hornet.training.averaging import Average
from hornet.training.config import TrainConfig
from hornet.training.hardware import Hardware
from hornet.training.loop import Loop
from hornet.training.losses import build_loss
from hornet.training.optim import build_optimizer

_CPU = torch.device("cpu")
_EPOCHS, _STEPS = 7, 3


class _Phase:
    """Forty points in a plane; validation is on points of which a tenth has the wrong label."""

    name, number, epochs, first_epoch = "full", 2, _EPOCHS, 0

    def __init__(self, network, config, rate=0.5, *, scaled=False):
        self.network, self.schedule = network, config.schedule
        groups = [{"params": list(network.parameters()), "lr": rate, "base": rate, "weight_decay": 0.0}]
        self.optimizer = build_optimizer("momentum", groups, scaled=scaled)
        generator = np.random.default_rng(3)
        self.points = torch.from_numpy(generator.normal(size=(40, 2)).astype(np.float32))
        self.labels = (self.points[:, 0] > 0).long()
        self.wrong = np.where(np.arange(40) % 10 == 0, 1 - self.labels.numpy(), self.labels.numpy())

    def steps(self):
        return _STEPS

    def batches(self, epoch, first=0):
        order = np.random.default_rng(epoch).permutation(40)
        for step in range(first, _STEPS):
            chosen = order[step * 12 : step * 12 + 12]
            yield self.points[chosen], self.labels[chosen]

    def train_mode(self):
        self.network.train()

    def logits(self, inputs):
        return self.network(inputs)

    def validate(self):
        self.network.eval()
        with torch.no_grad():
            return self.network(self.points).numpy()


def _run(tmp_path, *, state=None, float16=False, network=None, rate=0.5, **given):
    """Train; return the loop, and the checkpoints after every step and epoch."""
    config = TrainConfig(data=tmp_path, checkpoint_minutes=0, **{"patience": _EPOCHS, **given})
    if network is None:
        torch.manual_seed(5)
        network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    phase = _Phase(network, config, rate, scaled=float16)
    saved = []
    loop = Loop(
        network=network,
        config=config,
        hardware=Hardware(_CPU, bfloat16=False, float16=float16),
        loss=build_loss(config, phase.wrong, _CPU),
        labels=phase.wrong,
        metrics=tmp_path / "metrics.csv",
        report=lambda _: None,
        live=lambda _: None,
        keep=lambda _: None,
        save=lambda checkpoint: saved.append(copy.deepcopy(checkpoint)),
    )
    if state is not None:
        loop.restore(copy.deepcopy(state))
    loop.run(phase)
    return loop, saved


@pytest.mark.parametrize(
    "options",
    [{"schedule": "plateau", "plateau_epochs": 1}, {"ema": 0.9}, {"float16": True}],
    ids=["plateau", "ema", "float16"],
)
def test_resuming_after_any_step_gives_the_same_bits(tmp_path, options):
    """The state of the schedule, the average and the scaler is in the checkpoint."""
    whole, saved = _run(tmp_path, **options)
    states = range(1, len(saved) - 1, 3)

    for at in states:
        resumed, _ = _run(tmp_path, state=saved[at], **options)
        assert whole.position == resumed.position
        assert all(torch.equal(value, resumed.best[name]) for name, value in whole.best.items())
        assert all(
            torch.equal(value, resumed.network.state_dict()[name])
            for name, value in whole.network.state_dict().items()
        )
    assert len(states) > 5


def test_on_a_plateau_the_rate_falls_tenfold_and_more_than_once(tmp_path):
    """Rates of the epochs follow the validation losses by the rule that the documentation gives."""
    _run(tmp_path, schedule="plateau", plateau_epochs=1)
    rows = np.genfromtxt(tmp_path / "metrics.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    expected, rate, best = [], 0.5, np.inf
    for loss in rows["validation_loss"]:
        expected.append(rate)  # the epoch was trained with it; what it reached decides on the next
        if loss >= best:
            rate /= 10
        best = min(best, loss)

    assert expected == pytest.approx(rows["lr"].tolist())
    assert min(expected) < 0.01


def test_a_plateau_as_long_as_asked_for_is_waited_for(tmp_path):
    """With two epochs, the rate falls half as often as with one, at most."""
    lowered = [
        _run(tmp_path, schedule="plateau", plateau_epochs=epochs)[0].position.lowered for epochs in (1, 2)
    ]

    assert 0 < lowered[1] <= lowered[0] / 2


def test_the_average_is_what_the_formula_says():
    """Weights and running statistics by hand; counters are copied."""
    network = nn.BatchNorm1d(1)
    average = Average(0.5)
    average.begin(network)
    network.load_state_dict(
        network.state_dict()
        | {
            "weight": torch.tensor([3.0]),
            "running_mean": torch.tensor([10.0]),
            "num_batches_tracked": torch.tensor(7),
        }
    )
    average.update(network, 1)  # keeps min(0.5, 2 / 11)
    average.update(network, 100)  # keeps 0.5

    first = 1 * 2 / 11 + 3 * 9 / 11
    assert (first + 3) / 2 == pytest.approx(average.state["weight"].item())
    assert 10 * (9 / 11 + 1) / 2 == pytest.approx(average.state["running_mean"].item())
    assert 7 == average.state["num_batches_tracked"].item()


def test_the_average_is_evaluated_and_kept_and_the_network_goes_on_with_its_own_weights(tmp_path):
    """The best weights are the average's, and training isn't changed by it."""
    plain, without = _run(tmp_path)
    averaged, saved = _run(tmp_path, ema=0.9)
    ends = [state for state in saved if not state["position"]["losses"]]
    best = next(state for state in ends if state["position"]["epoch"] == averaged.position.best.epoch)

    assert all(torch.equal(best["average"][name], value) for name, value in averaged.best.items())
    assert not torch.equal(best["network"]["0.weight"], averaged.best["0.weight"])
    assert torch.equal(plain.network[0].weight, averaged.network[0].weight)
    assert len(without) == len(saved)


def test_float16_scales_its_losses_and_leaves_a_step_out_that_overflows(tmp_path):
    """The scale falls by half whenever gradients aren't finite, and weights don't move."""
    torch.manual_seed(5)
    linear = nn.Linear(2, 2)
    with torch.no_grad():
        linear.weight.mul_(1e-6)  # normalising this blows gradients up beyond 65504
    network = nn.Sequential(linear, nn.BatchNorm1d(2))

    before = linear.weight.detach().clone()

    _, saved = _run(tmp_path, float16=True, network=network, rate=1e-9)

    assert 32768.0 == saved[0]["scaler"]["scale"]
    assert torch.equal(before, saved[0]["network"]["0.weight"])
    assert saved[-1]["scaler"]["scale"] < 10_000
    assert torch.isfinite(linear.weight).all()
    assert not torch.equal(before, linear.weight)
    assert {} == _run(tmp_path)[1][-1]["scaler"]
