"""Cached features: what follows them gives what the whole network gives."""

import numpy as np
import pytest
import torch

from hornet.training.features import cache_features, logits_after, through
from hornet.training.hardware import Hardware
from hornet.training.network import STAGES, HornetNet, normalise

CPU = Hardware(torch.device("cpu"), bfloat16=False)


@pytest.fixture(scope="module")
def network():
    """Return a network in evaluation mode."""
    torch.manual_seed(1)
    return HornetNet().eval()


@pytest.fixture(scope="module")
def pictures():
    """Return five random pictures of 64 x 64."""
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", range(len(STAGES) + 1))
def test_cutting_anywhere_gives_the_same_logits(network, pictures, count):
    """Stages before and after the cut are the whole network."""
    x = torch.from_numpy(pictures)
    with torch.inference_mode():
        cut = logits_after(network, through(network, x, STAGES[:count]), STAGES[:count])
        whole = network(normalise(x))

    assert torch.equal(whole, cut)


def test_the_cache_has_straight_and_mirrored_features_of_the_chosen_pictures(network, pictures, tmp_path):
    """Float16 of what the stages give, of each chosen picture and its mirror image."""
    places = np.array([4, 0, 2])
    cached = cache_features(
        network, STAGES[:4], pictures, places, CPU, file=tmp_path / "f.npy", flipped=True, live=lambda _: None
    )
    with torch.inference_mode():
        straight = through(network, torch.from_numpy(pictures[places]), STAGES[:4]).numpy()
        mirrored = through(network, torch.from_numpy(pictures[places][:, :, ::-1].copy()), STAGES[:4]).numpy()

    assert ((2, 3, 256, 4, 4), np.dtype(np.float16)) == (cached.shape, cached.dtype)
    assert np.array_equal(np.stack([straight, mirrored]).astype(np.float16), cached)


def test_without_flips_there_is_one_copy(network, pictures, tmp_path):
    """Unaugmented runs don't pay for mirror images."""
    cached = cache_features(
        network,
        STAGES,
        pictures,
        np.arange(5),
        CPU,
        file=tmp_path / "f.npy",
        flipped=False,
        live=lambda _: None,
    )

    assert (1, 5, 512, 2, 2) == cached.shape
