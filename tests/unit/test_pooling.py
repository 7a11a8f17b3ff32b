"""Pooling rules: their names, their values, their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornet.errors import ConfigError
from hornet.pooling import Pooling

MAPS = st.lists(st.floats(-200, 200), min_size=6, max_size=6).map(lambda v: np.array(v).reshape(2, 3))


@pytest.mark.parametrize(
    "name", ["", "median", "mean:1", "max:", "lse", "lse:0", "lse:-1", "lse:inf", "lse:x", "top:0", "top:2.5"]
)
def test_unknown_rules_are_named(name):
    """A rule that is none is an error that lists what there is."""
    with pytest.raises(ConfigError, match="mean, max, lse:R"):
        Pooling.parse(name)


def test_values_by_hand():
    """Each rule gives what its definition gives on four places."""
    heatmap = np.array([[[0.0, 1.0], [2.0, 5.0]]], np.float32)
    expected = {
        "mean": 2.0,
        "max": 5.0,
        "top:2": 3.5,
        "top:9": 2.0,
        "lse:2": np.log(np.exp([0, 2, 4, 10.0]).mean()) / 2,
    }

    for name, value in expected.items():
        np.testing.assert_allclose(Pooling.parse(name)(heatmap), [value], rtol=1e-12)


@given(MAPS)
def test_all_lie_between_mean_and_maximum(heatmap):
    """Whatever the places, no rule leaves the range from their mean to their maximum, and none overflows."""
    mean, highest = Pooling("mean")(heatmap), Pooling("max")(heatmap)

    for name in ("lse:0.01", "lse:1", "lse:100", "top:1", "top:3", "top:6"):
        assert mean - 1e-6 <= Pooling.parse(name)(heatmap) <= highest + 1e-6


@given(MAPS)
def test_log_sum_exp_goes_from_mean_to_maximum(heatmap):
    """A small sharpness is the mean, a large one the maximum."""
    np.testing.assert_allclose(Pooling.parse("lse:1e-5")(heatmap), heatmap.mean(), atol=0.5)
    np.testing.assert_allclose(Pooling.parse("lse:1000")(heatmap), heatmap.max(), atol=0.01)
