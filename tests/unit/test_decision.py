"""Verdicts."""

import pytest

from hornet.decision import decide


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, "absent"),
        (0.299999, "absent"),
        (0.3, "unsure"),
        (0.699999, "unsure"),
        (0.7, "present"),
        (1.0, "present"),
    ],
)
def test_band(probability, expected):
    """High is present, below low is absent, between them is unsure; the borders belong upward."""
    assert expected == decide(probability, 0.3, 0.7)


def test_single_threshold_is_never_unsure():
    """With low equal to high there is nothing in between."""
    assert {"absent", "present"} == {decide(p / 100, 0.5, 0.5) for p in range(101)}


def test_novelty_goes_before_everything():
    """Beyond the limit the verdict is unsure for any probability; at it, or where it isn't known, it isn't."""
    assert ["unsure"] * 3 == [decide(p, 0.0, 0.0, 1.001) for p in (0.0, 0.5, 1.0)]
    assert "unsure" == decide(0.9, 0.5, 0.5, float("nan"))
    assert ["present"] * 3 == [decide(0.9, 0.5, 0.5, novelty) for novelty in (1.0, 0.0, None)]
