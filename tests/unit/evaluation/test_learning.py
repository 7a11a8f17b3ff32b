"""Learning curves say what was built into the data, and nothing where nothing can be told."""

import itertools

import numpy as np
import pytest

from hornet.errors import EmptyClass
from hornet.evaluation.learning import NO, UNKNOWN, YES, Interval, learning_curve, nested_subsets
from hornet.evaluation.rivals import Part


def _part(seed, n, make):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    return Part(make(generator, labels).astype(np.float32), labels, [f"{seed}-{i // 2}" for i in range(n)])


def _faint(generator, labels):
    """Spread the class thinly over many features: a line is right, but takes many pictures to find."""
    return generator.normal(size=(len(labels), 120)) + 0.1 * (2 * labels[:, None] - 1)


def _crossed(generator, labels):
    """The class is whether two features have the same sign: no line sees it."""
    features = generator.normal(size=(len(labels), 4))
    features[:, 0] = np.abs(features[:, 0]) * np.where(labels == 1, 1, -1) * np.sign(features[:, 1])
    return features


def _nothing(generator, labels):
    return generator.normal(size=(len(labels), 5))


def _curve(make, n=240, test=600, **given):
    parts = [_part(seed, size, make) for seed, size in ((1, n), (2, 160), (3, test))]
    return learning_curve(parts[0], parts[1], parts[2], **{"sizes": 3, "seeds": 3, **given})


def test_where_a_line_is_right_but_hard_to_find_more_pictures_help():
    """Quality still rises at the end, and bending the boundary brings nothing."""
    result = _curve(_faint)

    assert YES == result.verdicts()["more_pictures"]
    assert YES != result.verdicts()["more_capacity"]
    assert "More pictures would help: yes" in result.conclusion()[0]
    assert result.best.exponent.value > 0
    assert result.best.next_gain.value > 0


def test_where_no_line_can_be_right_more_capacity_helps():
    """The signs of two features multiplied: chance for a line, easy for a bent boundary."""
    result = _curve(_crossed)
    small, large = (curve.held_out[-1].value for curve in result.curves[:2])

    assert YES == result.verdicts()["more_capacity"]
    assert small < 0.65
    assert large > 0.85


def test_a_network_that_sees_more_than_its_features_is_said_to_help():
    """Its lead over the better of the others is read like theirs, and it is asked for every size and draw."""
    asked = []
    train, test = _part(1, 240, _nothing), _part(3, 600, _nothing)

    def network(places, seed):
        asked.append((len(places), seed))
        return train.labels[places] * 0.5, test.labels * 0.5

    result = learning_curve(train, _part(2, 160, _nothing), test, sizes=2, seeds=2, network=network)

    assert [(120, 0), (120, 1), (240, 0), (240, 1)] == asked
    assert YES == result.verdicts()["fine_tuning"]
    assert result.tuning is not None
    assert result.tuning.value == pytest.approx(1 - max(c.held_out[-1].value for c in result.curves[:2]))
    assert "From 120 to 240 pictures the AUC of fine-tuned network changed by 0.000" in result.conclusion()[0]
    assert "Fine-tuning helps: yes. With 240 pictures fine-tuned network is ahead" in result.conclusion()[2]


def test_where_nothing_is_to_be_learned_nothing_is_promised():
    """Noise on few test pictures: neither question gets a yes."""
    result = _curve(_nothing, n=120, test=60, sizes=3)

    assert YES not in result.verdicts().values()


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.05, YES),
        (-0.02, 0.03, UNKNOWN),
        (-0.02, 0.005, NO),
        (-0.01, 0.0099, NO),
        (0.0, 0.02, UNKNOWN),
    ],
)
def test_verdicts_follow_the_interval(low, high, verdict):
    """Above nothing: yes; surely below what matters: no; else it can't be told."""
    assert verdict == Interval((low + high) / 2, low, high).verdict()


def test_subsets_are_nested_and_keep_groups_whole():
    """Each holds the ones before it, both classes, about half of the next, and no part of a group."""
    part = _part(1, 160, _nothing)
    subsets = nested_subsets(part, 4, seed=0)

    assert [20, 40, 80, 160] == [len(chosen) for chosen in subsets]
    for small, large in itertools.pairwise(subsets):
        assert set(small) < set(large)
    for chosen in subsets:
        inside = {part.groups[i] for i in chosen}
        assert len(chosen) == sum(group in inside for group in part.groups)
        assert {0, 1} == set(part.labels[chosen])
    assert not np.array_equal(subsets[0], nested_subsets(part, 4, seed=1)[0])


def test_too_many_sizes_are_refused():
    """A size without both classes teaches nothing."""
    with pytest.raises(EmptyClass, match="fewer --sizes"):
        nested_subsets(_part(1, 16, _nothing), 6, seed=0)
