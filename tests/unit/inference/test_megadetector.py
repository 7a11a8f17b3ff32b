"""MegaDetector's JSON, against the published description of the format.

The models below say what https://lila.science/megadetector-output-format (in the repository
agentmorris/MegaDetector: megadetector-output-format.md, version 1.6 of the format) requires of images, and
what its validator, megadetector/postprocessing/validate_batch_results.py, checks.
"""

import io
import json
import os
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError
from hornet.inference.megadetector import About
from hornet.inference.sinks import open_sink

# "category IDs must be non-negative string-formatted ints"; names "can't be blank".
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """Nothing but what the description names, in the types that it names."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Metadata(Strict):
    """Recommendations to downstream tools."""

    typical_detection_threshold: Fraction
    conservative_detection_threshold: Fraction


class Info(Strict):
    """Only the version is required, as a "string-formatted float"; the validator takes 1.3 or later."""

    format_version: Annotated[str, StringConstraints(pattern=r"^1\.[3-6]$")]
    detector: str
    detector_metadata: Metadata


class Detection(Strict):
    """One box: [x_min, y_min, width, height], as fractions of the picture."""

    category: Id
    conf: Fraction
    bbox: Annotated[list[Fraction], Field(min_length=4, max_length=4)]


class Image(Strict):
    """A failure is a string and has no detections, "it should *not* be an empty list"; else there is a list."""

    file: Name
    detections: list[Detection] | None
    failure: Name | None = None

    @model_validator(mode="after")
    def _either(self):
        assert (self.failure is None) == (self.detections is not None)
        return self


class Results(Strict):
    """The required keys; detections name a category that there is."""

    info: Info
    detection_categories: dict[Id, Name]
    images: list[Image]

    @model_validator(mode="after")
    def _mapped(self):
        for image in self.images:
            assert all(box.category in self.detection_categories for box in image.detections or [])
        return self


def prediction(source, probability):
    return Prediction(source, "unsure", probability, (0.0, 0.0))


ANSWERS = [
    prediction("a.jpg", 0.9312044),
    prediction("é\n.jpg", 0.0),
    prediction(f".{os.sep}cam{os.sep}b.jpg", 1.0),
    Failure("bad.jpg", "unreadable", 'damaged: "x"'),
    prediction("\udcff.jpg", 0.25),
]


def written(answers):
    stream = io.BytesIO()
    sink = open_sink("megadetector", stream, about=About("hornet.onnx", 0.25, 0.75))
    for answer in answers:
        sink.write(answer)
    sink.finish()
    return stream.getvalue()


@pytest.mark.parametrize("answers", [ANSWERS, ANSWERS[:1], []])
def test_valid(answers):
    """Documents of any length are what the description asks for."""
    document = json.loads(written(answers))

    assert len(answers) == len(Results.model_validate(document).images)


def test_content():
    """Each picture is one box, the whole frame, with the probability; a failure says why and has none."""
    document = json.loads(written(ANSWERS))
    whole = {"category": "1", "bbox": [0.0, 0.0, 1.0, 1.0]}

    assert {"1": "Vespa velutina"} == document["detection_categories"]
    assert (
        "hornet.onnx",
        {"typical_detection_threshold": 0.75, "conservative_detection_threshold": 0.25},
    ) == (
        document["info"]["detector"],
        document["info"]["detector_metadata"],
    )
    assert [
        {"file": "a.jpg", "detections": [whole | {"conf": 0.931204}]},
        {"file": "é\n.jpg", "detections": [whole | {"conf": 0.0}]},
        {"file": "cam/b.jpg", "detections": [whole | {"conf": 1.0}]},
        {"file": "bad.jpg", "failure": 'unreadable: damaged: "x"', "detections": None},
        {"file": "\\udcff.jpg", "detections": [whole | {"conf": 0.25}]},
    ] == document["images"]


def test_same_bytes():
    """No time is in a document: the same rows are the same bytes."""
    assert written(ANSWERS) == written(ANSWERS)


def test_the_model_is_named():
    """A document without a model is refused."""
    with pytest.raises(ConfigError, match="which model"):
        open_sink("megadetector", io.BytesIO())
