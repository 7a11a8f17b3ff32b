"""Rows as MegaDetector results, which Timelapse, AddaxAI and their like open.

The format: https://lila.science/megadetector-output-format. A network that looks at whole pictures has
one box a picture, the whole frame; its confidence is the probability of presence, of absences too, so
that a threshold can still be moved where the pictures are looked at.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from hornet.classifier import Failure
from hornet.inference.sinks import digits, encode, error_of

if TYPE_CHECKING:
    from hornet.inference.columns import Answer

#: The oldest version that says all that is said here; what came later concerns videos.
FORMAT_VERSION: Final = "1.4"
_CATEGORY: Final = "1"
_NAME: Final = "Vespa velutina"


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of the model.

    Attributes:
        model: Its file's name.
        low: Below it a picture is absent.
        high: From it on a picture is present.
    """

    model: str
    low: float
    high: float


class MegaDetectorSink:
    """Writes one JSON document, an image a line; a failure has no detections, and says why.

    Args:
        stream: Where to write, binary.
        about: The model. No time is written: the same rows are the same bytes.
    """

    def __init__(self, stream: IO[bytes], about: About) -> None:
        self._stream = stream
        info = {
            "format_version": FORMAT_VERSION,
            "detector": about.model,
            "detector_metadata": {
                "typical_detection_threshold": about.high,
                "conservative_detection_threshold": about.low,
            },
        }
        self._before = (
            f'{{\n"info": {json.dumps(info)},\n'
            f'"detection_categories": {json.dumps({_CATEGORY: _NAME})},\n"images": ['
        )
        self._first = True

    def write(self, answer: Answer) -> None:
        """Write one image."""
        file = json.dumps(_file(answer.source), ensure_ascii=False)
        if isinstance(answer, Failure):
            failure = json.dumps(error_of(answer), ensure_ascii=False)
            image = f'{{"file": {file}, "failure": {failure}, "detections": null}}'
        else:
            box = f'{{"category": "{_CATEGORY}", "conf": {digits(answer.probability)}, "bbox": [0.0, 0.0, 1.0, 1.0]}}'
            image = f'{{"file": {file}, "detections": [{box}]}}'
        self._stream.write(encode(self._before + ("\n" if self._first else ",\n") + image))
        self._stream.flush()
        self._before, self._first = "", False

    def finish(self) -> None:
        """End the document."""
        self._stream.write(encode(self._before + ("]\n}\n" if self._first else "\n]\n}\n")))
        self._stream.flush()


def _file(path: str) -> str:
    """Return a path as the format prefers it: forward slashes, and nothing before a relative one.

    Bytes that are no text show as escapes, as in CSV: strict readers of JSON refuse lone surrogates, and
    with them the whole document.
    """
    path = encode(path).decode().replace(os.sep, "/")
    return path.removeprefix("./") or path
