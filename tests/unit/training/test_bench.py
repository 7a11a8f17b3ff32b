"""Before a long run: one batch by heart, the rate, and what is said when something is broken."""

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError, DatasetError, HornetError
from hornet.training.bench import TARGET, fast_dev, overfit_batch
from hornet.training.config import TrainConfig
from hornet.training.ranges import lr_find, read_curve


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of 24 drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, 12, size=(60, 60))
    return folder


def _config(data, **given):
    small = {"weights": "none", "size": (32, 32), "batch": 6, "threads": 1, "workers": 0, "lr": 1e-3}
    return TrainConfig(data=data, **{**small, **given})


def _overfit(data, *, steps=60, **given):
    return overfit_batch(
        _config(data, **given), load_dataset(data), report=lambda _: None, live=lambda _: None, steps=steps
    )


def test_a_sound_set_up_learns_a_batch_by_heart(data):
    """Whatever augmentation, dropout and smoothing are set to: they are off."""
    result = _overfit(
        data, augment="strong", dropout=0.9, label_smoothing=0.5, mixup=1.0, class_weights="balanced"
    )

    assert 6 == result.pictures
    assert result.last < TARGET < result.first
    assert result.steps <= 60


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lr": 1e-12}, r"hardly moved: the rate 1e-12 is too low; try --lr-find"),
        ({"optimizer": "sgd", "lr": 1e4}, r"the rate 10000 is too high; try --lr 1000, "),
    ],
)
def test_a_rate_that_cannot_work_is_named(data, given, said):
    """With what to try instead."""
    with pytest.raises(ConfigError, match=said):
        _overfit(data, steps=12, **given)


def test_a_loss_that_only_falls_names_the_hardest_pictures(data):
    """So that their labels can be looked at."""
    with pytest.raises(HornetError, match=r"not below 0.01\. Look at .*: (absence|presence)/\S+ \(\d"):
        _overfit(data, steps=3, lr=1e-5)


def test_one_picture_with_both_labels_is_found_and_named(data, tmp_path):
    """Even under two names and in two formats."""
    write_dataset(tmp_path, 2, size=(60, 60))
    victim = next((tmp_path / "presence").iterdir())
    Image.open(victim).save(tmp_path / "absence" / "copy.png")

    with pytest.raises(
        DatasetError, match=rf"(copy.png.*{victim.name}|{victim.name}.*copy.png) are the same"
    ):
        _overfit(tmp_path)


def test_a_mask_over_everything_is_found(data):
    """Every picture then is the same."""
    with pytest.raises(DatasetError, match=r"all 6 pictures, .* are the same to the network: do masks"):
        _overfit(data, masks=((0.0, 0.0, 1.0, 1.0),))


def test_the_suggestion_is_a_tenth_of_the_rate_at_the_minimum():
    """On a curve made by hand, with noise; the steepest fall lies before the minimum."""
    rates = np.geomspace(1e-6, 1, 100)
    at = np.log10(rates)
    losses = 0.7 - 0.4 / (1 + np.exp(-4 * (at + 3))) + 3 / (1 + np.exp(-6 * (at + 0.5)))
    result = read_curve(rates, losses + np.random.default_rng(0).normal(0, 0.02, 100))

    assert 10 ** at[np.argmin(losses)] == pytest.approx(result.lowest, rel=0.5)
    assert result.lowest / 10 == pytest.approx(result.suggestion)
    assert 1e-3 == pytest.approx(result.steepest, rel=1.0)


@pytest.mark.parametrize("losses", [np.full(20, 0.7), np.linspace(0.7, 3, 20), np.zeros(0)])
def test_a_curve_that_never_falls_gives_no_suggestion(losses):
    """The message says what to do instead."""
    with pytest.raises(HornetError, match=r"falls at no rate.*--overfit-batch"):
        read_curve(np.geomspace(1e-6, 1, len(losses)), losses)


def test_the_rate_that_is_found_trains(data):
    """It stops when the loss diverges, and a batch is learned by heart with what it suggests."""
    result = lr_find(
        _config(data, augment="none"),
        load_dataset(data),
        report=lambda _: None,
        live=lambda _: None,
        steps=50,
    )

    assert len(result.rates) == len(result.losses) == len(result.smoothed)
    assert 1e-5 < result.suggestion < 3e-2
    assert _overfit(data, lr=result.suggestion).last < TARGET


def test_fast_dev_takes_few_pictures_from_all_over(data):
    """At most sixteen of each class and split, in the order of the data set."""
    dataset = load_dataset(data)
    many = dataset.select([i % 24 for i in range(24 * 10)])
    config, few = fast_dev(_config(data), many)

    assert (1, 1, 4) == (config.epochs, config.head_epochs, config.batch)
    assert 32 == len(few)
    assert 16 == few.labels().sum()
    assert len({record.name for record in few.records}) >= 8
