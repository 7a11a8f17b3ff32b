"""Figures of quality."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference

from hornet.evaluation.metrics import BINS, reliability, summarize
from hornet.evaluation.ranking import average_precision, roc_auc, stratified_auc


def width(estimate):
    """Return how wide an interval is."""
    assert estimate.low is not None
    return estimate.high - estimate.low


@pytest.fixture(scope="module")
def sample():
    """Return labels, probabilities, groups and strata of 400 pictures of 60 groups."""
    generator = np.random.default_rng(1)
    group = np.sort(generator.integers(0, 60, 400))
    shift = generator.normal(size=60)[group]
    labels = (generator.random(400) < 0.4).astype(int)
    scores = 1 / (1 + np.exp(-(generator.normal(size=400) + 1.5 * labels - 0.7 + shift)))
    return labels, np.round(scores, 2), group.tolist(), (group // 2).tolist()


def test_values_agree_with_scikit_learn(sample):
    """Every figure that scikit-learn has too is the same."""
    labels, scores, groups, _ = sample
    quality = summarize(labels, scores, threshold=0.6, groups=groups)
    called = scores >= 0.6
    expected = {
        "accuracy": reference.accuracy_score(labels, called),
        "precision": reference.precision_score(labels, called),
        "recall": reference.recall_score(labels, called),
        "f1": reference.f1_score(labels, called),
        "roc_auc": reference.roc_auc_score(labels, scores),
        "average_precision": reference.average_precision_score(labels, scores),
        "log_loss": reference.log_loss(labels, np.clip(scores, 2**-23, 1 - 2**-23)),
    }

    assert expected == pytest.approx({name: quality.metrics[name].value for name in expected})
    (tn, fp), (fn, tp) = reference.confusion_matrix(labels, called)
    assert {"tp": tp, "fp": fp, "fn": fn, "tn": tn} == quality.confusion.to_dict()


def test_calibration_error_by_hand():
    """The calibration error weighs each bin's gap by its pictures."""
    labels = [0, 0, 1, 1, 1]
    scores = [0.10, 0.12, 0.11, 0.9, 0.92]  # bins 1 (three pictures) and 13 (two)
    gap = 3 / 5 * abs(0.11 - 1 / 3) + 2 / 5 * abs(0.91 - 1)

    assert gap == pytest.approx(summarize(labels, scores, threshold=0.5).metrics["calibration_error"].value)
    low, high = reliability(labels, scores)
    assert [3, 0.11, 1 / 3] == pytest.approx([low["n"], low["probability"], low["frequency"]])
    assert (13 / BINS, 14 / BINS, 2) == (high["low"], high["high"], high["n"])


def test_certain_and_wrong_costs_a_finite_amount():
    """A probability of 0 for a hornet is clipped at a float32's step, not infinite."""
    value = summarize([1, 0], [0.0, 0.0], threshold=0.5).metrics["log_loss"].value

    assert 23 * np.log(2) / 2 == pytest.approx(value, rel=1e-6)


def test_bootstrap_is_that_of_a_plain_loop(sample):
    """The intervals are those of resampling groups one by one and calling scikit-learn on what was drawn."""
    labels, scores, groups, strata = sample
    quality = summarize(labels, scores, threshold=0.6, groups=groups, strata=strata, resamples=200, seed=5)
    members = [np.flatnonzero(np.array(groups) == g) for g in dict.fromkeys(groups)]
    generator = np.random.default_rng(5)
    draws: dict[str, list[float]] = {
        "roc_auc": [],
        "average_precision": [],
        "f1": [],
        "log_loss": [],
        "calibration_error": [],
    }
    for _ in range(200):
        chosen = np.concatenate([members[g] for g in generator.integers(0, len(members), len(members))])
        y, p = labels[chosen], scores[chosen]
        draws["roc_auc"].append(reference.roc_auc_score(y, p))
        draws["average_precision"].append(reference.average_precision_score(y, p))
        draws["f1"].append(reference.f1_score(y, p >= 0.6))
        draws["log_loss"].append(reference.log_loss(y, np.clip(p, 2**-23, 1 - 2**-23)))
        draws["calibration_error"].append(
            sum(b["n"] / len(y) * abs(b["probability"] - b["frequency"]) for b in reliability(y, p))
        )

    assert "group-bootstrap" == quality.interval
    for name, values in draws.items():
        estimate = quality.metrics[name]

        assert np.percentile(values, [2.5, 97.5]) == pytest.approx([estimate.low, estimate.high])


def test_intervals_widen_with_likeness_within_groups():
    """Copies of the same pictures bring no certainty: groups make the interval as wide as without copies."""
    generator = np.random.default_rng(0)
    labels = (generator.random(60) < 0.5).astype(int)
    scores = np.clip(generator.normal(0.4 + 0.2 * labels, 0.3), 0, 1)
    alone = summarize(labels, scores, threshold=0.5).metrics["roc_auc"]
    groups = [g for g in range(60) for _ in range(20)]
    copies = summarize(np.repeat(labels, 20), np.repeat(scores, 20), threshold=0.5, groups=groups).metrics[
        "roc_auc"
    ]
    naive = summarize(np.repeat(labels, 20), np.repeat(scores, 20), threshold=0.5).metrics["roc_auc"]

    assert (alone.low, alone.high) == pytest.approx((copies.low, copies.high))
    assert width(naive) < 0.5 * width(copies)


def test_few_groups_are_marked(sample):
    """Below ten groups, intervals are by picture, and the output says so figure by figure."""
    labels, scores, _, _ = sample
    nine = summarize(labels, scores, threshold=0.6, groups=[i % 9 for i in range(400)])
    ten = summarize(labels, scores, threshold=0.6, groups=[i % 10 for i in range(400)])

    assert ("ungrouped-wilson", "group-bootstrap") == (nine.interval, ten.interval)
    assert (9, 10) == (nine.groups, ten.groups)
    methods = {name: estimate.method for name, estimate in nine.metrics.items()}
    expected = {
        "accuracy": "wilson",
        "precision": "wilson",
        "recall": "wilson",
        "false_alarms": "wilson",
        "f1": "wilson-of-jaccard",
        "roc_auc": "newcombe",
        "average_precision": "picture-bootstrap",
        "log_loss": "picture-bootstrap",
        "calibration_error": "picture-bootstrap",
    }
    assert expected == methods
    for name, estimate in nine.metrics.items():
        assert ten.metrics[name].value == pytest.approx(estimate.value)
        assert width(estimate) > 0


def test_strata_take_the_calendar_away():
    """A score that only knows the day is perfect overall and chance within days."""
    labels = [1, 1, 1, 0, 1, 0, 0, 0]
    days = ["a"] * 4 + ["b"] * 4
    scores = [0.9] * 4 + [0.1] * 4
    quality = summarize(labels, scores, threshold=0.5, strata=days)

    assert 0.75 == quality.metrics["roc_auc"].value
    assert (0.5, 6) == (quality.metrics["stratified_auc"].value, quality.pairs)
    assert (0.5, 6) == stratified_auc(labels, scores, days)


def test_stratified_bootstrap_is_that_of_a_plain_loop(sample):
    """Copies of a group are strata of their own inside it, and pair with each other where strata are shared."""
    labels, scores, groups, strata = sample
    members = [np.flatnonzero(np.array(groups) == g) for g in dict.fromkeys(groups)]
    for columns, own in ((strata, False), (groups, True)):
        quality = summarize(
            labels, scores, threshold=0.6, groups=groups, strata=columns, resamples=100, seed=2
        )
        generator, draws = np.random.default_rng(2), []
        for _ in range(100):
            drawn = generator.integers(0, len(members), len(members))
            chosen = np.concatenate([members[g] for g in drawn])
            copy = np.concatenate([[c] * len(members[g]) for c, g in enumerate(drawn)])
            keys = [(columns[i], c if own else None) for i, c in zip(chosen, copy, strict=True)]
            area, _ = stratified_auc(labels[chosen], scores[chosen], keys)
            assert area is not None
            draws.append(area)
        estimate = quality.metrics["stratified_auc"]

        assert np.percentile(draws, [2.5, 97.5]) == pytest.approx([estimate.low, estimate.high])


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only(label):
    """With a single class, what needs both is null with a reason; the rest is there."""
    quality = summarize([label] * 12, np.linspace(0, 1, 12), threshold=0.5, strata=[0] * 12)

    assert quality.metrics["roc_auc"].value is None
    assert "all pictures are of one class" == quality.metrics["roc_auc"].reason
    assert "no stratum holds both classes" == quality.metrics["stratified_auc"].reason
    assert (label == 0) == (quality.metrics["recall"].value is None)
    assert 0.5 == quality.metrics["accuracy"].value
    assert roc_auc([label], [0.5]) is None
    assert (average_precision([label], [0.5]) is None) == (label == 0)


def test_nothing_called_present():
    """Precision of no alarm is null, not zero; recall and F1 are zero."""
    metrics = summarize([1, 0], [0.1, 0.1], threshold=0.5).metrics

    assert (None, "no picture was called present") == (
        metrics["precision"].value,
        metrics["precision"].reason,
    )
    assert (0, 0) == (metrics["recall"].value, metrics["f1"].value)


def test_one_picture():
    """A single picture is measured without a crash."""
    assert 1 == summarize([1], [0.9], threshold=0.5).metrics["accuracy"].value


def test_result_is_plain_json(sample):
    """The document survives JSON, and has the keys that others rely on."""
    labels, scores, groups, strata = sample
    document = summarize(labels, scores, threshold=0.6, groups=groups, strata=strata).to_dict()

    assert document == json.loads(json.dumps(document, allow_nan=False))
    assert {"n", "positives", "groups", "interval", "threshold", "metrics", "confusion", "pairs"} == set(
        document
    )
    assert {"value", "low", "high", "method"} == set(document["metrics"]["roc_auc"])


def test_seeds(sample):
    """The same seed gives the same intervals, another one slightly others."""
    labels, scores, groups, _ = sample
    first, again, other = (summarize(labels, scores, threshold=0.6, groups=groups, seed=s) for s in (0, 0, 1))

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("labels", "scores", "extra"),
    [
        ([], [], {}),
        ([0, 1], [0.5], {}),
        ([0, 2], [0.5, 0.5], {}),
        ([0, 1], [0.5, 1.5], {}),
        ([0, 1], [0.5, float("nan")], {}),
        ([0, 1], [0.5, 0.5], {"groups": ["a"]}),
        ([0, 1], [0.5, 0.5], {"strata": ["a"]}),
    ],
)
def test_bad_input_is_refused(labels, scores, extra):
    """Rows of unequal length, other labels and impossible probabilities are errors."""
    with pytest.raises(ValueError, match="must"):
        summarize(labels, scores, threshold=0.5, **extra)
