"""Which pictures are worth an eye, and why."""

import numpy as np
import pytest

from hornet.review.worth import NEIGHBOURS, Reason, disagreement, interrupted, uncertainty, weigh


def test_doubt_is_greatest_at_the_threshold():
    """Uncertainty is one bit at the threshold, wherever that lies, and falls to both sides evenly in logits."""
    odds = np.array([0.01, 1, 100]) * (0.1 / 0.9)
    found = uncertainty(odds / (1 + odds), 0.1)

    assert 1.0 == pytest.approx(found[1])
    assert found[0] == pytest.approx(found[2])
    assert found[0] < 0.1


def test_certainty_has_no_nan():
    """Probabilities and thresholds of exactly 0 and 1 give numbers."""
    for threshold in (0.0, 0.5, 1.0):
        found = uncertainty(np.array([0.0, 0.5, 1.0]), threshold)

        assert np.isfinite(found).all()
        assert found.min() >= 0


def test_one_against_its_likes():
    """A picture whose likes all got the other verdict stands out; those likes don't."""
    draw = np.random.default_rng(0)
    here = np.eye(16)[0] + 0.01 * draw.random((NEIGHBOURS + 2, 16))
    there = np.eye(16)[1] + 0.01 * draw.random((NEIGHBOURS + 2, 16))
    present = np.array([True] + [False] * (NEIGHBOURS + 1) + [True] * (NEIGHBOURS + 2))
    found = disagreement(np.concatenate([here, there]), present)

    assert 1.0 == found[0]
    assert found[1:].max() <= 1 / NEIGHBOURS


def test_too_few_to_tell():
    """Nobody is unlike the neighbours where there aren't enough of them."""
    assert [0.0] * NEIGHBOURS == disagreement(np.eye(NEIGHBOURS), np.arange(NEIGHBOURS) == 0).tolist()


def test_a_moment_between_two():
    """One verdict between two others within a minute each is interrupted; on other cameras, days and ends it isn't."""
    times = [
        "2024-08-01T10:00:00",
        "2024-08-01T10:00:20",
        "2024-08-01T10:00:40",
        "2024-08-01T10:05:00",
        "2024-08-01",
    ]
    verdicts = np.array([False, True, False, True, True])
    other = ["a", "b", "a", "a", "a"]

    assert [False, True, False, False, False] == interrupted(times, ["a"] * 5, verdicts).tolist()
    assert not interrupted(times, other, verdicts).any()


def test_reasons_in_their_order():
    """Unsure goes before sure, unlike training before both; each reason is named once, and none is made up."""
    worth = weigh(
        probability=np.array([0.5, 0.99, 0.99]),
        verdicts=["unsure", "present", "unsure"],
        threshold=0.5,
        embedding=np.eye(3),
        captured=["", "", ""],
        cameras=["a", "a", "a"],
        novelty=[0.1, None, 9.0],
    )

    assert ((Reason("unsure"),), (), (Reason("novel"),)) == worth.reasons
    assert [2, 0, 1] == np.argsort(-worth.score).tolist()
