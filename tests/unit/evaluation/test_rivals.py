"""Rivals on generated features: better than chance where there is something to learn, chance where there isn't."""

import numpy as np
import pytest

from hornet.errors import EmptyClass
from hornet.evaluation.rivals import GRIDS, Cost, Part, compare, count, fit_rival

TRUNK = Cost(parameters=1000, operations=5000, milliseconds=2.0, seconds=60.0)


def _part(seed, n=160, *, signal=1.0, shuffled=False):
    """Return a part with 16 features, of which two tell the class; two pictures a group."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    features = generator.normal(size=(n, 16)).astype(np.float32)
    features[:, :2] += signal * (2 * labels[:, None] - 1)
    if shuffled:
        labels = generator.permutation(labels)
    return Part(features, labels, [f"{seed}-{i // 2}" for i in range(n)])


def _area(standing):
    estimate = standing.quality.metrics["roc_auc"]
    return estimate.low, estimate.value, estimate.high


def test_every_rival_learns_what_there_is_to_learn():
    """Two shifted features give every rival an AUC clearly above chance, with all of its cost counted."""
    standings = compare(_part(1), _part(2), _part(3), TRUNK)

    assert list(GRIDS) == [s.name for s in standings]
    for standing in standings:
        low, area, high = _area(standing)
        assert area > 0.85
        assert low < area < high
        assert standing.cost.operations > TRUNK.operations
        assert standing.cost.milliseconds > TRUNK.milliseconds
        assert standing.cost.seconds < TRUNK.seconds


def test_shuffled_labels_are_chance():
    """Where labels mean nothing, the interval of every rival's test AUC holds 0.5, or nearly."""
    train, validation, test = (_part(seed, 240, shuffled=True) for seed in (4, 5, 6))

    for standing in compare(train, validation, test, TRUNK):
        low, _, high = _area(standing)
        assert low < 0.5 + 0.03
        assert high > 0.5 - 0.03


def test_settings_come_from_validation_alone():
    """The test part can't change what was chosen: another one gives the same settings and threshold."""
    fitted = [fit_rival("k nearest neighbours", _part(1), _part(2)) for _ in range(2)]
    other = fit_rival("k nearest neighbours", _part(1), _part(2, signal=0.0))

    assert fitted[0].settings == fitted[1].settings
    assert fitted[0].threshold == fitted[1].threshold
    assert other.threshold != fitted[0].threshold


def test_scores_keep_the_order_of_far_away_pictures():
    """No two different scores become the same number, however sure the rival is."""
    fitted = fit_rival("linear SVM", _part(1), _part(2))
    far = np.zeros((3, 16), np.float32)
    far[:, 0] = [100, 1000, 10000]
    scores = fitted.scores(far)

    assert scores[0] < scores[1] < scores[2] <= 1


def test_operations_are_counted_from_what_was_fitted():
    """A linear rival: one weight a feature, and the scaler; neighbours: every training picture."""
    train, validation = _part(1), _part(2)
    linear = count(fit_rival("logistic regression", train, validation).model)
    neighbours = count(fit_rival("k nearest neighbours", train, validation).model)

    assert (16 + 1 + 32, 16 + 16) == linear
    assert (160 * 17 + 32, 160 * 16 + 16) == neighbours


def test_an_mlp_has_its_weights_counted():
    """Weights and biases of both layers, and the scaler."""
    fitted = fit_rival("MLP", _part(1), _part(2))
    width = fitted.settings["hidden_layer_sizes"][0]

    assert (16 * width + width + width + 1 + 32, 16 * width + width + 16) == count(fitted.model)


def test_a_split_without_a_class_is_an_error():
    """Nothing can be learned from pictures of one class."""
    part = _part(1)
    single = part.select(np.flatnonzero(part.labels == 1))

    with pytest.raises(EmptyClass, match="training split"):
        fit_rival("linear SVM", single, part)
