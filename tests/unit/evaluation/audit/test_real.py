"""The audit on a few real pictures, where they are there."""

import pytest

from hornet.dataset import load_dataset
from hornet.evaluation.audit import PARTS, audit

pytestmark = pytest.mark.realdata

_DAYS = ("2019-09-22", "2019-09-23")


@pytest.fixture
def cameras(real_data):
    """Return 48 pictures of three fixed cameras with overlapping views, of two days."""
    dataset = load_dataset(real_data)
    places = [i for i, r in enumerate(dataset.records) if r.source == "hivecam" and r.day in _DAYS]
    return dataset.select(places[::2]).select(range(48))


def test_a_random_split_of_a_fixed_camera_leaks_and_one_by_day_does_not(cameras):
    """Frames of one day stand in both parts; there is no conflict, as an insect may have come in between."""
    quick = [part for part in PARTS if part.quick]
    random = cameras.with_splits(["test" if number % 3 == 0 else "train" for number in range(48)])
    by_day = cameras.with_splits(["test" if r.day == _DAYS[0] else "train" for r in cameras.records])
    found = {finding.name: finding.facts for finding in audit(random, parts=quick).findings}

    assert 16 == found["leakage"]["pictures"]
    assert 2 == found["leakage"]["divided"]
    assert "label-conflict" not in found
    assert "leakage" not in {finding.name for finding in audit(by_day, parts=quick).findings}
