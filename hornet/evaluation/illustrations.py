"""Pictures for a report: which ones, and small copies of them with their heatmaps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.classifier import Failure, Item
from hornet.errors import ImageError
from hornet.evaluation.facts import Answers, Illustration
from hornet.heatmaps import cover, lay_over
from hornet.images import PixelRule, decode, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.classifier import Classifier
    from hornet.dataset.records import Record
    from hornet.images import Box

WORST: Final = 12
EXAMPLES: Final = 4  # of each cell
#: Longest side of a small copy, px.
_SIDE: Final = 288
_JPEG_QUALITY: Final = 72


def choose_worst(answers: Answers, threshold: float, count: int = WORST) -> list[int]:
    """Return the places of the wrong answers, those furthest from the truth first."""
    called = answers.probabilities >= threshold
    wrong = np.flatnonzero(called != (answers.labels == 1))
    off = np.abs(answers.probabilities - answers.labels)
    return sorted(wrong.tolist(), key=lambda place: (-off[place], answers.records[place].name))[:count]


def choose_cells(answers: Answers, threshold: float, count: int = EXAMPLES) -> dict[str, list[int]]:
    """Return places of each cell of the confusion matrix, spread evenly over its probabilities."""
    called, present = answers.probabilities >= threshold, answers.labels == 1
    cells = {
        "tp": called & present,
        "fn": ~called & present,
        "fp": called & ~present,
        "tn": ~called & ~present,
    }
    chosen = {}
    for name, inside in cells.items():
        places = np.flatnonzero(inside)
        order = places[np.argsort(-answers.probabilities[places], kind="stable")]
        number = min(count, len(order))
        # The middle of each of so many equal parts: neither the best nor the worst.
        chosen[name] = [int(order[(2 * part + 1) * len(order) // (2 * number)]) for part in range(number)]
    return chosen


def illustrate(
    classifier: Classifier, answers: Answers, threshold: float
) -> tuple[tuple[Illustration, ...], dict[str, tuple[Illustration, ...]]]:
    """Return the worst mistakes and examples of each cell, with heatmaps.

    Pictures that can't be read any more are left out.
    """
    worst, cells = choose_worst(answers, threshold), choose_cells(answers, threshold)
    wanted = sorted({*worst, *(place for places in cells.values() for place in places)})
    items = [_item(answers.records[place]) for place in wanted]
    found: dict[int, Illustration] = {}
    for place, answer in zip(
        wanted, classifier.predict_many(items, batch_size=8, with_maps=True), strict=True
    ):
        if isinstance(answer, Failure) or answer.heatmap is None:
            continue
        record, rule = answers.records[place], classifier.contract.pixel_rule
        picture = _small(record.path)
        cover(picture, (*rule.masks, *record.masks), rule.fill)
        found[place] = Illustration(
            name=record.name,
            label=int(answers.labels[place]),
            probability=float(answers.probabilities[place]),
            image=_jpeg(picture),
            overlay=_jpeg(lay_over(picture, answer.heatmap, rule)[0]),
            size=picture.size,
            about=_about(record),
        )

    def pick(places: Sequence[int]) -> tuple[Illustration, ...]:
        return tuple(found[place] for place in places if place in found)

    return pick(worst), {name: pick(places) for name, places in cells.items()}


def thumbnail(record: Record, boxes: Sequence[Box] = ()) -> Illustration | None:
    """Return a small copy of a picture as it is, nothing covered; None if it can't be read."""
    try:
        picture = _small(record.path)
    except ImageError:
        return None
    return Illustration(
        record.name, record.label, None, _jpeg(picture), None, picture.size, _about(record), tuple(boxes)
    )


def _item(record: Record) -> Item:
    return Item(record.name, record.path, record.masks)


def _small(path: Path) -> Image.Image:
    picture = decode(read_file(Path(path)), rule=PixelRule((_SIDE, _SIDE), "pad", draft_margin=1.0))
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return picture


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return stream.getvalue()


def _about(record: Record) -> tuple[str, ...]:
    # With a space: a phone breaks the line there.
    known = (record.species, record.source, record.camera, record.captured_at.replace("T", " "))
    return tuple(dict.fromkeys(filter(None, known)))
