"""Champion against challenger: paired, by group, and wherever a slice has a name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hornet.evaluation.comparison import Answers, compare, mcnemar


def answers(right, labels):
    """Return probabilities that are right where they should be, at a threshold of 0.5."""
    return Answers(np.where(right, labels, 1 - labels) * 0.8 + 0.1, 0.5)


@pytest.fixture
def labels():
    return np.arange(200) % 2


def versus(labels, old, new, groups=None, **columns):
    groups = list(range(len(labels))) if groups is None else groups
    return compare(labels, answers(old, labels), answers(new, labels), groups=groups, columns=columns)


def test_a_model_is_not_worse_than_itself(labels):
    """The same answers differ by nothing, with an interval of no width."""
    right = np.arange(200) % 7 > 0
    result = versus(labels, right, right)

    assert [] == result.problems(0.0)
    for estimate in result.differences.values():
        assert (0, 0, 0) == (estimate.value, estimate.low, estimate.high)
    assert 1.0 == result.mcnemar.p


def test_pairing_sees_what_two_intervals_would_hide(labels):
    """Errors on 6 more of 200 pictures are found although each model's own interval holds the other's figure."""
    old = np.arange(200) % 10 > 0
    new = old & (np.arange(200) % 29 > 0)
    result = versus(labels, old, new)

    before, after = result.champion.metrics["accuracy"], result.challenger.metrics["accuracy"]
    assert before.low < after.value < before.value < after.high
    assert any("accuracy" in problem for problem in result.problems(1.0))
    assert any("McNemar" in problem for problem in result.problems(1.0))
    assert [] == versus(labels, new, old).problems(0.0)


def test_groups_are_resampled_whole(labels):
    """Errors that all lie in one burst may be chance: the interval by group holds 0, that by picture doesn't."""
    new = np.arange(200) >= 12
    bursts = [i // 12 for i in range(200)]

    assert versus(labels, np.ones(200, bool), new).differences["accuracy"].high < 0
    assert versus(labels, np.ones(200, bool), new, groups=bursts).differences["accuracy"].high == 0


def test_a_slice_that_lost_more_than_the_margin_is_named(labels):
    """A gain elsewhere doesn't hide that one species got worse; a larger margin forgives it."""
    species = np.array(["Vespa crabro", "Apis mellifera"] * 100)
    old = np.where(species == "Vespa crabro", True, np.arange(200) % 3 > 0)
    new = np.where(species == "Vespa crabro", np.arange(200) % 20 > 0, True)
    result = versus(labels, old, new, species=species.tolist())

    (problem,) = result.problems(0.02)
    assert problem.startswith("species Vespa crabro: accuracy 0.900 against 1.000")
    assert [] == result.problems(0.15)


def test_a_small_slice_must_lose_two_pictures(labels):
    """In a camera with fewer than 10 groups one picture decides nothing; two do."""
    cameras = ["a"] * 192 + ["b"] * 8
    one, two = np.arange(200) != 195, ~np.isin(np.arange(200), (195, 196))
    result = versus(labels, np.ones(200, bool), one, camera=cameras)

    small = next(each for each in result.slices if each.name == "b")
    assert (True, 8, 0.875) == (small.small, small.n, small.challenger)
    assert [] == result.problems(0.02)
    assert ["camera b: accuracy 0.750 against 1.000, more than 0.02 less (8 pictures)"] == versus(
        labels, np.ones(200, bool), two, camera=cameras
    ).problems(0.02)


def test_where_nothing_has_a_name_all_pictures_are_a_slice():
    """Ten pictures of which five became wrong may be chance, and yet nobody would promote that."""
    labels = np.arange(10) % 2
    result = versus(labels, np.ones(10, bool), np.arange(10) % 2 > 0, source=[""] * 10)

    assert any(problem.startswith("all pictures: accuracy 0.500") for problem in result.problems(0.02))


def test_pictures_of_one_class_can_be_compared():
    """Where all pictures are absences there is no AUC, and accuracy decides."""
    labels = np.zeros(40, np.int64)
    result = versus(labels, np.ones(40, bool), np.arange(40) % 2 > 0)

    assert result.differences["roc_auc"].value is None
    assert result.problems(0.02)


def test_mcnemar_is_the_exact_test():
    """With 1 against 7 discordant pictures p is 18 / 256, by the binomial distribution."""
    old, new = np.zeros(20, bool), np.zeros(20, bool)
    old[0], new[1:8] = True, True

    assert 18 / 256 == pytest.approx(mcnemar(old, new).p)


def test_is_plain_json(labels):
    """What is kept in the registry can be written as JSON."""
    result = versus(labels, labels == 1, labels == 0, source=["a", "b"] * 100)

    json.dumps(result.to_dict(), allow_nan=False)
