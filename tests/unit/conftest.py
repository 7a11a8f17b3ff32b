"""Pictures and answers that several rooms are tested with."""

import io

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Prediction


@pytest.fixture(scope="session")
def encoded():
    """Return a function that encodes a plain picture."""

    def encode(colour=(128, 128, 128), size=(40, 30), form="PNG", **options):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, form, **options)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def mapped():
    """Return a function that makes a prediction with a heatmap."""

    def make(heatmap, label="present", probability=0.9):
        return Prediction("a.jpg", label, probability, (0.0, 0.0), np.asarray(heatmap, dtype=np.float32))

    return make
