"""Training against attacks: what it gains, that it can be resumed, and that it leaves the rest alone."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.training.adversarial import build_adversary
from hornet.training.attack import Attack
from hornet.training.config import TrainConfig
from hornet.training.hardware import Hardware
from hornet.training.network import HornetNet, normalise
from hornet.training.robustness import attack_all
from hornet.training.run import resume_run, train_run
from hornet.training.weights import initialise

pytestmark = pytest.mark.slow

CPU = Hardware(torch.device("cpu"), bfloat16=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of 32 drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, 16, size=(48, 48))
    return folder


@pytest.fixture(scope="module")
def train(data, tmp_path_factory):
    """Return a function that trains a tiny network from nothing and returns its folder."""

    def run(name, **given):
        out = tmp_path_factory.mktemp("runs") / name
        train_run(settings(data, **given), load_dataset(data), out)
        return out

    return run


def settings(data, **given):
    """Return a small configuration: 32 px, from nothing, each picture a group."""
    small = {
        "data": data, "weights": "none", "size": (32, 32), "batch": 6, "epochs": 1, "patience": 10,
        "augment": "none", "threads": 1, "workers": 0, "lr": 1e-3, "group_by": "none", "test": 0.2,
    }  # fmt: skip
    return TrainConfig(**{**small, **given})


def test_a_network_trained_against_attacks_withstands_them_better():
    """Both see the squares; under attack the plain network is wrong in the mean, and the hardened one less or not at all.

    The strength leaves room: two kinds of CPU round so differently that the leads differ by a few tenths.
    """
    pictures, labels = _squares(0, 48)
    tested, truth = _squares(1, 24)
    leads = []
    for epsilon in (0, 8):
        network = _learn(pictures, labels, epsilon)
        changed = attack_all(network, tested, truth, Attack("fgsm", 8), CPU)
        leads.append([_lead(network, x, truth) for x in (tested, changed)])
    (plain, plain_attacked), (hard, hard_attacked) = leads

    assert min(plain, hard) > 1
    assert plain_attacked < -1
    assert hard_attacked > plain_attacked + 1


def _squares(seed, count):
    """Return noise of 32 px; half of the pictures have a yellowish square."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pictures = generator.normal(110, 25, (count, 32, 32, 3))
    for i in range(1, count, 2):
        top, left = generator.integers(2, 14, 2)
        pictures[i, top : top + 16, left : left + 16] += (50, 25, -40)
    return pictures.clip(0, 255).astype(np.uint8), labels


def _learn(pictures, labels, epsilon):
    """Train a network from nothing for a few steps, against attacks of this strength."""
    torch.manual_seed(0)
    network = HornetNet()
    initialise(network, "kaiming")
    loss = torch.nn.CrossEntropyLoss()
    adversary = build_adversary(settings("x", adversarial=epsilon), network, CPU, loss)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    phase: Any = _Phase(network.train())
    for step in range(20):
        chosen = torch.from_numpy(np.random.default_rng(step).permutation(len(labels))[:12])
        x, y = torch.from_numpy(pictures)[chosen], torch.from_numpy(labels)[chosen]
        x = x if adversary is None else adversary(phase, x, y)
        optimizer.zero_grad()
        loss(phase.logits(x), y).backward()
        optimizer.step()
    return network.eval()


def _lead(network, pictures, labels):
    """Return by how much the right answers lead in the mean."""
    with torch.inference_mode():
        logits = network(normalise(torch.from_numpy(pictures))).numpy()
    return ((logits[:, 1] - logits[:, 0]) * (2 * labels - 1)).mean()


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_a_hardened_run_can_be_resumed_to_the_bit(data, train, tmp_path, attack):
    """Random starts depend on the seed and the step alone."""
    flags = {"adversarial": 4, "adversarial_attack": attack, "epochs": 2, "dropout": 0.3}
    whole = load_file(train("whole", **flags) / "weights.safetensors")

    def stop(text):
        if text.startswith("full 2/2: step 2/"):
            raise RuntimeError("stopped by the test")

    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stopped by the test"):
        train_run(settings(data, **flags), load_dataset(data), out, live=stop)
    resume_run(out)
    again = load_file(out / "weights.safetensors")

    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_strength_and_attack_change_the_weights(train):
    """Options that do nothing would be a lie."""
    options: tuple[dict[str, Any], ...] = (
        {},
        {"adversarial": 2},
        {"adversarial": 8},
        {"adversarial": 8, "adversarial_attack": "pgd"},
    )
    weights = [
        load_file(train(f"run{i}", epochs=1, **given) / "weights.safetensors")[
            "layer1.0.conv1.weight"
        ].numpy()
        for i, given in enumerate(options)
    ]

    for i, left in enumerate(weights):
        assert not any(np.array_equal(left, right) for right in weights[i + 1 :])


class _Phase:
    """Phase two without its pictures: what an adversary asks of it."""

    name = "full"

    def __init__(self, network):
        self.network = network

    def logits(self, inputs):
        return self.network(normalise(inputs))


def test_the_adversary_goes_through_the_loop_s_loss_and_leaves_statistics_alone(network_copy):
    """Shares of labels (mixed pictures) are attacked too; batch normalisation and phase one aren't touched."""
    config = settings("x", adversarial=2)
    adversary = build_adversary(config, network_copy, CPU, torch.nn.CrossEntropyLoss())
    assert adversary is not None
    pictures = torch.randint(30, 220, (4, 32, 32, 3), dtype=torch.uint8)
    soft = torch.tensor([[0.3, 0.7], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    before = {name: value.clone() for name, value in network_copy.state_dict().items()}
    phase: Any = _Phase(network_copy.train())
    torch.manual_seed(0)
    changed = adversary(phase, pictures, soft)

    assert all(torch.equal(before[name], value) for name, value in network_copy.state_dict().items())
    assert not torch.equal(pictures, changed)
    network_copy.eval()  # without a batch's own statistics, the loss is smooth enough for one step to climb
    changed = adversary(phase, pictures, soft)
    loss = torch.nn.CrossEntropyLoss()
    with torch.no_grad():
        losses = [loss(phase.logits(x), soft) for x in (pictures, changed)]
    assert losses[0] < losses[1]
    assert (changed.int() - pictures.int()).abs().max() <= 2
    assert all(parameter.grad is None for parameter in network_copy.parameters())
    phase.name = "head"
    assert adversary(phase, pictures, soft) is pictures
    assert build_adversary(settings("x"), network_copy, CPU, loss) is None


@pytest.fixture
def network_copy():
    """Return a network of its own."""
    torch.manual_seed(5)
    return HornetNet()


def test_attack_all_leaves_the_network_alone(network_copy):
    """An attack computes no gradient of weights."""
    pictures = np.full((2, 32, 32, 3), 90, np.uint8)
    attack_all(network_copy.eval(), pictures, np.array([0, 1]), Attack("pgd", 4, steps=1), CPU)

    assert all(parameter.grad is None for parameter in network_copy.parameters())
