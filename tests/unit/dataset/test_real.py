"""The real pictures' manifest, where it is there."""

import pytest

from hornet.dataset import SPLITS, check_splits, load_dataset, split_dataset, write_manifest

pytestmark = pytest.mark.realdata


def test_real_manifest_splits_and_moves(real_data, tmp_path):
    """The real manifest splits without leakage near the asked shares, and works from another folder."""
    dataset = split_dataset(load_dataset(real_data))
    check_splits(dataset)
    prevalence = dataset.labels().mean()
    for split, share in zip(SPLITS, (0.70, 0.15, 0.15), strict=True):
        part = dataset.subset(split)

        assert share == pytest.approx(len(part) / len(dataset), abs=0.02)
        assert prevalence == pytest.approx(part.labels().mean(), abs=0.03)
    write_manifest(dataset, tmp_path / "manifest.csv")
    again = load_dataset(tmp_path / "manifest.csv")

    assert dataset.splits() == again.splits()
    assert [path.resolve() for path in dataset.paths()] == [path.resolve() for path in again.paths()]
