"""Golden examples: the same answer up to a tolerance, of probability and of novelty."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from hornet import Classifier
from hornet.artifact import Golden
from hornet.golden import replay_golden


def picture(colour):
    """Return a plain picture as PNG bytes."""
    file = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = picture((255, 0, 0)), picture((0, 0, 255))


def test_golden_examples_are_replayed(make_artifact, tmp_path):
    """Golden examples pass within the tolerance and fail beyond it."""
    right = 1 / (1 + np.exp(-10))
    jpeg = base64.b64encode(RED).decode()
    golden = [{"name": n, "jpeg": jpeg, "probability": p} for n, p in (("a", right), ("b", 0.9))]
    results = replay_golden(Classifier.open(make_artifact(tmp_path / "m.onnx", golden=golden)))

    assert [("a", True), ("b", False)] == [(result.name, result.ok) for result in results]
    assert Golden("a", jpeg, right).probability == pytest.approx(results[0].got, abs=1e-6)


@pytest.mark.parametrize(("error", "ok"), [(0.0, True), (0.005, True), (0.05, False)])
def test_golden_examples_replay_novelty_too(make_artifact, red_and_blue, tmp_path, error, ok):
    """A golden example fails if its novelty differs by more than the tolerance, even if its probability doesn't."""
    plain = Classifier.open(make_artifact(tmp_path / "plain.onnx", novelty=red_and_blue)).predict(BLUE)
    example = {
        "name": "blue",
        "jpeg": base64.b64encode(BLUE).decode(),
        "probability": plain.probability,
        "novelty": plain.novelty + error,
    }
    (result,) = replay_golden(
        Classifier.open(make_artifact(tmp_path / "golden.onnx", novelty=red_and_blue, golden=[example]))
    )

    assert ok == result.ok
    assert plain.novelty == result.got_novelty
