"""Test-time augmentation: the views are what they are said to be, and their logits are averaged."""

import math

import numpy as np
import pytest
from PIL import Image

from hornet.classifier import Classifier, Failure, Prediction
from hornet.dataset import Record
from hornet.errors import ConfigError
from hornet.evaluation.views import count_views, predict_views


@pytest.fixture
def classifier(make_artifact, tmp_path):
    """Return the tiny model: the redder the more present; its contract has a temperature and a prior shift."""
    return Classifier.open(make_artifact(tmp_path / "model.onnx", temperature=2.0, prior_shift=0.3))


@pytest.fixture
def picture():
    """Return noise of which crops of 7/8 have whole pixels, redder in the left upper corner."""
    noise = np.random.default_rng(0).integers(0, 120, (48, 64, 3)).astype(np.uint8)
    noise[:20, :20, 0] += 120
    return Image.fromarray(noise)


def _record(path, **given):
    return Record(path=path, name=path.name, label=1, **given)


def _answer(classifier, path, tta, **given):
    (answer,) = predict_views(classifier, [_record(path, **given)], tta)
    assert isinstance(answer, Prediction)
    return answer


@pytest.mark.parametrize(
    ("tta", "corners"),
    [("flip", [(0, 0, 64, 48)]), ("tencrop", [(x, y, x + 56, y + 42) for x, y in
      [(0, 0), (8, 0), (0, 6), (8, 6), (4, 3)]])],
)  # fmt: skip
def test_the_answer_is_the_mean_logit_of_crops_and_mirrored_crops(
    classifier, picture, tmp_path, tta, corners
):
    """Cut by hand, saved, and predicted one by one; then through temperature and prior shift."""
    picture.save(tmp_path / "whole.png")
    margins = []
    for corner in corners:
        crop = picture.crop(corner)
        for view in (crop, crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            absent, present = classifier.predict(view).logits
            margins.append(present - absent)
    expected = np.mean(margins) / 2.0 + 0.3

    answer = _answer(classifier, tmp_path / "whole.png", tta)

    assert len(margins) == count_views(tta)
    assert expected == pytest.approx(
        math.log(answer.probability / (1 - answer.probability)), abs=2e-3
    )  # mirrored before or after it is resized: rounded differently
    assert len(set(np.round(margins, 4))) > len(corners) // 2


def test_masks_are_of_the_whole_picture_in_every_crop(classifier, picture, tmp_path):
    """Filling everything leaves nothing of it in any view."""
    picture.save(tmp_path / "a.png")
    Image.new("RGB", (64, 48)).save(tmp_path / "b.png")
    everything = ((0.0, 0.0, 1.0, 1.0),)
    answers = [
        _answer(classifier, tmp_path / name, "tencrop", masks=everything) for name in ("a.png", "b.png")
    ]

    assert answers[0].logits == answers[1].logits


def test_every_picture_has_an_answer_in_order_whatever_the_batch(classifier, picture, tmp_path):
    """A damaged one is a failure in its place."""
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(paths):
        picture.rotate(17 * i).save(path)
    paths[2].write_bytes(b"no picture")
    records = [_record(path) for path in paths]
    one, all_ = (
        list(predict_views(classifier, records, "flip", batch_size=size, workers=2)) for size in (1, 64)
    )

    assert [path.name for path in paths] == [answer.source for answer in one]
    assert [2] == [i for i, answer in enumerate(one) if isinstance(answer, Failure)]
    for a, b in zip(one, all_, strict=True):
        if isinstance(a, Prediction) and isinstance(b, Prediction):
            assert a.probability == pytest.approx(b.probability, abs=1e-6)


def test_an_unknown_way_is_refused():
    """The message lists what is known."""
    with pytest.raises(ConfigError, match="choose from none, flip, tencrop"):
        count_views("rotate")
