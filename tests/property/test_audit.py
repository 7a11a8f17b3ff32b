"""What must hold of an audit whatever the data set."""

import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.dataset.store import PictureStore
from hornet.evaluation.audit import PARTS, audit
from hornet.evaluation.audit.copies import connected

_COUNT = 15


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """Return 15 pictures with copies in both classes and splits, one of them unreadable; and a store."""
    folder = tmp_path_factory.mktemp("spoiled")
    write_dataset(folder, 6, size=(64, 48))
    first = folder / "presence" / "presence_0000.jpg"
    shutil.copy(first, folder / "presence" / "again.jpg")
    shutil.copy(first, folder / "absence" / "same.jpg")
    (folder / "absence" / "torn.jpg").write_bytes(first.read_bytes()[:200])
    dataset = load_dataset(folder)
    records = [
        replace(
            r,
            split=("train", "test")[n % 2],
            camera=f"c{n % 3}",
            captured_at=f"2019-09-{10 + n % 4}T12:00:0{n % 5}",
        )
        for n, r in enumerate(dataset.records)
    ]
    return replace(dataset, records=tuple(records)), PictureStore(tmp_path_factory.mktemp("store"))


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(_COUNT)))
def test_order_of_rows_changes_nothing(spoiled, order):
    """Findings, facts, examples and their order depend on the pictures alone."""
    dataset, store = spoiled
    quick = [part for part in PARTS if part.quick]
    result = audit(dataset, parts=quick, store=store)

    assert {"unreadable", "duplicate", "label-conflict", "leakage"} <= {f.name for f in result.findings}
    assert result.to_dict() == audit(dataset.select(order), parts=quick, store=store).to_dict()


@given(pairs=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_connected_sets_are_a_partition(pairs):
    """Both ends of each pair are in one set, no member is in two, and the order of the pairs is no matter."""
    sets = connected(pairs)
    members = [member for each in sets for member in each]

    assert sorted(set(members)) == sorted(members)
    assert all(any(a in each and b in each for each in sets) for a, b in pairs)
    assert sets == connected(reversed(pairs))
