"""Columns that rows have only if they are asked for: frames, time and camera, novelty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hornet.classifier import Failure, Prediction
from hornet.inference.frames import split_name

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = Prediction | Failure


@dataclass(frozen=True, slots=True)
class Column:
    """A column that rows have only if it is asked for.

    Attributes:
        name: Its name, or key.
        value: What a row has there; None: nothing.
        places: Decimals of a number; None: it is text.
        width: Characters in a table; 0: isn't shown there.
    """

    name: str
    value: Callable[[Answer], float | str | None]
    places: int | None = None
    width: int = 0

    def text(self, answer: Answer) -> str | None:
        """Return what every format but JSON shows; None if there is nothing."""
        value = self.value(answer)
        return value if value is None or isinstance(value, str) else f"{value:.{self.places}f}"

    def json(self, answer: Answer) -> str:
        """Return the value as JSON."""
        text = self.text(answer)
        if text is None:
            return "null"
        return text if self.places is not None else json.dumps(text, ensure_ascii=False)


def _novelty(answer: Answer) -> float | None:
    return answer.novelty if isinstance(answer, Prediction) else None


def _video(answer: Answer) -> str | None:
    frame = split_name(answer.source)
    return None if frame is None else frame[0]


def _time(answer: Answer) -> float | None:
    frame = split_name(answer.source)
    return None if frame is None else frame[1]


#: Whose frame a picture is, and when that is shown, s; missing for what is no frame of a video.
FRAME_COLUMNS: Final = (Column("video", _video), Column("time", _time, places=3))


def _captured_at(answer: Answer) -> str | None:
    return None if answer.capture is None else answer.capture.captured_at or None


def _camera(answer: Answer) -> str | None:
    return None if answer.capture is None else answer.capture.camera or None


#: When and with which camera a picture was taken, by EXIF or its name.
CAPTURE_COLUMNS: Final = (
    Column("captured_at", _captured_at, width=19),
    Column("camera", _camera, width=12),
)
#: How unlike everything seen a picture is; beyond 1 the verdict is ``unsure``.
NOVELTY: Final = Column("novelty", _novelty, places=4, width=8)
