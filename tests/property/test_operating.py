"""What a chosen band keeps on the very pictures that chose it, whatever they are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hornet.decision import decide
from hornet.evaluation.operating import choose_band, operating_point

# Few distinct values, so that ties come up; below 1, where false alarms can always be avoided.
SCORE = st.one_of(st.integers(0, 7).map(lambda n: n / 8), st.floats(0, 0.9990234375, width=32))
ROWS = st.lists(st.tuples(st.booleans(), SCORE), min_size=2, max_size=60).filter(
    lambda rows: 0 < sum(y for y, _ in rows) < len(rows)
)


@given(ROWS, st.floats(0.01, 1), st.floats(0, 0.99))
@settings(max_examples=100, deadline=None)
def test_targets_are_kept(rows, recall, most):
    """Recall and false alarms are what was asked for or better, and are those of the verdicts; bounds are worse."""
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    band = choose_band(labels, scores, recall=recall, false_alarms=most)
    assert band is not None
    low, high = band
    point = operating_point(labels, scores, band=(low, high), prevalence=0.3)
    verdicts = np.array([decide(score, low, high) for score in scores])

    assert 0 <= low <= high <= 1
    assert point.recall.bound <= point.recall.value == (verdicts[labels] != "absent").mean()
    assert point.false_alarms.bound >= point.false_alarms.value == (verdicts[~labels] == "present").mean()
    assert point.recall.value >= recall - 1e-8
    assert point.false_alarms.value <= most + 1e-8
    unsure = verdicts == "unsure"
    work = 1000 * (0.3 * unsure[labels].mean() + 0.7 * unsure[~labels].mean())
    np.testing.assert_allclose(point.unsure, work, atol=1e-9)
