"""A folder of plain pictures, the tiny model, and a session over them."""

import pytest

from hornet.classifier import Classifier
from hornet.review.answers import Answers
from hornet.review.gather import gather
from hornet.review.session import Session, arrange

#: The tiny model's answers: sure of red, sure that blue is none, unsure of grey.
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "grey": (120, 120, 120)}


@pytest.fixture
def folder(tmp_path, encoded):
    """Return a folder of four pictures."""
    folder = tmp_path / "cam"
    folder.mkdir()
    for name, colour in COLOURS.items():
        (folder / f"{name}.png").write_bytes(encoded(colour))
    (folder / "violet.png").write_bytes(encoded((150, 0, 110)))
    return folder


@pytest.fixture
def classifier(make_artifact, tmp_path):
    return Classifier.open(make_artifact(tmp_path / "tiny.onnx", low=0.4, high=0.6))


@pytest.fixture
def begin(folder, classifier, tmp_path):
    """Return a function that starts a session on the folder; answers go to ``out.csv`` beside it."""
    opened: list[Answers] = []

    def start(batch=None, source=folder):
        for answers in opened:
            answers.close()
        answers = Answers(tmp_path / "out.csv", "cam")
        opened.append(answers)
        gathered = gather(source, classifier, lambda _: None)
        return Session(arrange(gathered, answers, classifier.contract, batch), answers, classifier)

    yield start
    for answers in opened:
        answers.close()
