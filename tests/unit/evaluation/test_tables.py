"""Figures as text."""

from pathlib import Path

import pytest

from hornet.dataset import Dataset, Record
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.metrics import Estimate
from hornet.evaluation.tables import cell, format_evaluation, interval, text_table


def test_cells():
    """Figures come with their interval, or with why there is none."""
    assert "0.912 (0.880 to 0.930)" == interval(Estimate(0.9123, 0.88, 0.93))
    assert "0.912" == interval(Estimate(0.9123))
    assert "- (all pictures are of one class)" == interval(
        Estimate(None, reason="all pictures are of one class")
    )
    assert "" == cell(None)


def test_table():
    """The first column is left, the others right, without trailing blanks."""
    assert "a    bbb\nxyz    1" == text_table(("a", "bbb"), [("xyz", "1")])


@pytest.fixture
def text(classifier, paint, tmp_path):
    """Return the text of an evaluation with few groups, strata, sources and failures."""
    records = [
        Record(f"{i}", paint(f"{i}.png", p), y, source=s, camera="c")
        for i, (y, p, s) in enumerate([(1, 0.9, "trap"), (0, 0.6, "trap"), (0, 0.1, "")])
    ]
    broken = [Record(f"broken{i}.png", Path(tmp_path / f"none{i}.png"), 1) for i in range(12)]
    dataset = Dataset((*records, *broken), tmp_path)
    return format_evaluation(evaluate(classifier, dataset, strata=["camera"], resamples=20))


def test_everything_is_told(text):
    """The text has the counts, the marks, the strata, the confusion, the sources and the failures."""
    for part in (
        "All 3 pictures, 1 with a hornet, 3 groups. Intervals (95 %) are ungrouped",
        "accuracy           0.667",
        "Within strata of camera: AUC 1.000",
        "over 2 pairs; 3 of 3 pictures have all of these columns.",
        (
            "at threshold 0.500  called present  called absent\n"
            "shows a hornet                   1              0\n"
            "shows none                       1              1"
        ),
        "Unsure (probability from 0.300 to below 0.700): 1 picture, 33.3%.",
        "(none)",
        "2*",
        "* fewer than 10 groups: ungrouped intervals, too narrow",
        "12 pictures could not be read, in none of the figures:\n  broken0.png: missing: ",
        "and 2 more",
    ):
        assert part in text


def test_grouped_and_plain(classifier, paint, tmp_path):
    """With ten groups the text says so; without sources and failures it doesn't mention them."""
    records = tuple(Record(f"{i}", paint(f"{i}.png", 0.2 + 0.06 * i), i % 2, split="test") for i in range(10))
    text = format_evaluation(evaluate(classifier, Dataset(records, tmp_path), resamples=20))

    assert text.startswith(
        "Split test: 10 pictures, 5 with a hornet, 10 groups. Intervals (95 %) by resampling groups."
    )
    assert "source" not in text
    assert "could not be read" not in text
