"""Classes that are missing somewhere: found where numbers prove it."""

from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import Dataset, Derivation, Record
from hornet.evaluation.audit.balance import judge_balance
from hornet.evaluation.audit.evidence import Evidence


def _found(rows):
    """Return the facts of what is found in rows of label and further columns, by column."""
    records = tuple(
        Record(f"{number}.jpg", Path(f"{number}.jpg"), label, **columns)
        for number, (label, columns) in enumerate(rows)
    )
    dataset = Dataset(records, Path())
    outcome = judge_balance(Evidence(dataset, dataset, (), Derivation("auto")))
    return {finding.facts["column"]: finding.facts for finding in outcome.findings}


def _rows(present, absent, **columns):
    return [(1, columns)] * present + [(0, columns)] * absent


@pytest.mark.parametrize(("present", "absent"), [(50, 50), (20, 80), (2, 18), (0, 5)])
def test_usual_shares_and_small_numbers_are_no_finding(present, absent):
    """One in five is usual, and of 20 pictures two may be few by chance."""
    assert {} == _found(_rows(present, absent))


@pytest.mark.parametrize(("present", "absent"), [(10, 490), (490, 10), (0, 200)])
def test_a_rare_class_is_a_finding(present, absent):
    """Two in a hundred are too few, whichever class it is."""
    found = _found(_rows(present, absent))

    assert {None} == set(found)
    assert (present, absent) == (found[None]["present"], found[None]["absent"])


@pytest.mark.parametrize("column", ["source", "camera", "split"])
def test_a_value_with_one_class_only_is_a_finding(column):
    """It is named with its numbers; values with both classes aren't."""
    found = _found(_rows(0, 200, **{column: "b"}) + _rows(200, 100, **{column: "a"}))[column]

    assert [200] == [value["absent"] for value in found["values"]]
    assert (1, 200, 500) == (found["count"], found["pictures"], found["of"])


def test_days_and_hours_are_read_from_the_time():
    """A night hour without hornets, and a day with nothing else."""
    rows = _rows(0, 100, captured_at="2019-09-16T03:10:00") + _rows(
        150, 50, captured_at="2019-09-17T12:10:00"
    )
    found = _found(rows)

    assert {"day", "hour"} == set(found)
    assert "2019-09-16" == found["day"]["values"][0]["value"]
    assert "03 h" == found["hour"]["values"][0]["value"]


def test_few_pictures_of_a_value_prove_nothing():
    """Ten pictures of one class may come so by chance, and a date without a time has no hour."""
    rows = _rows(0, 10, source="b", captured_at="2019-09-16") + _rows(100, 100, source="a")

    assert {} == _found(rows)


def test_chance_alone_is_seldom_found():
    """Of labels dealt at random to 40 days and 10 cameras nothing is lopsided."""
    rng = np.random.default_rng(0)
    rows = [
        (
            int(rng.integers(2)),
            {"captured_at": f"2019-09-{1 + n % 30:02d}T{n % 24:02d}:00:00", "camera": f"c{n % 10}"},
        )
        for n in range(1200)
    ]

    assert {} == _found(rows)
