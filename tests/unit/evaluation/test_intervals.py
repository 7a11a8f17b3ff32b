"""Intervals against published and independent figures."""

import numpy as np
import pytest

from hornet.evaluation.intervals import draw_groups, group_numbers, newcombe_auc, percentiles, wilson


@pytest.mark.parametrize(
    ("hits", "n", "bounds"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson(hits, n, bounds):
    """The score interval has the published bounds."""
    assert bounds == pytest.approx(wilson(hits, n), abs=1e-4)


def test_wilson_at_the_end():
    """All right is no certainty, and the interval holds the value itself."""
    low, high = wilson(10, 10)

    assert (0.7225, 1.0) == pytest.approx((low, high), abs=1e-4)


def test_newcombe_solves_its_equation():
    """At each bound the estimate is 1.96 standard errors away, with the variance of that bound."""
    m, n, auc = 30, 50, 0.85
    for bound in newcombe_auc(auc, m, n):
        half = (m + n) / 2 - 1
        spread = 1 + half * ((1 - bound) / (2 - bound) + bound / (1 + bound))

        assert 1.959964**2 == pytest.approx(
            (auc - bound) ** 2 / (bound * (1 - bound) / (m * n) * spread), abs=1e-4
        )


def test_newcombe_covers():
    """About 95 % of the intervals of repeated small experiments hold the true area."""
    generator = np.random.default_rng(0)
    truth, inside = 0.8556, 0  # of two normal distributions 1.5 apart
    for _ in range(300):
        above, below = generator.normal(1.5, 1, 20), generator.normal(0, 1, 30)
        low, high = newcombe_auc(float((above[:, None] > below).mean()), 20, 30)
        inside += low <= truth <= high

    assert 0.92 <= inside / 300 <= 0.99


def test_newcombe_at_the_ends():
    """A perfect area of a few pictures has an interval of some width."""
    low, high = newcombe_auc(1.0, 5, 5)

    assert 0.5 < low < 0.9
    assert 1.0 == high
    assert (0.0, 1 - low) == pytest.approx(newcombe_auc(0.0, 5, 5))


def test_draws():
    """Each draw has as many groups as there are; the same seed draws the same."""
    drawn = draw_groups(7, 40, seed=3)

    assert {7.0} == set(drawn.sum(axis=1))
    assert (drawn == draw_groups(7, 40, seed=3)).all()
    assert 1 < len(np.unique(drawn, axis=0))


def test_group_numbers():
    """Groups are numbered as they come."""
    places, count = group_numbers(["b", "a", "b"])

    assert ([0, 1, 0], 2) == (places.tolist(), count)


def test_percentiles_leave_out_what_isnt_defined():
    """Draws without a class don't spoil the others."""
    values = np.r_[np.linspace(0, 1, 101), np.nan]

    assert (0.025, 0.975) == pytest.approx(percentiles(values))
    assert percentiles(np.array([np.nan])) is None
