"""Records and data sets."""

from dataclasses import replace
from pathlib import Path

import pytest

from hornet.dataset import Dataset, Record, check_classes, check_splits, join_datasets
from hornet.dataset.records import few, parse_time
from hornet.errors import EmptyClass, ManifestInvalid, SplitLeakage


def record(name, label=1, **fields):
    """Return a record whose file needn't exist."""
    return Record(name=name, path=Path("/data") / name, label=label, **fields)


def dataset(*records):
    """Return a data set of these."""
    return Dataset(tuple(records), Path("/data"))


def test_a_picture_without_group_is_its_own():
    """Groups fall back on the picture's name."""
    assert ["g", "b"] == dataset(record("a", group="g"), record("b")).groups()


def test_splits_make_subsets():
    """Splits are given one a picture; subset and select pick by split and place."""
    data = dataset(record("a"), record("b"), record("c")).with_splits(["train", "test", "train"])

    assert ["a", "c"] == [r.name for r in data.subset("train").records]
    assert ["c", "a"] == [r.name for r in data.select([2, 0]).records]
    assert ("path", "label", "split") == data.columns
    with pytest.raises(ValueError, match="shorter"):
        data.with_splits(["train"])


def test_columns_by_name():
    """Strata are named by column; day is the date of captured_at; others are found among the extra."""
    one = record("a", camera="left", captured_at="2019-09-16T13:58:06", extra=(("hive", "3"),))

    assert ["left", "2019-09-16", "3"] == [one.column(name) for name in ("camera", "day", "hive")]
    assert "" == record("a").day
    with pytest.raises(ManifestInvalid, match=r"no column 'hives'.*hive"):
        one.column("hives")


def test_times():
    """ISO and EXIF times are read."""
    assert parse_time("2019-09-16 13:58") == parse_time("2019:09:16 13:58:00")


def test_leakage_is_named():
    """A group in two splits is an error; pictures without a split can't leak."""
    shared = [record("a", group="g", split="train"), record("b", group="g", split="test")]

    with pytest.raises(SplitLeakage, match=r"1 groups .* g \(test, train\)"):
        check_splits(dataset(*shared))
    check_splits(dataset(shared[0], replace(shared[1], split="")))


def test_a_missing_class_is_named():
    """A split without one of the classes is an error that counts both."""
    with pytest.raises(EmptyClass, match="The test split has 2 pictures with a hornet and 0 without"):
        check_classes(dataset(record("a"), record("b")), "The test split")


def test_join():
    """Data sets are put one after the other under full names; a doubled picture is an error."""
    one = replace(dataset(record("a")), columns=("path", "label", "x"), notes=("n",))
    two = dataset(record("b"), record("c", split="test"))
    both = join_datasets([one, two])

    assert [Path(f"/data/{n}").absolute().as_posix() for n in "abc"] == [r.name for r in both.records]
    assert (("path", "label", "x"), ("n",)) == (both.columns, both.notes)
    assert one is join_datasets([one])
    with pytest.raises(ManifestInvalid, match="given twice"):
        join_datasets([one, one])
    with pytest.raises(ManifestInvalid, match="no data"):
        join_datasets([])


def test_few():
    """Long lists are cut, with a count of the rest."""
    assert ("a, b", "0, 1, 2, 3, 4 and 2 more") == (few("ab"), few("0123456"))
