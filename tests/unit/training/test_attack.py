"""Attacks fool a network, stay within what they are allowed, and give real pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from hornet.dataset import Record
from hornet.dataset.drawings import draw
from hornet.errors import ConfigError
from hornet.images import PixelRule, padding_offset
from hornet.training.attack import Attack, patch_place, perturb, unmasked
from hornet.training.hardware import Hardware
from hornet.training.network import normalise
from hornet.training.robustness import attack_all

CPU = Hardware(torch.device("cpu"), bfloat16=False)


@pytest.fixture(scope="module")
def drawn():
    """Return 12 drawn pictures that the network's head was not fitted on, and what they show."""
    labels = np.arange(12) % 2
    pictures = [
        draw(("absent", "present")[label], seed=500 + i, size=(64, 64)) for i, label in enumerate(labels)
    ]
    return np.stack([np.asarray(picture) for picture in pictures]), labels.astype(np.int64)


def _margins(network, pictures, labels):
    """Return by how much each picture's right answer leads."""
    with torch.inference_mode():
        logits = network(normalise(torch.from_numpy(pictures))).numpy()
    return (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)


def _accuracy(network, pictures, labels):
    return (_margins(network, pictures, labels) > 0).mean()


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@pytest.mark.parametrize("epsilon", [1, 8])
def test_an_attack_lowers_the_accuracy_and_stays_in_its_ball(network, drawn, method, epsilon):
    """Eight-bit pictures, no channel further away than allowed, and the right answers lose their lead."""
    pictures, labels = drawn
    attack = Attack(method, epsilon, steps=5)
    changed = attack_all(network, pictures, labels, attack, CPU)
    distance = np.abs(changed.astype(int) - pictures)

    assert np.uint8 == changed.dtype
    assert 0 < distance.max() <= epsilon
    assert _margins(network, changed, labels).mean() < _margins(network, pictures, labels).mean()
    if epsilon == 8:
        assert _accuracy(network, changed, labels) < _accuracy(network, pictures, labels) - 0.3


def test_more_steps_find_worse_pictures(network, drawn):
    """PGD is at least as strong as one step of the same reach."""
    pictures, labels = drawn
    margins = [
        _margins(network, attack_all(network, pictures, labels, attack, CPU), labels).mean()
        for attack in (Attack("fgsm", 4), Attack("pgd", 4, steps=5))
    ]

    assert margins[1] < margins[0]


@pytest.mark.parametrize("method", ["fgsm", "pgd", "patch"])
def test_without_strength_nothing_changes(network, drawn, method):
    """Epsilon 0 gives the same bytes."""
    pictures, labels = drawn

    assert np.array_equal(pictures, attack_all(network, pictures, labels, Attack(method, 0), CPU))


def test_a_patch_changes_only_its_square(network, drawn):
    """Outside it every byte is the same; inside it the network is driven to the wrong side."""
    pictures, labels = drawn
    changed = attack_all(network, pictures, labels, Attack("patch", 255, steps=5, fraction=0.1), CPU)
    touched = (changed != pictures).any(axis=3)
    rows, columns = touched.any(axis=2).sum(axis=1), touched.any(axis=1).sum(axis=1)

    assert max(rows.max(), columns.max()) <= round((0.1 * 64 * 64) ** 0.5)
    assert _margins(network, changed, labels).mean() < _margins(network, pictures, labels).mean()


def test_masked_places_are_out_of_reach(network, drawn):
    """What is filled in afterwards can't be used by an attacker."""
    pictures, labels = drawn
    free = np.ones(pictures.shape[:3], np.bool_)
    free[:, :20] = False
    changed = attack_all(network, pictures, labels, Attack("pgd", 8, steps=2), CPU, free=free)

    assert np.array_equal(pictures[:, :20], changed[:, :20])
    assert not np.array_equal(pictures[:, 20:], changed[:, 20:])


def test_a_picture_is_attacked_the_same_way_again_and_otherwise_by_another_seed(network, drawn):
    """Random starts depend on the seed and the picture's place."""
    pictures, labels = drawn[0][:4], drawn[1][:4]
    attack = Attack("pgd", 8, steps=1)
    once, again = (attack_all(network, pictures, labels, attack, CPU, seed=3) for _ in range(2))

    assert np.array_equal(once, again)
    assert not np.array_equal(once, attack_all(network, pictures, labels, attack, CPU, seed=4))


def test_borders_are_respected_from_any_start():
    """A start at the border and a step over it end at the border, and never beyond 0 or 255."""
    pictures = torch.tensor([0, 3, 128, 255], dtype=torch.uint8).view(1, 2, 2, 1).expand(1, 2, 2, 3)
    start = torch.ones(pictures.shape)
    up = perturb(lambda x: x.sum(), pictures, epsilon=4, steps=3, stride=5.0, start=start)
    down = perturb(lambda x: -x.sum(), pictures, epsilon=4, steps=1, stride=5.0)

    assert [4, 7, 132, 255] == up[0, :, :, 0].flatten().tolist()
    assert [0, 0, 124, 251] == down[0, :, :, 0].flatten().tolist()


def test_a_square_has_the_share_of_the_area_that_was_asked_for():
    """Within rounding, and inside the picture."""
    place = patch_place((100, 200), 0.05, np.random.default_rng(0))

    assert 0.05 == pytest.approx(place.mean(), rel=0.05)
    assert patch_place((8, 100), 1.0, np.random.default_rng(0)).all(axis=0).sum() == 28


def test_masks_and_padding_are_found(tmp_path):
    """The upper half is masked, and a wide picture is padded above and below."""
    file = tmp_path / "wide.png"
    Image.new("RGB", (80, 40)).save(file)
    record = Record("wide.png", file, 1)
    rule = PixelRule((64, 64), masks=((0.0, 0.0, 1.0, 0.5),))
    top, _ = padding_offset((32, 64), (64, 64))
    padded = unmasked(record, PixelRule((64, 64), resize="pad"))

    assert unmasked(record, PixelRule((64, 64))).all()
    assert not unmasked(record, rule)[:32].any()
    assert unmasked(record, rule)[33:].all()
    assert not unmasked(replace(record, masks=((0.0, 0.0, 0.5, 1.0),)), PixelRule((64, 64)))[:, :31].any()
    assert padded[top : top + 32].all()
    assert 32 * 64 == padded.sum()


@pytest.mark.parametrize("wrong", [{"epsilon": 256}, {"epsilon": -1}, {"steps": 0}, {"fraction": 0.0}])
def test_attacks_that_make_no_sense_are_refused(wrong):
    """The message says what is possible."""
    with pytest.raises(ConfigError):
        Attack(**{"method": "pgd", "epsilon": 4, **wrong})
