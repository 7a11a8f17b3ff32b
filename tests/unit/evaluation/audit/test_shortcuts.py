"""The probes and the gap: what they find where labels can be told without the insect, and where they can't."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import Record
from hornet.evaluation.audit.metadata import bursts_of, clues
from hornet.evaluation.audit.scoring import (
    cross_validate,
    deal,
    difference,
    enough,
    interval,
    lookup,
    mixture,
)

_START = datetime(2024, 8, 1, 9)  # noqa: DTZ001 - as a camera's clock shows


def records(count, label, *, moment=lambda _: "", name=lambda i: f"IMG_{i:04d}.jpg", camera=lambda _: ""):
    root = Path("pictures")
    return [Record(name(i), root, label(i), camera=camera(i), captured_at=moment(i)) for i in range(count)]


def area(features, labels, units, model, seed=0):
    scores = cross_validate(np.asarray(features, np.float32), labels, deal(labels, units, seed=seed), model)
    return interval(scores, units, seed=seed)


@pytest.mark.parametrize("model", [lookup, mixture])
def test_noise_tells_nothing_and_a_trace_tells_much(model):
    """Features without a trace of the label have no interval above chance; with one, it is far above it."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    noise = rng.normal(size=(120, 5))
    none, much = (area(noise + shift, labels, range(120), model) for shift in (0, 2.0 * labels[:, None]))

    assert none.low < 0.5
    assert none.high < 0.65
    assert 0.85 < much.low


def test_what_a_unit_shares_doesnt_help_on_other_units():
    """A feature that names the unit tells the label of its other pictures, but not that of other units."""
    rng = np.random.default_rng(1)
    units = np.repeat(np.arange(40), 6)
    labels = rng.permutation(np.arange(40) % 2)[units]
    features = rng.normal(size=(40, 8))[units] + rng.normal(0, 0.1, size=(240, 8))
    single, whole = (deal(labels, names, seed=0) for names in (range(240), units.tolist()))
    random, strict = (
        cross_validate(features.astype(np.float32), labels, f, mixture) for f in (single, whole)
    )
    gap = difference(random, strict, units.tolist(), seed=0)

    assert 0.85 < random.area()
    assert interval(strict, units.tolist(), seed=0).low < 0.5
    assert 0.1 < gap.low < gap.value < gap.high


def test_units_are_never_divided():
    """All pictures of a unit are in one fold of each deal."""
    units = [f"day {i // 7}" for i in range(140)]
    folds = deal(np.arange(140) % 2, units, seed=3)

    assert all(
        len({fold for fold, unit in zip(row, units, strict=True) if unit == day}) == 1
        for row in folds.tolist()
        for day in units
    )


def test_few_units_are_not_enough():
    """A class in seven units can't be judged; in eight it can."""
    labels = np.array([0, 1] * 8)

    assert enough(labels, range(16))
    assert not enough(labels[:14], range(14))
    assert not enough(labels, [0] * 16)


def test_few_units_that_agree_prove_little():
    """Eight against eight, perfectly told apart, still leave an interval with some width."""
    labels = np.arange(16) % 2
    scored = area(np.stack([labels] * 2, 1), labels, range(16), lookup)

    assert 1.0 == scored.value
    assert 0.6 < scored.low < 0.95


def test_pauses_divide_a_day_into_bursts():
    """Pictures of a group with more than five minutes between them are two bursts; without times a group is one."""
    seconds = [0, 60, 120, 1000, 1060, 5000]
    timed = records(6, lambda _: 0, moment=lambda i: (_START + timedelta(seconds=seconds[i])).isoformat())
    dated = records(6, lambda _: 0, moment=lambda _: "2024-08-01")

    assert ["g 0"] * 3 + ["g 1"] * 2 + ["g 2"] == bursts_of(timed, ["g"] * 6)
    assert ["g"] * 6 == bursts_of(dated, ["g"] * 6)


def test_clues_are_read_from_names_and_times():
    """Day, hour, camera and a number counted through both classes are clues; what never differs is none."""
    headers = np.ones((20, 8), np.float32)
    found = clues(
        records(
            20,
            lambda i: i % 2,
            moment=lambda i: (_START + timedelta(hours=7 * i)).isoformat(),
            camera=lambda i: f"cam{i % 3}",
        ),
        headers,
    )

    assert {"day", "hour", "camera", "number"} == set(found)
    assert [9.0, 16.0, 23.0, 6.0] == found["hour"][:4, 0].tolist()
    assert list(range(20)) == found["number"][:, 0].tolist()


@pytest.mark.parametrize(
    "name",
    [
        lambda i: f"{'presence' if i % 2 else 'absence'}_{i // 2:04d}.jpg",
        lambda i: f"{'ab'[i % 2]}/{i // 2}.jpg",
    ],
)
def test_numbers_given_to_each_class_are_no_clue(name):
    """Whoever sorts pictures and numbers each class from 1 gives nothing away that a camera wrote."""
    found = clues(records(40, lambda i: i % 2, name=name), np.ones((40, 8), np.float32))

    assert {} == found
