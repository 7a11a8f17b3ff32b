"""Drift: an index of how far pictures are from the reference, with a limit that chance rarely exceeds."""

import json

import numpy as np
import pytest

from hornet.drift import BY_CHANCE, FEWEST, SIZES, Reference


def answers(seed, count, *, shift=0.0):
    """Return probabilities and novelties of pictures in groups of one to four, and the groups."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), generator.integers(1, 5, count))[:count]
    of_group = generator.normal(shift, 1, count)[groups]
    margin = 1.5 * of_group + generator.normal(0, 1, count)
    found = {
        "probability": 1 / (1 + np.exp(-margin)),
        "novelty": np.exp(0.2 * of_group + 0.1 * generator.normal(0, 1, count)),
    }
    return found, groups.tolist()


@pytest.fixture(scope="module")
def reference():
    """Return the reference of 2,000 pictures."""
    found = Reference.fit(*answers(1, 2000))
    assert found is not None
    return found


@pytest.mark.parametrize("count", [30, 100, 500, 2000])
def test_the_same_kind_is_rarely_beyond_the_limit(reference, count):
    """Pictures of the same kind, in groups as the reference's, exceed the limit about once in a hundred, for any number."""
    beyond = [one.beyond for seed in range(120) for one in reference.compare(answers(1000 + seed, count)[0])]

    assert np.mean(beyond) < 4 * BY_CHANCE


@pytest.mark.parametrize("count", [100, 500])
def test_another_kind_is_beyond_it(reference, count):
    """Pictures of another kind exceed it, the more of them the surer."""
    beyond = [
        one.beyond for seed in range(50) for one in reference.compare(answers(seed + 50, count, shift=1.0)[0])
    ]

    assert np.mean(beyond) > 0.95


def test_index_by_hand():
    """The index is the sum of (p - q) ln(p / q) over bins of equal share, half a picture added to each."""
    found = Reference.fit({"novelty": np.arange(100.0)}, list(range(100)))
    assert found is not None
    (drift,) = found.compare({"novelty": [5.0] * 50})
    p = np.array([50.5] + [0.5] * 9) / 55
    q = np.full(10, 0.1)

    assert float(((p - q) * np.log(p / q)).sum()) == pytest.approx(drift.index)
    assert 50 == drift.pictures


def test_limits_fall_with_the_number_of_pictures(reference):
    """The more pictures, the less may they differ; between the listed numbers it is interpolated."""
    histogram = reference.histograms["novelty"]
    limits = [histogram.limit(size) for size in SIZES]

    assert sorted(limits, reverse=True) == limits
    assert limits[3] < histogram.limit(150) < limits[2]
    assert limits[-1] == pytest.approx(histogram.limit(10**6))


def test_few_pictures_say_nothing(reference):
    """Below 25 pictures there is an index and no limit; without any there is nothing; too few make no reference."""
    (one, _) = reference.compare(answers(5, 24)[0])

    assert (None, False) == (one.limit, one.beyond)
    assert [] == reference.compare({"probability": []})
    assert ["novelty"] == [drift.quantity for drift in reference.compare({"novelty": [1.0]})]
    assert Reference.fit(*answers(2, FEWEST - 1)) is None


def test_comes_back_from_json(reference):
    """What a contract holds gives the same answers."""
    again = Reference.from_document(json.loads(json.dumps(reference.to_document())))
    found, _ = answers(7, 300)

    for one, other in zip(reference.compare(found), again.compare(found), strict=True):
        assert (one.quantity, one.pictures, one.beyond) == (other.quantity, other.pictures, other.beyond)
        assert (one.index, one.limit) == pytest.approx((other.index, other.limit), rel=1e-3)
    assert len(json.dumps(reference.to_document())) < 2000


def test_equal_values_are_one_bin():
    """A reference in which most values are the same has fewer bins, and still tells others apart."""
    for many in (0.0, 1.0):
        values = np.r_[np.full(900, many), np.linspace(0, 1, 100)]
        found = Reference.fit({"probability": values}, list(range(1000)))
        assert found is not None

        assert len(found.histograms["probability"].counts) < 10
        assert found.compare({"probability": values[::3].tolist()})[0].index < 0.05
        assert found.compare({"probability": [0.5] * 50})[0].beyond


def test_moved_probabilities_keep_their_bins(reference):
    """Where probabilities move by a rising function, the reference moves along: the index stays."""
    found, _ = answers(8, 400)
    moved = reference.moved(lambda p: p * p)
    squared = {"probability": found["probability"] ** 2, "novelty": found["novelty"]}

    expected = [one.index for one in reference.compare(found)]
    assert expected == pytest.approx([one.index for one in moved.compare(squared)])


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [1, 2]},
        {"histograms": 3},
        {"histograms": {"novelty": {"edges": [1.0], "counts": [3], "limits": [1.0] * len(SIZES)}}},
        {"histograms": {"novelty": {"edges": [1.0], "counts": [3, 4], "limits": [0.0] * len(SIZES)}}},
        {"histograms": {"novelty": {"edges": [1.0], "counts": [3, 4], "limits": [1.0]}}},
    ],
)
def test_damaged_documents_are_refused(reference, change):
    """A document that can't be what was written is refused."""
    with pytest.raises(ValueError, match="reference"):
        Reference.from_document({**reference.to_document(), **change})
