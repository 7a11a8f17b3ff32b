"""New labels meet earlier ones: contradictions are shown, and what was held out stays held out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import file_digest, load_dataset
from hornet.errors import DatasetError, EmptyClass
from hornet.training.bank import Bank
from hornet.training.earlier import merge, remember


@pytest.fixture
def pictures(tmp_path):
    """Return 16 pictures in 16 groups, half of them with a hornet."""
    generator = np.random.default_rng(0)
    for label in ("absent", "present"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(8):
            noise = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / label / f"{number}.png")
    dataset = load_dataset(tmp_path / "data")
    records = tuple(dataclasses.replace(r, group=f"day {r.name}") for r in dataset.records)
    return dataclasses.replace(dataset, records=records)


@pytest.fixture
def labels(tmp_path):
    return tmp_path / "labels.csv"


def changed(dataset, rows, **values):
    """Return the pictures with these rows changed."""
    records = (dataclasses.replace(r, **values) if i in rows else r for i, r in enumerate(dataset.records))
    return dataclasses.replace(dataset, records=tuple(records))


def short(record):
    return int.from_bytes(bytes.fromhex(file_digest(record.path))[:8], "big", signed=True)


def bank_of(learned, tested):
    """Return a bank that learned from some pictures and was tested on others."""
    count = len(learned)
    return Bank(
        trunk="",
        sources=("",),
        kinds=("",),
        embedding=np.zeros((count, 512), np.float16),
        label=np.zeros(count, np.int8),
        split=np.zeros(count, np.uint8),
        source=np.zeros(count, np.int16),
        species=np.zeros(count, np.int16),
        group=np.arange(count, dtype=np.int32),
        digest=np.array([short(record) for record in learned], np.int64),
        held_out=np.array([short(record) for record in tested], np.int64),
    )


def held_out(merged):
    return {record.path.name + record.path.parent.name for record in merged.dataset.subset("test").records}


def test_a_quarter_of_the_groups_of_each_class_is_held_out(pictures, labels):
    """Of 8 groups of each class 2 are held out, the rest is learned from."""
    merged = merge(pictures, labels, None)
    test = merged.dataset.subset("test")

    assert (4, 2) == (len(test), int(test.labels().sum()))
    assert 12 == len(merged.dataset.subset("train"))
    assert (16, 0, 0) == (merged.added, merged.known, merged.earlier)
    assert held_out(merged) == held_out(merge(pictures, labels, None))
    assert held_out(merged) != held_out(merge(pictures, labels, None, seed=1))


def test_held_out_for_ever(pictures, labels):
    """Given again with a manifest that puts all into train, held-out groups stay held out, and that is told."""
    first = merge(pictures, labels, None)
    remember(first.dataset, labels)
    again = merge(changed(pictures, range(16), split="train"), labels, None, seed=5)

    assert held_out(first) == held_out(again)
    assert (0, 16) == (again.added, again.known)
    assert any("4 groups stay in the split" in note for note in again.notes)


def test_new_pictures_of_a_held_out_group_are_held_out(pictures, labels):
    """A picture that joins a frozen group later isn't learned from."""
    first = merge(changed(pictures, [15], group=""), labels, None, group_by="none")
    remember(first.dataset, labels)
    group = first.dataset.subset("test").records[0].group
    image = np.random.default_rng(9).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    path = pictures.root / "absent" / "late.png"
    Image.fromarray(image).save(path)
    late = dataclasses.replace(pictures.records[0], name="late", path=path, group=group, split="train")
    merged = merge(dataclasses.replace(pictures, records=(late,)), labels, None)

    (row,) = (r for r in merged.dataset.records if r.path == path)
    assert "test" == row.split
    assert (1, 16) == (merged.added, merged.earlier)
    assert any("stay in the split" in note for note in merged.notes)


def test_conflicts_are_shown_and_the_new_label_counts(pictures, labels):
    """A picture that was labelled otherwise before is named with both labels."""
    remember(merge(pictures, labels, None).dataset, labels)
    row = pictures.records[0]
    merged = merge(changed(pictures, [0], label=1 - (row.label or 0)), labels, None)

    (conflict,) = merged.conflicts
    assert ("absent", "present") == (conflict.before, conflict.now)
    assert any(line.startswith(f"conflict: {row.path.as_posix()}") for line in merged.describe())
    remember(merged.dataset, labels)
    assert () == merge(changed(pictures, [0], label=1), labels, None).conflicts


def test_earlier_pictures_take_part_while_they_are_there(pictures, labels):
    """Earlier pictures are learned from again; those whose files are gone or were changed are counted."""
    remember(merge(pictures, labels, None).dataset, labels)
    pictures.records[1].path.unlink()
    pictures.records[2].path.write_bytes(pictures.records[3].path.read_bytes() + b"x")
    some = dataclasses.replace(pictures, records=pictures.records[4:6])
    merged = merge(some, labels, None)

    assert (0, 2, 12, 2) == (merged.added, merged.known, merged.earlier, merged.gone)
    assert 14 == len(merged.dataset)
    remember(merged.dataset, labels)
    # What is gone today may be back tomorrow.
    assert 2 == merge(some, labels, None).gone


def test_copies_are_left_out_and_must_agree(pictures, labels):
    """A copy under another name counts once; with another label somebody must decide."""
    first = pictures.records[0]
    copy = pictures.root / "absent" / "copy.png"
    copy.write_bytes(first.path.read_bytes())
    twin = dataclasses.replace(first, name="copy", path=copy)
    doubled = dataclasses.replace(pictures, records=(*pictures.records, twin))

    merged = merge(doubled, labels, None)
    assert 16 == len(merged.dataset)
    assert any("1 copies" in note for note in merged.notes)
    with pytest.raises(DatasetError, match="opposite labels"):
        merge(changed(doubled, [16], label=1), labels, None)


def test_what_the_champion_learned_from_is_never_held_out(pictures, labels):
    """Pictures of the bank go to train, and pictures on which the champion was tested to test, whatever is asked."""
    learned, tested = pictures.records[:6], pictures.records[6:8]
    wanted = changed(changed(pictures, range(6), split="test"), [6, 7], split="train")
    merged = merge(wanted, labels, bank_of(learned, tested))
    splits = {record.path: record.split for record in merged.dataset.records}

    assert {"train"} == {splits[record.path] for record in learned}
    assert {"test"} == {splits[record.path] for record in tested}
    assert any("learned from 6" in note for note in merged.notes)


def test_a_group_that_is_held_out_loses_what_was_learned(pictures, labels):
    """Where a group has both kinds it is held out, without the pictures from which the champion learned."""
    one = changed(pictures, [0, 1], group="both")
    merged = merge(one, labels, bank_of([pictures.records[0]], [pictures.records[1]]))

    assert pictures.records[0].path not in {record.path for record in merged.dataset.records}
    assert 15 == len(merged.dataset)
    assert any("left out" in note for note in merged.notes)


def test_nothing_to_hold_out_is_an_error(pictures, labels):
    """One group can't be learned from and measured on."""
    with pytest.raises(EmptyClass, match="nothing to measure on"):
        merge(changed(pictures, range(16), group="one"), labels, None)
