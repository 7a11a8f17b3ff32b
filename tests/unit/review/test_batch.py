"""A small batch: doubt and coverage."""

import numpy as np

from hornet.review.batch import choose


def _clusters(count=4, each=25, seed=0):
    """Return points around ``count`` directions, (count * each, 32), and which each is of."""
    draw = np.random.default_rng(seed)
    which = np.repeat(np.arange(count), each)
    return np.eye(32)[which] + 0.02 * draw.random((count * each, 32)), which


def test_one_of_each_kind_first():
    """As many choices as there are kinds of pictures take one of each kind."""
    points, which = _clusters()

    assert {0, 1, 2, 3} == {int(which[at]) for at in choose(points, np.ones(len(points)), 4)}


def test_doubt_decides_within_a_kind():
    """The first choice is the most doubtful picture; within a kind a doubtful one goes before a sure one."""
    points, _ = _clusters()
    doubt = np.zeros(len(points))
    doubt[[30, 60]] = 1.0, 0.9
    chosen = choose(points, doubt, 2)

    assert [30, 60] == chosen


def test_a_half_answered_batch_goes_on():
    """What is chosen after some answers is what would have been chosen next without stopping; never an answered one."""
    points, _ = _clusters(seed=1)
    doubt = np.random.default_rng(2).random(len(points))
    whole = choose(points, doubt, 12)

    assert whole[5:] == choose(points, doubt, 7, covered=whole[:5])
    assert choose(points, doubt, 12) == whole
    assert len(set(whole)) == 12


def test_copies_come_last_and_the_end_is_the_end():
    """Copies are chosen only when nothing else is left, and no more than there are pictures."""
    points = np.concatenate([np.eye(3), np.eye(3)[:1]])

    assert [0, 1, 2, 3] == choose(points, np.zeros(4), 9)
    assert [] == choose(points, np.zeros(4), 0)
    assert [] == choose(np.zeros((0, 3)), np.zeros(0), 3)
