"""Another head and its contract: they learn what isn't noise, and hold on to what was known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hornet.classifier import Classifier
from hornet.novelty import Novelty
from hornet.training.bank import Bank
from hornet.training.head import Head, fit, new_samples
from hornet.training.headcontract import probability_of, refit, with_ordinary
from hornet.training.novelty import learn_novelty, learn_reference

WIDTH = 512


def world(count, direction, seed, spread=1.5**0.5):
    """Return embeddings whose class is told by one direction, best by a weight of 3 / spread², and labels."""
    generator = np.random.default_rng(seed)
    label = np.arange(count) % 2
    embedding = generator.normal(0, 0.05, (count, WIDTH))
    # Of two normal classes the log odds are (difference of means / variance) times the value.
    embedding[:, direction] = generator.normal(3 * (label - 0.5), spread)
    embedding[:, 10:20] += 2 * (direction == 0)
    return embedding.astype(np.float32), label


def bank(count=400, spread=1.5**0.5):
    """Return a bank of a world told by direction 0, half of it validation."""
    embedding, label = world(count, 0, seed=1, spread=spread)
    zeros = np.zeros(count, np.int16)
    return Bank(
        trunk="",
        sources=("",),
        kinds=("",),
        embedding=embedding.astype(np.float16),
        label=label.astype(np.int8),
        split=(np.arange(count) >= count // 2).astype(np.uint8),
        source=zeros,
        species=zeros,
        group=np.arange(count, dtype=np.int32),
        digest=np.arange(count),
        held_out=np.zeros(0, np.int64),
    )


@pytest.fixture
def old():
    """Return the head of direction 0."""
    weight = np.zeros(WIDTH)
    weight[0] = 2.0
    return Head(weight, 0.0)


def right(head, embedding, label):
    return float(((head.margin(embedding) >= 0) == label).mean())


def samples(embedding, label):
    return new_samples(embedding[:, None], label, [str(number) for number in range(len(label))])


def test_a_new_world_is_learned_beside_the_old_one(old):
    """Where new pictures are told by another direction, the new head tells both worlds; the old one doesn't."""
    embedding, label = world(80, 1, seed=2)
    fitted = fit(old, samples(embedding, label), bank())
    fresh, known = world(400, 1, seed=3), world(400, 0, seed=4)

    assert right(old, *fresh) < 0.6
    assert right(fitted.head, *fresh) > 0.8
    assert right(fitted.head, *known) > 0.8
    assert fitted.new_loss < fitted.old_loss
    assert "of the loss" in fitted.describe()


def test_the_old_head_stays_where_noise_is_all_there_is_to_learn(old):
    """Pictures that the old head tells already don't change it."""
    embedding, label = world(200, 0, seed=5)
    fitted = fit(old, samples(embedding, label), bank())

    assert 0 == fitted.share
    np.testing.assert_array_equal(old.weight, fitted.head.weight)
    np.testing.assert_allclose(old.margin(embedding), fitted.left_out)
    assert "kept as it was" in fitted.describe()


def test_without_a_bank_new_pictures_decide(old):
    """Where nothing is known of what was known, the head is the one that does best on groups left out."""
    embedding, label = world(300, 1, seed=6)
    empty = bank().select(np.zeros(0, np.int64))
    fitted = fit(old, samples(embedding, label), empty)

    assert fitted.share > 0
    assert right(fitted.head, *world(400, 1, seed=7)) > 0.65


@pytest.fixture
def heads():
    """Return a head of direction 0, and one that takes direction 1 for a sign of presence, too."""
    weight, both = np.zeros(WIDTH), np.zeros(WIDTH)
    weight[0] = 2.0
    both[:2] = 2.0, 1.0
    return Head(weight, 0.0), Head(both, 0.0)


@pytest.fixture
def contract(exported):
    """Return a contract whose numbers are those of the old head's world."""
    own = Classifier.open(exported.int8).contract
    return dataclasses.replace(
        own, temperature=1.0, decision_threshold=0.5, low=0.5, high=0.5, prior_shift=0.0
    )


def lookalikes():
    """Return a bank whose absences of one species lie close to the threshold."""
    known = bank(spread=0.2)
    embedding = known.embedding.copy()
    wasps = (known.label == 0) & (np.arange(len(known)) % 8 == 0)
    embedding[wasps, 0] = -0.2  # others have -1.5
    return dataclasses.replace(
        known, embedding=embedding, kinds=("other", "wasp"), species=wasps.astype(np.int16)
    )


def test_new_hornets_pull_the_threshold_only_as_far_as_known_pictures_let_them(heads, contract):
    """Many faint hornets ask for a low threshold; it stays above known wasps, and without these it is low."""
    wasps = lookalikes().of("validation")
    faint = np.full(100, -2.0), np.ones(100, np.int64)
    held, free = (
        refit(contract, (heads[0], heads[0]), known, faint, margin=0.02)
        for known in (lookalikes(), bank(spread=0.2))
    )
    shares = [
        [float((probability_of(margin, one) >= one.decision_threshold).mean()) for one in (held, free)]
        for margin in (heads[0].margin(wasps.embedding[wasps.species == 1]), faint[0])
    ]

    assert [[0.0, 1.0], [0.0, 1.0]] == shares


def test_an_operating_point_keeps_its_distance(heads, contract):
    """A band that somebody asked for lies around the new threshold as it lay around the old one."""
    asked = dataclasses.replace(contract, low=0.4, high=0.7)
    made = refit(asked, heads, bank(), (np.zeros(0), np.zeros(0, np.int64)), margin=0.02)

    assert made.decision_threshold - 0.1 == pytest.approx(made.low)
    assert made.decision_threshold + 0.2 == pytest.approx(made.high)


def test_new_pictures_become_ordinary(heads, contract):
    """A world that lay beyond the limit lies within it once it was shown, and the reference has its probabilities."""
    known = bank(spread=0.2)
    rows = known.of("validation").embedding.astype(np.float32)
    strange, _ = world(60, 1, seed=8, spread=0.2)
    strange[:, 400:440] += 1
    joined = dataclasses.replace(
        known,
        **{
            name: np.concatenate([getattr(known, name), getattr(known, name)[:60]])
            for name in ("label", "split", "source", "species", "group", "digest")
        },
        embedding=np.concatenate([known.embedding, strange.astype(np.float16)]),
    )
    learned, _ = learn_novelty(known, rows, contract.precision)
    assert learned is not None
    document = learned | {"limit": 1.1 * learned["limit"]}  # of the file's own embeddings
    reference = learn_reference(np.linspace(0, 1, 200), [None] * 200, [str(n) for n in range(200)])
    before = dataclasses.replace(contract, novelty=document, reference=reference)
    made = with_ordinary(
        before,
        heads[1],
        (known, joined),
        (strange, [f"day {n}" for n in range(60)], heads[1].margin(strange)),
    )
    again, _ = learn_novelty(joined, np.concatenate([rows, strange]), contract.precision)

    assert again is not None
    assert made.novelty is not None
    old, new = Novelty.from_document(document), Novelty.from_document(made.novelty)
    assert (old.score(strange) > 1).mean() > 0.9
    assert (new.score(strange) > 1).mean() < 0.1
    assert 1.1 * again["limit"] == pytest.approx(made.novelty["limit"])
    assert made.reference != before.reference
