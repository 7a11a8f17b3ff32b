"""Thresholds and their bounds, worked out by hand."""

import math

import numpy as np
import pytest

from hornet.errors import ConfigError, EmptyClass
from hornet.evaluation.operating import (
    alarm_threshold,
    choose_band,
    clopper_pearson,
    operating_point,
    prior_shift,
    recall_threshold,
    shift_probability,
)

LABELS = [1, 1, 1, 1, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1]


@pytest.mark.parametrize(
    ("target", "threshold"),
    [(0.25, 0.85), (0.5, 0.75), (0.51, 0.5), (0.75, 0.5), (0.95, 0.25), (1, 0.25)],
)
def test_threshold_for_a_recall(target, threshold):
    """It lies in the middle below the last hornet that must reach it."""
    assert threshold == pytest.approx(recall_threshold(LABELS, SCORES, target))


@pytest.mark.parametrize(("most", "threshold"), [(0, 0.75), (0.24, 0.75), (0.25, 0.5), (0.5, 0.25)])
def test_threshold_for_false_alarms(most, threshold):
    """It lies in the middle above the first absence that must not reach it."""
    assert threshold == pytest.approx(alarm_threshold(LABELS, SCORES, most))


def test_rounding_asks_for_no_hornet_more():
    """0.55 of 100 hornets are 55, though 0.55 * 100 is 55.00000000000001."""
    labels, scores = [1] * 100 + [0], [*np.linspace(0.1, 0.9, 100), 0.0]

    assert 55 == int(np.sum(np.array(scores[:100]) >= recall_threshold(labels, scores, 0.55)))


def test_band_of_both_targets():
    """The recall sets low, the false alarms high; one target alone leaves nothing unsure."""
    assert (0.25, 0.75) == pytest.approx(choose_band(LABELS, SCORES, recall=1, false_alarms=0))
    assert (0.25, 0.25) == pytest.approx(choose_band(LABELS, SCORES, recall=1, false_alarms=None))
    assert (0.75, 0.75) == pytest.approx(choose_band(LABELS, SCORES, recall=None, false_alarms=0))
    assert choose_band(LABELS, SCORES, recall=None, false_alarms=None) is None


def test_where_one_threshold_does_both_nothing_is_unsure():
    """The middle of the thresholds that keep the recall and the false alarms is both ends."""
    # The recall of 0.5 is kept up to 0.75, one false alarm in four from 0.5 on.
    assert (0.625, 0.625) == pytest.approx(choose_band(LABELS, SCORES, recall=0.5, false_alarms=0.25))


def test_bounds_of_clopper_and_pearson():
    """None of n: 1 - 0.05^(1/n), the rule of three; 9 of 10: the share at which 9 or more have 5 %."""
    assert 1 - 0.05 ** (1 / 200) == pytest.approx(clopper_pearson(0, 200, upper=True))
    assert 0.05 ** (1 / 20) == pytest.approx(clopper_pearson(20, 20, upper=False))
    assert (0, 1) == (clopper_pearson(0, 5, upper=False), clopper_pearson(5, 5, upper=True))
    p = clopper_pearson(9, 10, upper=False)
    assert 0.05 == pytest.approx(10 * p**9 * (1 - p) + p**10)


def test_work_and_alarms_by_hand():
    """At a prevalence of 0.1, the band from 0.25 to 0.75 leaves half of each class to the expert."""
    point = operating_point(LABELS, SCORES, band=(0.25, 0.75), prevalence=0.1)

    assert (4, 4, 1.0, 0, 0.0) == (
        point.recall.hits, point.recall.n, point.recall.value, point.false_alarms.hits, point.false_alarms.value,
    )  # fmt: skip
    assert 1000 * (0.1 * 0.5 + 0.9 * 0.5) == pytest.approx(point.unsure)
    assert 1000 * 0.1 * 0.5 == pytest.approx(point.alarms)
    assert 1 == pytest.approx(point.true_alarms)
    assert "clopper-pearson" == point.recall.method
    assert 0.05 ** (1 / 4) == pytest.approx(point.recall.bound)


def test_few_groups_bound_less_than_many_pictures():
    """Twenty groups of ten alike pictures promise what twenty pictures do, not what two hundred would."""
    labels, scores = [0] * 200 + [1] * 20, [0.1] * 200 + [0.9] * 20
    groups = [f"a{i // 10}" for i in range(200)] + [f"p{i}" for i in range(20)]
    point = operating_point(labels, scores, band=(0.5, 0.5), prevalence=0.1, groups=groups)

    assert ("clopper-pearson-groups", 20) == (point.false_alarms.method, point.false_alarms.groups)
    assert 1 - 0.05 ** (1 / 20) == pytest.approx(point.false_alarms.bound)


def test_bootstrap_respects_groups():
    """Misses that fall together make the bound worse than misses that fall alone."""
    labels = [1] * 200 + [0]
    together, alone = np.ones(201), np.ones(201)
    together[:20] = alone[:200:10] = 0
    groups = [i // 10 for i in range(201)]
    bounds = [
        operating_point(labels, scores, band=(0.5, 1.0), prevalence=0.5, groups=groups).recall.bound
        for scores in (together, alone)
    ]

    assert bounds[0] < 0.85
    assert 0.9 == pytest.approx(bounds[1])


def test_what_so_few_pictures_cant_promise():
    """With 200 absences no threshold can promise 1 false alarm in 1,000: that is said, with the best they can."""
    labels, scores = [0] * 200 + [1] * 40, [0.1] * 200 + [0.9] * 40
    point = operating_point(labels, scores, band=(0.5, 0.5), prevalence=0.1, targets=(0.95, 0.001))

    assert [
        (
            "With 40 pictures of hornets no threshold can promise a recall of 0.95: even if all were found, only 0.928 "
            "would be certain (95 %)."
        ),
        (
            "With 200 absences no threshold can promise 1 in 1,000: even without a false alarm only 14.9 in 1,000 would "
            "be certain (95 %)."
        ),
    ] == list(point.notes)
    assert () == operating_point(labels, scores, band=(0.5, 0.5), prevalence=0.1, targets=(0.9, 0.02)).notes


def test_prior_shift_is_bayes_rule():
    """At prevalences of 1/2 and 1/10 the odds differ by 9."""
    assert -math.log(9) == pytest.approx(prior_shift(0.1, 0.5))
    assert 0.1 == pytest.approx(shift_probability(0.5, prior_shift(0.1, 0.5)))
    assert (0.0, 1.0) == (shift_probability(0.0, 5), shift_probability(1.0, -5))


def test_bad_wishes_are_refused():
    """Targets, prevalences and bands that can't be are errors that say so; so is a single class."""
    for call in (
        lambda: recall_threshold(LABELS, SCORES, 0),
        lambda: alarm_threshold(LABELS, SCORES, 1),
        lambda: alarm_threshold([0, 1], [1.0, 1.0], 0),
        lambda: prior_shift(0, 0.5),
        lambda: operating_point(LABELS, SCORES, band=(0.6, 0.5), prevalence=0.5),
    ):
        with pytest.raises(ConfigError):
            call()
    with pytest.raises(EmptyClass, match="0 of 2 pictures"):
        recall_threshold([0, 0], [0.1, 0.2], 0.9)
    with pytest.raises(ValueError, match="labels"):
        recall_threshold([0, 2], [0.1, 0.2], 0.9)
    with pytest.raises(ValueError, match="probabilities"):
        recall_threshold([0, 1], [0.1, 1.2], 0.9)
