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


@pytest.fixture(scope="session")
def make_clip():
    """Return a function that writes a video of plain grey frames, 64 x 48 px, and returns its path."""

    def make(path, count, *, rate=10, codec="libx264", pixels="yuv420p", options=None, colour=None):
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            for number in range(count):
                plain = np.zeros((48, 64, 3), np.uint8)
                # Neighbours differ by more than compression changes them.
                plain[:] = colour(number) if colour else 16 + 37 * number % 200
                container.mux(stream.encode(av.VideoFrame.from_ndarray(plain, format="rgb24")))
            container.mux(stream.encode())
        return str(path)

    return make
