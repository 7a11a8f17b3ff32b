"""Novelty: a distance that knows what was seen, in few bytes, with a limit that means something."""

import json

import numpy as np
import pytest

from hornet.novelty import DIRECTIONS, FEWEST_TRAINING, FEWEST_VALIDATION, ORDINARY_BEYOND, Novelty

WIDTH = 96


def embeddings(seed, count):
    """Return embeddings of two classes that vary in a few directions only, and their labels."""
    # The directions are the same for every seed; the pictures aren't.
    directions = np.random.default_rng(0).normal(size=(6, WIDTH))
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    codes = generator.normal(size=(count, 6)) * np.array([9, 5, 3, 2, 1, 1])
    centres = np.where(labels == 1, 62.0, 60.0)[:, None]  # pooled features are above zero
    noise = 0.1 * generator.normal(size=(count, WIDTH))
    return (codes @ directions + centres + noise).astype(np.float32), labels


@pytest.fixture(scope="module")
def fitted():
    """Return a distance fitted to 800 pictures, its limit to 400 others."""
    training, labels = embeddings(1, 800)
    return Novelty.fit(training, labels, embeddings(2, 400)[0], tolerance=0.01)


def test_few_ordinary_pictures_are_beyond_the_limit(fitted):
    """About two ordinary pictures in a hundred are beyond the limit, whatever the class."""
    found, labels = embeddings(3, 4000)
    beyond = fitted.score(found) > 1

    assert 0.5 * ORDINARY_BEYOND < beyond[labels == 0].mean() < 2.5 * ORDINARY_BEYOND
    assert 0.5 * ORDINARY_BEYOND < beyond[labels == 1].mean() < 2.5 * ORDINARY_BEYOND


def test_pictures_of_another_kind_are_beyond_it(fitted):
    """What leaves the directions in which training's pictures vary is beyond the limit, however near its middle."""
    others = np.random.default_rng(4).normal(61.0, 2.0, (200, WIDTH)).astype(np.float32)

    assert (fitted.score(others) > 1).all()
    # They are nearer to the middle than ordinary pictures are: a plain distance would miss them.
    assert (
        np.linalg.norm(others - 61, axis=1).mean() < np.linalg.norm(embeddings(3, 400)[0] - 61, axis=1).mean()
    )


def test_only_the_direction_of_an_embedding_counts(fitted):
    """Twice the embedding is the same distance: how much is in a picture says nothing of what."""
    found, _ = embeddings(9, 20)

    np.testing.assert_allclose(fitted.score(found), fitted.score(2 * found), rtol=1e-5)


def test_formula_is_mahalanobis_distance_to_the_nearer_mean():
    """With every direction kept it is the distance by the inverse covariance of embeddings of length 1, over the limit."""
    rng = np.random.default_rng(5)
    found = (rng.normal(size=(2000, 8)) * np.arange(1, 9)).astype(np.float32)
    labels = np.arange(2000) % 2
    novelty = Novelty.fit(found, labels, found[:500], tolerance=0.01)
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    centred = found - np.stack([found[labels == name].mean(axis=0) for name in (0, 1)])[labels]
    precision = np.linalg.inv(centred.T.astype(np.float64) @ centred / 1998)
    expected = []
    for row in found[:20]:
        away = [row - found[labels == name].mean(axis=0) for name in (0, 1)]
        expected.append(min(float(np.sqrt(one @ precision @ one)) for one in away))

    # The basis is in float16.
    assert expected == pytest.approx((novelty.score(found[:20]) * novelty.limit).tolist(), rel=0.02)


def test_comes_back_from_json_with_the_same_scores(fitted):
    """What a contract holds gives the scores that the limit was fitted to, bit for bit."""
    again = Novelty.from_document(json.loads(json.dumps(fitted.to_document())))
    found, _ = embeddings(6, 50)

    np.testing.assert_array_equal(fitted.score(found), again.score(found))


def test_takes_little_room():
    """For embeddings of 512 numbers it is below 100 kB of JSON."""
    rng = np.random.default_rng(7)
    novelty = Novelty.fit(
        rng.normal(size=(600, 512)).astype(np.float32),
        np.arange(600) % 2,
        rng.normal(size=(100, 512)).astype(np.float32),
        tolerance=0.01,
    )

    assert (512, DIRECTIONS) == novelty.basis.shape
    assert len(json.dumps(novelty.to_document())) < 100_000


def test_batches_equal_singles(fitted):
    """Other pictures beside it change no score by more than rounding."""
    found, _ = embeddings(8, 40)

    singles = [float(fitted.score(row[None])[0]) for row in found]
    assert singles == pytest.approx(fitted.score(found).tolist(), rel=1e-5)


@pytest.mark.parametrize(
    ("training", "validation"), [(FEWEST_TRAINING - 1, 100), (300, FEWEST_VALIDATION - 1)]
)
def test_too_few_pictures_say_nothing(training, validation):
    """With too few pictures there is no distance rather than a bad one."""
    few, labels = embeddings(1, training)
    with pytest.raises(ValueError, match="too few"):
        Novelty.fit(few, labels, embeddings(2, validation)[0], tolerance=0.01)


def test_pictures_that_are_all_the_same_are_no_accident():
    """Where training's pictures don't differ at all, scores stay finite numbers."""
    same = np.ones((200, 16), np.float32)
    novelty = Novelty.fit(same, np.arange(200) % 2, same[:50] + 0.01, tolerance=0.01)

    assert np.isfinite(novelty.score(np.zeros((3, 16), np.float32))).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "tarot"}, "'tarot' isn't known"),
        ({"limit": 0.0}, "out of range"),
        ({"limit": float("nan")}, "out of range"),
        ({"size": [2, WIDTH, 5]}, "reshape"),
        ({"basis": "%"}, "base64|padding|Only"),
        ({"basis": 7}, "lacks"),
    ],
)
def test_damaged_documents_are_refused(fitted, change, words):
    """A document that can't be what was written is refused."""
    with pytest.raises(ValueError, match=words):
        Novelty.from_document({**fitted.to_document(), **change})
