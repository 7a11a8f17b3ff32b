"""The fingerprint of a data set."""

from dataclasses import replace

import pytest

from hornet.dataset import fingerprint, read_manifest
from hornet.errors import ManifestInvalid


@pytest.fixture
def pictures(manifest):
    """Return a data set of two pictures."""
    return read_manifest(manifest("path,label,group\na.jpg,1,x\nb.jpg,0,y\n"))


def changed(dataset, **fields):
    """Return the data set with its first record changed."""
    return replace(dataset, records=(replace(dataset.records[0], **fields), *dataset.records[1:]))


def test_what_doesnt_matter(pictures, folder):
    """Order, names, groups and splits leave the fingerprint alone."""
    (folder / "sub" / "moved.jpg").write_bytes((folder / "a.jpg").read_bytes())
    moved = changed(pictures, name="m", path=folder / "sub" / "moved.jpg", group="z", split="test")

    assert fingerprint(pictures) == fingerprint(moved) == fingerprint(pictures.select([1, 0]))
    assert 64 == len(fingerprint(pictures))


def test_what_matters(pictures, folder):
    """Contents, labels, masks and doubling change it."""
    before = fingerprint(pictures)
    others = [
        changed(pictures, label=0),
        changed(pictures, masks=((0.0, 0.0, 1.0, 0.1),)),
        changed(pictures, path=folder / "sub" / "c.jpg"),
        pictures.select([0, 0, 1]),
    ]

    assert 5 == len({before, *map(fingerprint, others)})


def test_a_file_that_went_away(pictures, folder):
    """A picture that can't be read is an error."""
    (folder / "a.jpg").unlink()
    with pytest.raises(ManifestInvalid, match=r"a.jpg can't be read"):
        fingerprint(pictures)
