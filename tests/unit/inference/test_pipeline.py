"""The pipeline: sources in, answers out, in order."""

import itertools

import pytest
from PIL import Image

from hornet.classifier import Classifier, Failure, Prediction
from hornet.cpus import available_cpus
from hornet.errors import ConfigError, ImageUnreadable
from hornet.inference import fetch
from hornet.inference.heatmap_files import HeatmapWriter
from hornet.inference.pipeline import predict_sources
from hornet.inference.sources import Source

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def classifier(tiny_model):
    return Classifier.open(tiny_model, threads=1)


@pytest.fixture
def pictures(tmp_path, encoded, monkeypatch):
    """Make red.png, blue.png and bad.png in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "red.png").write_bytes(encoded(RED))
    (tmp_path / "blue.png").write_bytes(encoded(BLUE))
    (tmp_path / "bad.png").write_bytes(encoded(RED)[:50])


def told(answers):
    """Return names with verdicts or codes."""
    return [
        (answer.source, answer.code if isinstance(answer, Failure) else answer.label) for answer in answers
    ]


def source(name, **options):
    return Source(name, name, **options)


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (2, 3), (32, None)])
def test_order_and_failures(classifier, pictures, batch_size, workers):
    """One answer a source in the order of the sources, failures in their places."""
    names = ["red.png", "bad.png", "none.png", "blue.png", "red.png"]
    sources = [source("folder", error=ImageUnreadable("can't list this folder")), *map(source, names)]

    assert [
        ("folder", "unreadable"),
        ("red.png", "present"),
        ("bad.png", "unreadable"),
        ("none.png", "missing"),
        ("blue.png", "absent"),
        ("red.png", "present"),
    ] == told(predict_sources(classifier, sources, batch_size=batch_size, workers=workers))


def test_nothing(classifier):
    """No sources, no answers."""
    assert [] == list(predict_sources(classifier, []))


def test_lazy(classifier, pictures):
    """A stream without an end is answered as it goes, and not read far ahead."""
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield source("red.png")

    answers = predict_sources(classifier, endless(), batch_size=4, workers=2)

    assert [("red.png", "present")] * 10 == told(itertools.islice(answers, 10))
    del answers
    assert len(taken) <= 10 + 4 * (2 * available_cpus() + 1)


def test_no_maps_unless_asked(classifier, pictures):
    """Without heatmaps answers carry none: a million of them must fit."""
    (answer,) = predict_sources(classifier, [source("red.png")])

    assert isinstance(answer, Prediction)
    assert answer.heatmap is None


def test_threshold(classifier, pictures):
    """The threshold replaces the model's."""
    assert [("red.png", "absent")] == told(predict_sources(classifier, [source("red.png")], threshold=1.0))
    with pytest.raises(ConfigError, match="threshold"):
        list(predict_sources(classifier, [], threshold=2.0))


def test_heatmaps(classifier, pictures, tmp_path):
    """Each prediction gets a heatmap, failures none."""
    writer = HeatmapWriter("out", classifier.contract.pixel_rule)
    sources = [source("red.png"), source("none.png"), source("blue.png")]
    answers = list(predict_sources(classifier, sources, batch_size=2, heatmaps=writer))

    assert ["present", "missing", "absent"] == [label for _, label in told(answers)]
    assert ["blue.png", "red.png"] == sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    with Image.open("out/red.png") as drawing:
        assert drawing.convert("RGB").split()[0].getpixel((100, 100)) == 230


def test_picture_that_vanishes(classifier, pictures, tmp_path):
    """A picture that goes between its prediction and its heatmap is a failure, not a crash."""

    class Removing(HeatmapWriter):
        def write(self, source, data, prediction):
            (tmp_path / "blue.png").unlink(missing_ok=True)
            return super().write(source, data, prediction)

    writer = Removing("out", classifier.contract.pixel_rule)
    _, failure = predict_sources(classifier, [source("red.png"), source("blue.png")], heatmaps=writer)

    assert Failure("blue.png", "missing", "no such file (while its heatmap was drawn)") == failure


def test_addresses_are_fetched_once(classifier, pictures, encoded, monkeypatch):
    """An address is fetched in its turn, once even with a heatmap, and its failure is its own."""
    asked = []

    class Fetcher:
        def fetch(self, address):
            asked.append(address)
            if "bad" in address:
                raise ImageUnreadable("the server answers 503")
            return encoded(RED)

    monkeypatch.setattr(fetch, "Fetcher", Fetcher)
    sources = [source("http://h/a.png", remote=True), source("blue.png"), source("http://h/bad", remote=True)]
    writer = HeatmapWriter("out", classifier.contract.pixel_rule)

    assert ["present", "absent", "unreadable"] == [
        label for _, label in told(predict_sources(classifier, sources, heatmaps=writer))
    ]
    assert ["http://h/a.png", "http://h/bad"] == sorted(asked)
    assert ["present", "absent", "unreadable"] == [
        label for _, label in told(predict_sources(classifier, sources))
    ]
