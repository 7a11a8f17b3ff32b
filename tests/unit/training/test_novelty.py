"""An export learns what is ordinary, in each precision for itself; a recalibrated file remembers it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Classifier
from hornet.dataset import read_manifest
from hornet.drift import Reference
from hornet.evaluation.evaluate import evaluate
from hornet.golden import replay_golden
from hornet.novelty import Novelty
from hornet.training.agreement import file_answers
from hornet.training.bank import Bank, read_bank
from hornet.training.contract import NOVELTY_TOLERANCE
from hornet.training.novelty import learn_novelty
from hornet.training.recalibrate import Wish, recalibrate

PRECISIONS = ("fp32", "int8")


def bank(count):
    """Return a bank of so many training pictures and 9 of validation, of random features."""
    both = count + 9
    zeros = np.zeros(both, np.int64)
    return Bank(
        trunk="",
        sources=("",),
        kinds=("",),
        embedding=np.random.default_rng(0).uniform(0, 1, (both, 512)).astype(np.float16),
        label=(np.arange(both) % 2).astype(np.int8),
        split=(np.arange(both) >= count).astype(np.uint8),
        source=zeros.astype(np.int16),
        species=zeros.astype(np.int16),
        group=zeros.astype(np.int32),
        digest=zeros,
        held_out=zeros,
    )


@pytest.fixture(params=PRECISIONS)
def classifier(request, exported):
    """Return the classifier of one precision."""
    return Classifier.open(getattr(exported, request.param))


def test_the_bank_gives_the_distance_and_each_file_its_limit(exported, classifier):
    """The distance is that of the network's training embeddings, the limit of the file's own validation ones."""
    folder = exported.fp32.parent
    validation = read_manifest(folder / "manifest.csv").subset("validation").records
    learned = read_bank(folder / "bank.safetensors").of("train")
    own = file_answers(classifier, validation, 0.0).embedding
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornet.novelty.FEWEST_TRAINING", 24)
        patch.setattr("hornet.novelty.FEWEST_VALIDATION", 12)
        expected = Novelty.fit(
            learned.embedding.astype(np.float32),
            learned.label.astype(np.int64),
            own,
            tolerance=classifier.contract.novelty["tolerance"],
        )

    assert expected.to_document() == classifier.contract.novelty


def test_ordinary_pictures_are_within_the_limit(exported, classifier):
    """Of pictures like the training's hardly any is beyond the limit, and evaluate counts them by class."""
    dataset = read_manifest(exported.fp32.parent / "manifest.csv")
    novel = evaluate(classifier, dataset, split="test", resamples=10).novel()

    assert novel is not None
    assert ["absent", "present"] == sorted(novel)
    assert len(dataset.subset("test")) == sum(count["pictures"] for count in novel.values())
    assert sum(count["beyond"] for count in novel.values()) <= 0.1 * len(dataset.subset("test"))


def test_a_chequerboard_is_beyond_it(classifier):
    """What has nothing of a drawing of an insect is unsure, whatever its probability."""
    tiles = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((12, 12)))
    picture = Image.fromarray((255 * np.stack([tiles, 1 - tiles, tiles], axis=2)).astype(np.uint8))
    answer = classifier.predict(picture)

    assert answer.novelty > 1
    assert "unsure" == answer.label


def test_golden_examples_promise_novelty(classifier):
    """Each golden example says its novelty, and the file gives it again."""
    results = replay_golden(classifier)

    assert all(result.expected_novelty is not None and result.ok for result in results)


@pytest.mark.parametrize(("training", "validation"), [(99, 40), (100, 39)])
def test_too_few_pictures_leave_it_out_and_say_so(training, validation):
    """With few pictures nothing is said of novelty, and the user reads how many are needed."""
    novelty, words = learn_novelty(bank(training), np.ones((validation, 512), np.float32), "int8")

    assert novelty is None
    assert f"{training} of training (100 are needed), {validation} of validation (40)" in words


def test_enough_pictures_are_enough():
    """With just enough it is there, and its tolerance is that of the precision."""
    novelty, words = learn_novelty(bank(100), np.ones((40, 512), np.float32), "int8")

    assert novelty is not None
    assert NOVELTY_TOLERANCE["int8"] == novelty["tolerance"]
    assert words.startswith("int8: what is unlike 100 training pictures")


def test_recalibrating_keeps_it(exported, tmp_path):
    """Another operating point changes neither distance nor limit, and golden examples still promise it."""
    source, target = exported.int8, tmp_path / "mine.onnx"
    dataset = read_manifest(source.parent / "manifest.csv")
    recalibrate(source, dataset, Wish(recall=0.9), split="test", output=target)

    before, after = Classifier.open(source), Classifier.open(target)
    assert before.contract.novelty == after.contract.novelty
    assert [g.novelty for g in before.contract.golden] == [g.novelty for g in after.contract.golden]


def test_each_file_knows_its_own_answers(exported, classifier):
    """The reference is what the file itself answers to the validation pictures: against them there is no drift."""
    validation = read_manifest(exported.fp32.parent / "manifest.csv").subset("validation").records
    answers = [classifier.predict(record.path) for record in validation]
    assert classifier.contract.reference is not None
    reference = Reference.from_document(classifier.contract.reference)
    drifts = reference.compare(
        {
            "probability": [answer.probability for answer in answers],
            "novelty": [answer.novelty for answer in answers],
        }
    )

    assert ["probability", "novelty"] == [drift.quantity for drift in drifts]
    assert [0.0, 0.0] == pytest.approx([drift.index for drift in drifts], abs=1e-9)


def test_another_prevalence_moves_the_reference_along(exported, tmp_path):
    """Probabilities of another prevalence are compared with those that the reference would have there."""
    source, target = exported.int8, tmp_path / "rare.onnx"
    dataset = read_manifest(source.parent / "manifest.csv")
    recalibrate(source, dataset, Wish(prevalence=0.05), split="test", output=target)
    validation = dataset.subset("validation").records
    classifier = Classifier.open(target)
    probabilities = [classifier.predict(record.path).probability for record in validation]
    assert classifier.contract.reference is not None
    (drift,) = Reference.from_document(classifier.contract.reference).compare({"probability": probabilities})

    assert 0.0 == pytest.approx(drift.index, abs=1e-9)
