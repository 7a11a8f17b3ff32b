"""A measurement on what was learned from is refused, however the pictures are called."""

import shutil
from dataclasses import replace

import pytest

from hornet.dataset import check_unseen, load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.dataset.overlap import seen_groups
from hornet.errors import SplitLeakage


@pytest.fixture
def trained(tmp_path):
    """Return four pictures: two that a run learned from, one it chose its weights by, one for testing."""
    write_dataset(tmp_path / "data", 2, size=(40, 30))
    return load_dataset(tmp_path / "data").with_splits(["train", "train", "validation", "test"])


def test_the_run_s_own_test_split_is_unseen(trained):
    """What the run held out may be measured on."""
    check_unseen(trained, trained.subset("test").records, "the run")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_the_same_file_is_seen(trained, split):
    """A picture that was learned from, or that early stopping looked at."""
    part = trained.subset(split).records

    assert [record.name for record in part] == seen_groups(trained, part)
    with pytest.raises(SplitLeakage, match=r"the run was trained on .* manifest\.csv"):
        check_unseen(trained, part, "the run")


def test_a_copy_under_another_name_is_seen(trained, tmp_path):
    """The bytes are compared, not only names."""
    victim = trained.records[0]
    copy = tmp_path / "copy.jpg"
    shutil.copy(victim.path, copy)
    record = replace(victim, name="copy.jpg", path=copy, split="test")

    assert ["copy.jpg"] == seen_groups(trained, [record])


def test_another_picture_of_a_learned_group_is_seen(trained):
    """A group of the same name counts, as pictures of a group are alike."""
    records = [replace(trained.records[0], group="nest 7"), *trained.records[1:]]
    tested = [replace(trained.records[3], group="nest 7")]

    assert ["nest 7"] == seen_groups(replace(trained, records=tuple(records)), tested)
