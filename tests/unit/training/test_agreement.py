"""What counts as the same answer, and what doesn't."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Classifier
from hornet.dataset import Record
from hornet.errors import DatasetError
from hornet.images import PixelRule
from hornet.training import agreement

GOOD = agreement.Agreement(pictures=9, mean=1e-6, percentile_99=1e-5, largest=2e-5, identity=1e-6, auc=0.9)
QUALITY = {"n": 100, "positives": 40, "metrics": {"roc_auc": {"value": 0.92, "low": 0.88, "high": 0.95}}}


def test_good_agreement_has_no_problems():
    """Within every tolerance there is nothing to say."""
    assert [] == GOOD.problems("float32")
    assert [] == GOOD.problems("int8", QUALITY)


@pytest.mark.parametrize("value", [2e-4, float("nan")])
@pytest.mark.parametrize("field", ["mean", "percentile_99", "largest", "identity"])
def test_each_float_difference_is_a_problem(field, value):
    """Float32 is held to 1e-4 in every respect; what isn't a number doesn't pass."""
    problems = dataclasses.replace(GOOD, **{field: value}).problems("float32")

    assert 1 == len(problems)


def test_int8_may_move_single_pictures_but_not_the_whole():
    """Single pictures near the threshold may differ in 8 bits; mean and 99th percentile may not."""
    assert [] == dataclasses.replace(GOOD, largest=0.4).problems("int8", QUALITY)
    assert 1 == len(dataclasses.replace(GOOD, mean=0.06).problems("int8", QUALITY))
    assert 1 == len(dataclasses.replace(GOOD, percentile_99=0.3).problems("int8", QUALITY))


def test_int8_below_the_interval_of_float_is_a_problem():
    """The AUC of int8 must reach the interval of the float32 file."""
    problems = dataclasses.replace(GOOD, auc=0.8).problems("int8", QUALITY)

    assert 1 == len(problems)
    assert "below the interval" in problems[0]


def test_perfect_float_ranking_still_leaves_int8_room():
    """Resampling a perfect ranking gives no interval; the analytic one counts."""
    perfect = {"n": 20, "positives": 10, "metrics": {"roc_auc": {"value": 1.0, "low": 1.0, "high": 1.0}}}

    assert 0.7 < agreement.auc_floor(perfect) < 0.99


def test_probability_does_not_overflow():
    """Large logits give 0 and 1, not a warning."""
    logits = np.array([[0.0, 2.0], [0.0, 5000.0], [5000.0, 0.0]])

    np.testing.assert_allclose(agreement.probability(logits, 2.0), [1 / (1 + np.exp(-1)), 1, 0])


def test_spread_takes_classes_and_sources_in_proportion():
    """A sample keeps the shares of what it is drawn from, without doubles."""
    records = [Record(f"{i}.jpg", Path(f"{i}.jpg"), label=i % 2, source="ab"[i // 60]) for i in range(80)]

    chosen = agreement.spread(records, 20)

    assert 20 == len(set(chosen))
    assert 10 == sum(records[i].label == 1 for i in chosen)
    assert 5 == sum(records[i].source == "b" for i in chosen)
    assert list(range(80)) == agreement.spread(records, 500)


def test_pictures_of_a_run_carry_their_masks(tmp_path):
    """Masks of single pictures reach the network's input here too."""
    Image.new("RGB", (16, 16), "white").save(tmp_path / "a.png")
    record = Record("a.png", tmp_path / "a.png", label=0, masks=((0.0, 0.0, 0.5, 1.0),))

    batch = agreement.RunPictures([record], PixelRule(size=(8, 8))).batch(0, 1)

    assert (1, 8, 8, 3) == batch.shape
    assert [124, 116, 104] == batch[0, 0, 0].tolist()
    assert [255, 255, 255] == batch[0, 0, 7].tolist()


def test_a_picture_that_is_gone_is_named(tmp_path, tiny_model):
    """Both ways say which picture is missing."""
    record = Record("gone.jpg", tmp_path / "gone.jpg", label=0)

    with pytest.raises(DatasetError, match=r"gone\.jpg"):
        agreement.RunPictures([record], PixelRule(size=(8, 8))).batch(0, 1)
    with pytest.raises(DatasetError, match=r"gone\.jpg"):
        agreement.file_answers(Classifier.open(tiny_model), [record], 0.0)


def test_identity_error_is_measured(tmp_path, tiny_model):
    """A bias that isn't the head's shows as an error of the heatmap's sum."""
    Image.new("RGB", (16, 16), (200, 0, 100)).save(tmp_path / "a.png")
    record = Record("a.png", tmp_path / "a.png", label=1)
    classifier = Classifier.open(tiny_model)

    right, wrong = (agreement.file_answers(classifier, [record], bias) for bias in (0.0, 0.5))

    assert right.identity < 1e-5
    assert wrong.identity == pytest.approx(0.5, abs=1e-5)


def test_times_are_taken_in_turns(tiny_model):
    """Each model gets a time of its own."""
    classifier = Classifier.open(tiny_model)

    times = agreement.milliseconds([classifier, classifier], np.zeros((2, 8, 8, 3), np.uint8))

    assert 2 == len(times)
    assert all(0 < time < float("inf") for time in times)
