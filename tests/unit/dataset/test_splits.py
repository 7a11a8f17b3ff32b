"""Splits without leakage."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import SPLITS, Dataset, Record, apply_split_file, load_dataset, split_dataset
from hornet.errors import ConfigError, EmptyClass, ManifestInvalid, SplitLeakage


def make(*rows):
    """Return a data set of (label[, group[, source[, split]]]) rows."""
    padded = [(*row, "", "", "")[:4] for row in rows]
    return Dataset(
        tuple(
            Record(str(i), Path(str(i)), label, group=group, source=source, split=split)
            for i, (label, group, source, split) in enumerate(padded)
        ),
        Path(),
    )


def shares(dataset):
    """Return the share of pictures and of presence in each split."""
    return {
        split: (len(part) / len(dataset), float(part.labels().mean()))
        for split in SPLITS
        if len(part := dataset.subset(split))
    }


def split_of(dataset):
    """Return the split of each group, of which there must be one."""
    found: dict[str, str] = {}
    for group, split in zip(dataset.groups(), dataset.splits(), strict=True):
        assert split == found.setdefault(group, split)
    return found


def test_many_groups_are_met_closely():
    """With 300 groups of uneven size, shares and prevalence are met to one percent."""
    generator = np.random.default_rng(0)
    rows = [
        (int(generator.random() < 0.3), f"g{g}") for g in range(300) for _ in range(generator.integers(1, 9))
    ]
    result = split_dataset(make(*rows))
    split_of(result)
    prevalence = np.mean([row[0] for row in rows])
    for split, wished in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
        share, present = shares(result)[split]

        assert wished == pytest.approx(share, abs=0.01)
        assert prevalence == pytest.approx(present, abs=0.02)


def test_pictures_without_groups():
    """Single pictures are dealt one by one, to within a picture or two."""
    result = split_dataset(make(*[(i % 4 == 0,) for i in range(200)]), validation=0.1, test=0.2)

    assert {"train": 140, "validation": 20, "test": 40} == pytest.approx(Counter(result.splits()), abs=2)


def test_few_groups():
    """With seven groups every split gets both classes, and the shares are as near as groups allow."""
    result = split_dataset(make(*[(i % 2, f"day{d}") for d in range(7) for i in range(10)]))

    assert {"train": 5, "validation": 1, "test": 1} == Counter(split_of(result).values())


def test_a_huge_group_is_learned_from():
    """A group far larger than a split's share stays in train."""
    rows = [(i % 2, "web") for i in range(500)] + [(g % 2, f"g{g}") for g in range(500)]

    assert "train" == split_of(split_dataset(make(*rows)))["web"]


def test_sources_are_spread():
    """Each source of many groups comes into each split, by its share."""
    rows = [(g % 2, f"{s}{g}", s) for s in ("portal", "trap", "hive") for g in range(80)]
    result = split_dataset(make(*rows))
    for split in ("validation", "test"):
        sources = Counter(r.source for r in result.subset(split).records)

        assert {"portal": 12, "trap": 12, "hive": 12} == pytest.approx(sources, abs=3)


def test_seeds():
    """The same seed gives the same split, another seed another one."""
    data = make(*[(g % 2, f"g{g}") for g in range(100)])
    first = split_dataset(data, seed=1).splits()

    assert first == split_dataset(data, seed=1).splits()
    assert first != split_dataset(data, seed=2).splits()


def test_existing_splits_are_kept():
    """A complete split column isn't touched."""
    rows = [
        (i % 2, f"g{i}", "", split)
        for i, split in enumerate(["test"] * 4 + ["train"] * 2 + ["validation"] * 2)
    ]
    data = make(*rows)

    assert data.splits() == split_dataset(data).splits()


def test_existing_leakage_is_an_error():
    """A group that lies in two existing splits stops everything."""
    with pytest.raises(SplitLeakage):
        split_dataset(make((1, "g", "", "train"), (0, "g", "", "test")))


def test_pictures_without_a_split_follow_their_group():
    """New pictures of a known group join it; other groups fill only splits that nobody filled."""
    rows = [(i % 2, f"old{i}", "", "test") for i in range(4)]
    rows += [(1, "old0", "", "")] + [(i % 2, f"new{i}", "", "") for i in range(40)]
    result = split_dataset(make(*rows))

    assert "test" == result.splits()[4]
    assert {"validation": 6, "train": 34} == Counter(result.splits()[5:])


def test_validation_is_taken_from_train():
    """Where only train and test were marked, whole groups of train are taken for validation, and a note says so."""
    rows = [(i % 2, f"a{i // 4}", "", "train") for i in range(80)] + [
        (i % 2, f"t{i}", "", "test") for i in range(4)
    ]
    result = split_dataset(make(*rows))
    split_of(result)

    assert {"train": 68, "validation": 12, "test": 4} == Counter(result.splits())
    assert "taken for it" in result.notes[0]


def test_no_test_split_on_request():
    """A share of 0 leaves a split out."""
    result = split_dataset(make(*[(i % 2,) for i in range(40)]), test=0)

    assert {"train": 34, "validation": 6} == Counter(result.splits())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, "a"), (0, "a"), (1, "b"), (0, "b")], "too few groups .2 left. to fill test and 2 more"),
        ([(0, f"g{i}") for i in range(30)], "labelled present lie in too few groups .0 left."),
        ([(1, "a", "", "train"), (1, "b", "", "validation"), (0, "c", "", "test")], "The split train has 1"),
    ],
)
def test_too_few_groups(rows, message):
    """Where a class has too few groups to go round, the error counts them."""
    with pytest.raises(EmptyClass, match=message):
        split_dataset(make(*rows))


@pytest.mark.parametrize("wished", [(0.5, 0.5), (-0.1, 0.1)])
def test_impossible_shares(wished):
    """Shares that leave no training pictures are refused."""
    with pytest.raises(ConfigError):
        split_dataset(make((1,), (0,)), validation=wished[0], test=wished[1])


def test_importing_the_room_is_light():
    """Reading data sets doesn't import scikit-learn."""
    code = "import hornet.dataset, sys; sys.exit('sklearn' in sys.modules or 'torch' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


@pytest.fixture
def listed(folder, manifest):
    """Return a data set of three files, two of one group."""
    return load_dataset(manifest("path,label,group\na.jpg,1,g\nb.jpg,0,g\nsub/c.jpg,1,h\n"))


def test_a_frozen_split(listed, folder, tmp_path_factory):
    """A split file names pictures as the manifest does, or as files from where it lies."""
    (folder / "split.csv").write_text("path,split\na.jpg,val\nb.jpg,val\nsub/c.jpg,test\n", encoding="utf-8")
    (folder / "sub" / "split.csv").write_text(
        "split,path\nval,../a.jpg\nval,../b.jpg\ntest,c.jpg\n", encoding="utf-8"
    )

    assert ["validation", "validation", "test"] == apply_split_file(listed, folder / "split.csv").splits()
    assert ["validation", "validation", "test"] == apply_split_file(
        listed, folder / "sub" / "split.csv"
    ).splits()


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("a.jpg,train\nb.jpg,train\n", ManifestInvalid, "no split for 1 pictures: sub/c.jpg"),
        (
            "a.jpg,train\nb.jpg,train\nsub/c.jpg,test\nd.jpg,test\n",
            ManifestInvalid,
            "1 pictures that aren't in the data: d",
        ),
        ("a.jpg,dev\n", ManifestInvalid, "line 2: unknown split 'dev'"),
        ("a.jpg,\n", ManifestInvalid, "line 2: unknown split ''"),
        ("a.jpg,test\na.jpg,train\n", ManifestInvalid, "line 3: 'a.jpg' has another split"),
        ("a.jpg,train\nb.jpg,test\nsub/c.jpg,test\n", SplitLeakage, r"g \(test, train\)"),
    ],
)
def test_a_bad_frozen_split(listed, folder, rows, error, message):
    """A split file must name every picture once, and no group twice."""
    (folder / "split.csv").write_text("path,split\n" + rows, encoding="utf-8")
    with pytest.raises(error, match=message):
        apply_split_file(listed, folder / "split.csv")


def test_splits_of_a_run_come_back(listed, folder):
    """A split file replaces the splits that were there."""
    (folder / "split.csv").write_text(
        "path,split\na.jpg,train\nb.jpg,train\nsub/c.jpg,train\n", encoding="utf-8"
    )
    records = tuple(replace(record, split="test") for record in listed.records)

    assert ["train"] * 3 == apply_split_file(replace(listed, records=records), folder / "split.csv").splits()
