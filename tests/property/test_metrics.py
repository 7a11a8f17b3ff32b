"""What holds for any labels and probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from hornet.evaluation.calibration import MAX_TEMPERATURE, MIN_TEMPERATURE, fit_temperature, fit_threshold
from hornet.evaluation.metrics import summarize
from hornet.evaluation.ranking import average_precision, roc_auc, stratified_auc

# Few distinct values, so that ties come up.
SCORE = st.one_of(st.integers(0, 8).map(lambda n: n / 8), st.floats(0, 1, width=32))
ROWS = st.lists(st.tuples(st.booleans(), SCORE, st.integers(0, 20)), min_size=1, max_size=60)
BOTH = ROWS.filter(lambda rows: 0 < sum(y for y, _, _ in rows) < len(rows))


def columns(rows):
    """Return labels, scores and groups."""
    labels, scores, groups = zip(*rows, strict=True)
    return np.array(labels, int), np.array(scores, float), list(groups)


@given(BOTH)
@settings(max_examples=50, deadline=None)
def test_ranking_agrees_with_scikit_learn(rows):
    """ROC-AUC and average precision are scikit-learn's, ties and all."""
    labels, scores, _ = columns(rows)

    assert reference.roc_auc_score(labels, scores) == pytest.approx(roc_auc(labels, scores), abs=1e-12)
    assert reference.average_precision_score(labels, scores) == pytest.approx(
        average_precision(labels, scores)
    )


@given(BOTH)
@settings(max_examples=50, deadline=None)
def test_strata_are_all_pairs_counted_by_hand(rows):
    """The stratified AUC is the share of rightly ranked pairs among those of one stratum."""
    labels, scores, strata = columns(rows)
    pairs = [
        (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
        for i in np.flatnonzero(labels == 1)
        for j in np.flatnonzero(labels == 0)
        if strata[i] == strata[j]
    ]
    area, count = stratified_auc(labels, scores, strata)

    assert len(pairs) == count
    assert (pytest.approx(np.mean(pairs)) if pairs else None) == area


@given(ROWS, st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_figures_and_intervals_are_in_range(rows, threshold):
    """Proportions and areas lie from 0 to 1, bounds are ordered, and what is undefined says why."""
    labels, scores, groups = columns(rows)
    quality = summarize(labels, scores, threshold=threshold, groups=groups, strata=groups, resamples=50)

    assert len(rows) == sum(quality.confusion.to_dict().values())
    for name, estimate in quality.metrics.items():
        if estimate.value is None:
            assert estimate.reason
            assert estimate.low is estimate.high is None
            continue
        bounds = [x for x in (estimate.low, estimate.high) if x is not None]
        assert sorted(bounds) == bounds
        if name != "log_loss":
            assert all(0 <= x <= 1 for x in (estimate.value, *bounds))


@given(BOTH)
@settings(deadline=None)
def test_no_threshold_beats_the_fitted_one(rows):
    """No other threshold has a higher F1 than the fitted one."""
    labels, scores, _ = columns(rows)

    def f1(threshold):
        called = scores >= threshold
        return 2 * (called & (labels == 1)).sum() / (called.sum() + labels.sum())

    best = fit_threshold(scores, labels)

    assert 0 <= best <= 1
    for other in {*scores.tolist(), 0.0, 1.0, 0.33}:
        assert f1(other) <= f1(best) + 1e-9


@given(BOTH, st.floats(0.1, 30))
@settings(max_examples=40, deadline=None)
def test_no_temperature_beats_the_fitted_one(rows, scale):
    """No other temperature within the bounds makes the labels likelier."""
    labels, scores, _ = columns(rows)
    logits = np.stack([np.zeros(len(scores)), (scores - 0.4) * scale], axis=1)

    def loss(temperature):
        margin = (logits[:, 1] - logits[:, 0]) / temperature
        return np.mean(np.logaddexp(0, -margin * (2 * labels - 1)))

    best = fit_temperature(logits, labels)

    assert MIN_TEMPERATURE <= best <= MAX_TEMPERATURE
    for other in np.geomspace(MIN_TEMPERATURE, MAX_TEMPERATURE, 50):
        assert loss(best) <= loss(other) + 1e-12
