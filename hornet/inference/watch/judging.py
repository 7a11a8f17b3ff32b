"""Files into answers, and an alarm's pictures."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image

from hornet.classifier import Failure, Item, Prediction
from hornet.errors import ImageError, ImageUnreadable
from hornet.heatmaps import LONGEST, cover, draw
from hornet.images import PixelRule, decode, read_file
from hornet.inference.frames import is_video
from hornet.inference.videos import with_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from fractions import Fraction

    from hornet.classifier import Classifier
    from hornet.inference.columns import Answer
    from hornet.inference.sources import Source

_BATCH: Final = 32
_TAIL: Final = 4096
# These may end in zeros: what isn't compressed is black as zeros.
_PLAIN: Final = frozenset((".bmp", ".tif", ".tiff"))
_QUALITY: Final = 88


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture, or a frame of a video, and the answer to it.

    Attributes:
        source: What was looked at.
        answer: With its heatmap, if it is a prediction.
    """

    source: Source
    answer: Answer


class Judge:
    """Answers files.

    Args:
        classifier: The model.
        threshold: Replaces the contract's low and high.
        every: Time between the frames of a video, s.
        stopping: Asked between batches: whether to give up.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        threshold: float | None,
        every: Fraction,
        stopping: Callable[[], bool],
    ) -> None:
        self._classifier = classifier
        self._threshold = threshold
        self._every = every
        self._stopping = stopping

    def pictures(self, sources: Sequence[Source]) -> list[Judged]:
        """Answer pictures."""
        answers = self._classifier.predict_batch(
            [Item(source.name, source.load or source.name) for source in sources],
            threshold=self._threshold,
            with_maps=True,
        )
        return [Judged(source, answer) for source, answer in zip(sources, answers, strict=True)]

    def video(self, source: Source) -> list[Judged] | None:
        """Answer a video's frames; None: it was given up, as whoever asked is stopping."""
        answers: list[Judged] = []
        batch: list[Source] = []
        for frame in with_frames([source], self._every):
            if frame.error is not None:
                answers += self.pictures(batch)
                answers.append(Judged(frame, Failure(frame.name, frame.error.code, str(frame.error))))
                return answers
            batch.append(frame)
            if len(batch) == _BATCH:
                if self._stopping():
                    return None
                answers += self.pictures(batch)
                batch = []
        return answers + self.pictures(batch)

    def images(self, judged: Judged) -> tuple[bytes, bytes] | None:
        """Return a picture and its heatmap for people, JPEG without metadata; None: it can't be had any more.

        What the contract masks is covered in both.
        """
        if not isinstance(judged.answer, Prediction):
            return None
        rule = self._classifier.contract.pixel_rule
        source = judged.source
        try:
            data = read_file(source.name) if source.load is None else source.load()
            picture = decode(data, rule=PixelRule((LONGEST, LONGEST), "pad", draft_margin=1.0))
            picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BICUBIC)
            cover(picture, rule.masks, rule.fill)
            return _jpeg(picture), _jpeg(draw(data, judged.answer, rule))
        except (ImageError, OSError, ValueError):
            return None


def may_be_half_written(path: str) -> bool:
    """Whether a file ends in zeros, as one does whose room was taken before its content came."""
    if os.path.splitext(path)[1].lower() in _PLAIN:
        return False
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            tail = file.read(_TAIL)
    except (OSError, ValueError):
        return False  # reading it will say why
    return not tail.strip(b"\0")


def chunks(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Cut files into what is answered together: pictures in batches, a video alone."""
    batch: list[Source] = []
    for source in sources:
        if is_video(source.name):
            if batch:
                yield batch
            batch = []
            yield [source]
            continue
        batch.append(source)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def is_unreadable(answer: Answer) -> bool:
    """Whether an answer may be due to a file that is half written."""
    return isinstance(answer, Failure) and answer.code == ImageUnreadable.code


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
