"""Pictures whose probability can be told in advance from how red they are."""

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Classifier


@pytest.fixture
def classifier(make_artifact, tmp_path):
    """Return a classifier that is unsure from 0.3 to 0.7; the redder, the more present."""
    return Classifier.open(
        make_artifact(tmp_path / "model.onnx", low=0.3, high=0.7, decision_threshold=0.5), threads=1
    )


@pytest.fixture
def paint(tmp_path):
    """Return a function that writes a plain picture with about this probability of presence."""

    def write(name, probability):
        red = round(255 * np.log(probability / (1 - probability)) / 10)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 12), (max(red, 0), 0, max(-red, 0))).save(path)
        return path

    return write
