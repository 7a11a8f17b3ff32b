"""/metrics tells how far the last pictures are from those that the model was made with."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from hornet.classifier import Classifier
from hornet.serving.champion import Champion, Model
from hornet.serving.today import Today


def picture(colour) -> bytes:
    """Return a plain picture as PNG bytes."""
    file = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(file, "PNG")
    return file.getvalue()


def drift(client):
    """Return what /metrics says of drift."""
    text = client.get("/metrics").text
    return {
        (sample.name.removeprefix("hornet_"), sample.labels.get("quantity", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "drift" in sample.name or "novel" in sample.name
    }


class Fixed(Champion):
    """Always the same model in use, until it is told otherwise."""

    def __init__(self, current):  # without settings: no file is watched
        self.current = current


@pytest.fixture
def knowing(make_artifact, red_and_blue, half_red, tmp_path):
    """Return the tiny artifact with a novelty limit and a reference."""
    return make_artifact(tmp_path / "m.onnx", novelty=red_and_blue, reference=half_red)


def test_metrics_tell_the_drift(serve, knowing):
    """Nothing but one colour is beyond the limit, and white pictures are counted as novel."""
    red, white = picture((255, 0, 0)), picture((255, 255, 255))
    with serve(model=str(knowing), max_pictures=32) as client:
        before = drift(client)
        for _ in range(2):
            client.post("/predict", files=[("files", ("a.png", red, "image/png"))] * 24)
        client.post("/predict", files=[("files", ("a.png", white, "image/png"))] * 12)
        after = drift(client)

    assert all(math.isnan(value) for value in before.values())
    for quantity in ("probability", "novelty"):
        assert after["drift_index", quantity] > after["drift_limit", quantity] > 0
    assert 0.2 == pytest.approx(after["novel_share", ""])


def test_the_protocols_pictures_count_too(serve, knowing):
    """Pictures that come as tensors are in the window, too."""
    batch = np.zeros((30, 8, 8, 3), np.uint8)
    tensor = {
        "name": "image",
        "shape": list(batch.shape),
        "datatype": "UINT8",
        "data": batch.ravel().tolist(),
    }
    with serve(model=str(knowing)) as client:
        client.post("/v2/models/hornet/infer", json={"inputs": [tensor]})
        after = drift(client)

    assert after["drift_index", "probability"] > 0


def test_models_of_before_tell_nothing(serve):
    """A model without a reference gives no number, and the server runs on."""
    with serve() as client:
        client.post("/predict", files=[("files", ("a.png", picture((255, 0, 0)), "image/png"))])

        assert all(math.isnan(value) for value in drift(client).values())


def test_the_window_forgets(knowing):
    """Only the last pictures count, and those of a model that is no longer in use never do."""
    first, second = (Model(Classifier.open(knowing), version) for version in ("a", "b"))
    champion = Fixed(first)
    today = Today(champion, 25)
    ordinary = np.random.default_rng(0).uniform(0, 1, 25)
    for probability in [0.99] * 50 + ordinary.tolist():
        today.add(first, probability, 0.5)

    ordinary_drift, other = today.drift("probability"), today.drift("novelty")
    assert ordinary_drift is not None
    assert other is not None
    assert 25 == ordinary_drift.pictures
    assert (False, True) == (ordinary_drift.beyond, other.beyond)

    champion.current = second
    today.add(first, 0.1, 0.5)
    today.add(second, 0.2, 3.0)
    one = today.drift("probability")
    assert one is not None
    assert 1 == one.pictures
    assert 1.0 == today.novel()
