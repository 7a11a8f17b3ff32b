"""Predictions: order, failures, masks, thresholds, batches."""

import functools
import io
import random
import time

import numpy as np
import pytest
from PIL import Image

from hornet import Classifier, Failure, Prediction, load
from hornet.classifier import Item
from hornet.cpus import available_cpus
from hornet.errors import ArtifactMissing, ConfigError, ImageMissing, ImageUnreadable


@pytest.fixture
def classifier(tiny_model):
    return Classifier.open(tiny_model, threads=1)


def picture(colour, size=(20, 10)):
    """Return a plain picture as PNG bytes."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = picture((255, 0, 0)), picture((0, 0, 255))


def test_red_is_present(classifier):
    """A red picture is present, a blue one absent: probability is the sigmoid of the logit difference."""
    red, blue = classifier.predict(RED), classifier.predict(BLUE)

    assert ("present", "absent") == (red.label, blue.label)
    assert 1 / (1 + np.exp(-10)) == pytest.approx(red.probability, abs=1e-6)
    assert (-5.0, 5.0) == pytest.approx(red.logits)
    assert ((2, 2), (512,)) == (red.heatmap.shape, red.embedding.shape)


WHITE = picture((255, 255, 255))


def test_what_is_unlike_anything_seen_is_unsure(make_artifact, red_and_blue, tmp_path):
    """A picture beyond the novelty limit is unsure, whatever its probability and whatever the threshold."""
    path = make_artifact(tmp_path / "m.onnx", novelty=red_and_blue, low=0.0, high=0.0)
    classifier = Classifier.open(path, threads=1)

    red, white = classifier.predict(RED), classifier.predict(WHITE)
    assert red.novelty is not None
    assert white.novelty is not None
    assert ("present", "unsure") == (red.label, white.label)
    assert 0 <= red.novelty <= 1 < white.novelty
    assert "unsure" == classifier.predict(WHITE, threshold=0.0).label
    # The probability stays what the network says.
    assert 0.5 == pytest.approx(white.probability)


def test_models_of_before_know_no_novelty(tiny_model):
    """An artifact that says nothing of novelty answers as it always did."""
    white = Classifier.open(tiny_model).predict(WHITE, threshold=0.5)

    assert (None, "present") == (white.novelty, white.label)


def test_every_kind_of_input_gives_the_same(classifier, tmp_path):
    """A path, a string, bytes, a Pillow image and a function that reads are one picture."""
    path = tmp_path / "é a.png"
    path.write_bytes(RED)
    inputs = [path, str(path), RED, Image.open(path), Item("x", lambda: RED)]

    assert 1 == len({answer.probability for answer in classifier.predict_batch(inputs)})


def test_pillow_images_are_turned_upright(classifier):
    """A Pillow image with an EXIF orientation is turned like a file."""
    image = Image.new("RGB", (8, 8), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 8, 4))  # red above: in the heatmap's first row
    exif = Image.Exif()
    exif[0x0112] = 3
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)

    heatmap = classifier.predict(Image.open(file)).heatmap
    assert heatmap[0, 0] < 0 < heatmap[1, 0]
    assert heatmap.tolist() == classifier.predict(file.getvalue()).heatmap.tolist()


def test_damaged_pillow_image(classifier):
    """A lazily opened damaged file is an ImageError like any other."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    file = io.BytesIO()
    noise.save(file, "PNG")
    damaged = Image.open(io.BytesIO(file.getvalue()[:2000]))

    with pytest.raises(ImageUnreadable, match="truncated"):
        classifier.predict(damaged)


def test_bad_pictures_do_not_spoil_the_rest(classifier, tmp_path):
    """One answer each, in the order of the input; a bad one says why."""
    answers = classifier.predict_batch([RED, b"nothing", tmp_path / "none.jpg", BLUE])

    assert ["present", "unreadable", "missing", "absent"] == [
        answer.code if isinstance(answer, Failure) else answer.label for answer in answers
    ]
    assert str(tmp_path / "none.jpg") == answers[2].source


def test_only_bad_pictures(classifier):
    """A batch without any good picture is all failures."""
    assert [Failure, Failure] == [type(answer) for answer in classifier.predict_batch([b"a", b"b"])]


def test_single_bad_picture_raises(classifier):
    """One picture alone raises."""
    with pytest.raises(ImageMissing):
        classifier.predict("no/such/file.jpg")


def test_reading_functions_may_fail(classifier):
    """A function that reads may raise ImageError: that is a failure of its picture."""

    def gone():
        raise ImageMissing("it went away")

    answers = classifier.predict_batch([Item("a", gone), Item("b", lambda: RED)])
    assert Failure("a", "missing", "it went away") == answers[0]
    assert isinstance(answers[1], Prediction)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 32, 100])
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_equal_singles(classifier, batch_size, workers):
    """Neither batch size nor worker count change an answer, and the order stays."""
    rng = np.random.default_rng(0)
    pictures = [picture(tuple(int(v) for v in rng.integers(0, 256, 3))) for _ in range(40)]
    expected = [classifier.predict(each).probability for each in pictures]

    got = classifier.predict_many(pictures, batch_size=batch_size, workers=workers)
    assert expected == pytest.approx([answer.probability for answer in got], abs=1e-5)


@pytest.mark.parametrize(("threads", "workers"), [(1, 1), (1, 4), (2, 4)])
def test_batches_do_not_depend_on_timing(tiny_model, monkeypatch, threads, workers):
    """However long pictures take to read, the network sees the same batches and answers with the same bits."""
    monkeypatch.setattr("hornet.classifier.available_cpus", lambda: 4)
    classifier = Classifier.open(tiny_model, threads=threads)
    draw, seen = random.Random(workers), []
    run = classifier.run

    def counting(batch):
        seen.append(len(batch))
        return run(batch)

    monkeypatch.setattr(classifier, "run", counting)

    def slowly(number):
        time.sleep(draw.choice((0, 0, 0.004)))
        if number % 7 == 0:
            raise ImageMissing("it went away")
        return picture((number, 0, 255 - number))

    items = [Item(str(number), functools.partial(slowly, number)) for number in range(45)]
    answers = list(classifier.predict_many(items, batch_size=10, workers=workers))
    expected = [
        Failure(str(number), "missing", "it went away") if number % 7 == 0 else number for number in range(45)
    ]

    assert sorted([8, 9, 8, 9, 4]) == sorted(seen)  # 45 pictures in tens, less 2, 1, 2, 1 and 1
    for number, answer in enumerate(answers):
        if isinstance(answer, Failure):
            assert expected[number] == answer
        else:
            alone = classifier.predict(picture((number, 0, 255 - number)))
            assert (str(number), alone.probability) == (answer.source, answer.probability)


def test_input_is_read_lazily(classifier):
    """An endless input can be used: only a few batches are read ahead."""
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield RED

    answers = classifier.predict_many(endless(), batch_size=4, workers=2)
    for _ in range(10):
        next(answers)
    answers.close()
    runs = available_cpus()  # of one thread each
    assert len(taken) <= 10 + 4 * (2 * runs + 1)


def test_threshold_replaces_the_band(make_artifact, tmp_path):
    """Low and high come from the contract; a threshold replaces both."""
    grey = picture((128, 128, 128))  # probability 0.5
    classifier = Classifier.open(make_artifact(tmp_path / "m.onnx", low=0.2, high=0.8))

    labels = [classifier.predict(grey, threshold=t).label for t in (None, 0.5, 0.6)]
    assert ["unsure", "present", "absent"] == labels


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_threshold_out_of_range(classifier, threshold):
    """A threshold that is no probability is a ConfigError."""
    with pytest.raises(ConfigError, match="0 to 1"):
        classifier.predict(RED, threshold=threshold)


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"workers": 0}])
def test_impossible_counts(classifier, arguments):
    """Batches of none and no workers are refused."""
    with pytest.raises(ConfigError, match="at least 1"):
        list(classifier.predict_many([RED], **arguments))


def test_masks_of_contract_and_picture(make_artifact, tmp_path):
    """A red corner doesn't count when the contract or the picture masks it."""
    image = Image.new("RGB", (8, 8), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 4, 4))
    corner = (0.0, 0.0, 0.5, 0.5)
    plain = Classifier.open(make_artifact(tmp_path / "a.onnx"))
    masked = Classifier.open(make_artifact(tmp_path / "b.onnx", masks=[list(corner)]))

    def corner_heat(heatmap):
        return heatmap[0, 0]

    assert corner_heat(plain.predict(image).heatmap) == pytest.approx(10)
    fill = 10 * (124 - 104) / 255
    expected = masked.predict(image)
    assert fill == pytest.approx(corner_heat(expected.heatmap), abs=1e-5)
    assert expected.probability == plain.predict(image, masks=[corner]).probability
    (answer,) = plain.predict_batch([Item("x", image, (corner,))])
    assert isinstance(answer, Prediction)
    assert expected.probability == answer.probability
    assert (255, 0, 0) == image.getpixel((0, 0))  # the caller's picture stays as it was


@pytest.mark.parametrize(
    "batch", [np.zeros((1, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 9, 8, 3), np.uint8)]
)
def test_run_checks_its_input(classifier, batch):
    """Arrays of another type or shape are refused in our words."""
    with pytest.raises(ConfigError, match="uint8"):
        classifier.run(batch)


def test_load_takes_the_named_model(tiny_model, monkeypatch):
    """An explicit model wins over the environment, the environment over the rest."""
    monkeypatch.setenv("HORNET_MODEL", str(tiny_model))
    assert tiny_model == load().artifact.path

    with pytest.raises(ArtifactMissing, match="other"):
        load("other.onnx")
