"""The pictures of one sitting in their order, and what the page asks of them."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.decoders import open_header
from hornet.errors import HornetError, ImageMissing
from hornet.heatmaps import layer
from hornet.images import decode, read_file
from hornet.review.batch import choose
from hornet.review.worth import Reason, weigh

if TYPE_CHECKING:
    from hornet.artifact import Contract
    from hornet.classifier import Classifier
    from hornet.review.answers import Answers
    from hornet.review.gather import Candidate, Gathered

#: What every browser of today shows by itself, upright as EXIF has it; others are sent as PNG.
_SHOWN: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


class NotKept(HornetError):
    """An answer couldn't be written."""

    code = "full"


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of the sitting.

    Attributes:
        candidate: The picture.
        reasons: Why it is shown, at least one.
        batch: Number of the batch that it was chosen for, or None.
    """

    candidate: Candidate
    reasons: tuple[Reason, ...]
    batch: int | None = None


def arrange(gathered: Gathered, answers: Answers, contract: Contract, batch: int | None) -> list[Shown]:
    """Put the pictures in the order in which they are shown.

    Args:
        gathered: All of them.
        answers: What is answered already.
        contract: The model's.
        batch: Size of the batch to choose; None: all, those worth an eye first.

    Returns:
        With a batch: what of it is answered, then what isn't. A batch that was left half answered goes on.
    """
    candidates = gathered.candidates
    worth = weigh(
        probability=np.array([one.probability for one in candidates]),
        verdicts=[one.verdict for one in candidates],
        threshold=contract.decision_threshold,
        embedding=gathered.embedding,
        captured=[one.captured_at for one in candidates],
        # Where no camera is known, a folder is one.
        cameras=[one.camera or str(one.path.parent) for one in candidates],
        novelty=[one.novelty for one in candidates],
    )
    if batch is None:
        order = np.argsort(-worth.score, kind="stable")
        return [Shown(candidates[at], worth.reasons[at] or (Reason("rest"),)) for at in order]
    done = [at for at, one in enumerate(candidates) if answers.label(one.path) is not None]
    counts = answers.batches()
    number = max(counts, default=1)
    left = batch - counts.get(number, 0)
    if left <= 0:
        number, left = number + 1, batch
    of_this = [at for at in done if answers.batch(candidates[at].path) == number]
    chosen = choose(gathered.embedding, np.minimum(worth.score, 1), left, covered=done)
    return [
        Shown(candidates[at], worth.reasons[at] or (Reason("spread"),), number) for at in (*of_this, *chosen)
    ]


class Session:
    """What the page asks for. Safe to share between threads.

    Args:
        pictures: In their order.
        answers: Where answers go.
        classifier: Draws where it looked.
    """

    def __init__(self, pictures: list[Shown], answers: Answers, classifier: Classifier) -> None:
        self.pictures = pictures
        self.answers = answers
        self._classifier = classifier
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return len(self.pictures)

    def state(self) -> dict[str, Any]:
        """Return what the page begins with: how many, which are answered, where answers go."""
        labels = [self.answers.label(one.candidate.path) for one in self.pictures]
        return {"count": len(labels), "labels": labels, "manifest": str(self.answers.manifest)}

    def describe(self, at: int) -> dict[str, Any]:
        """Return what the page says of one picture."""
        shown = self.pictures[at]
        one = shown.candidate
        return {
            "name": one.name,
            "verdict": one.verdict,
            "probability": one.probability,
            "captured_at": one.captured_at,
            "camera": one.camera,
            "reasons": [{"code": reason.code, **reason.values} for reason in shown.reasons],
            "label": self.answers.label(one.path),
        }

    def picture(self, at: int) -> tuple[bytes, str]:
        """Return a picture as a browser shows it, and its media type.

        Raises:
            ImageError: If it isn't there any more, or can't be read.
        """
        data = read_file(self.pictures[at].candidate.path)
        with open_header(data) as header:
            kind = _SHOWN.get(header.format or "")
        if kind:
            return data, kind
        return _png(decode(data)), "image/png"

    def layer(self, at: int) -> bytes:
        """Return where the network looked, as a PNG to lay over the picture.

        Raises:
            ImageError: If the picture isn't there any more, or can't be read.
        """
        candidate = self.pictures[at].candidate
        data = read_file(candidate.path)
        with self._turn:  # one run of the network at a time
            prediction = self._classifier.predict(data)
        assert prediction.heatmap is not None
        return _png(layer(data, prediction.heatmap, self._classifier.contract.pixel_rule))

    def answer(self, at: int, label: str | None) -> str | None:
        """Write an answer, or take it back (None).

        Returns:
            What it was before.

        Raises:
            ImageMissing: If the picture isn't there any more: training would ask for it.
            NotKept: If it can't be written.
        """
        shown = self.pictures[at]
        path = shown.candidate.path
        with self._turn:
            before = self.answers.label(path)
            if label is not None and not path.is_file():
                raise ImageMissing("this picture isn't there any more")
            try:
                self.answers.give(shown.candidate, label, shown.batch)
            except OSError as error:
                raise NotKept(f"can't write {self.answers.manifest}: {error.strerror or error}") from None
        return before


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
