"""Where text is burnt into the pictures of a data set: by size and camera, as rectangles to mask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.dataset.names import cameras_of
from hornet.errors import ImageError
from hornet.evaluation.audit.features import grey
from hornet.evaluation.audit.findings import EXAMPLES, Finding, Outcome
from hornet.evaluation.audit.looks import upright_size
from hornet.evaluation.audit.text import LEAST, find_text
from hornet.images import PixelRule, decode, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.evaluation.audit.evidence import Evidence
    from hornet.images import Box

#: Pictures of one size and camera that are looked at, at most.
SAMPLE: Final = 64
#: Kinds of pictures (size and camera) that are looked at, at most; the most frequent ones.
KINDS: Final = 12
_LONGEST: Final = 2000  # px: larger pictures are halved, thirded, ... until they fit


@dataclass(frozen=True, slots=True)
class Place:
    """Text in all pictures of one size and camera.

    Attributes:
        box: Rectangle as fractions of the upright picture.
        changes: Whether it differs from picture to picture.
        size: Height and width of those pictures, px.
        camera: Their camera, empty if nobody says.
        pictures: How many they are.
        names: Some that were looked at.
    """

    box: Box
    changes: bool
    size: tuple[int, int]
    camera: str
    pictures: int
    names: tuple[str, ...]


def text_places(
    records: Sequence[Record],
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
    masks: Sequence[Box] = (),
    seed: int = 0,
    live: Callable[[str], None] = lambda _: None,
) -> list[Place]:
    """Find burnt-in text in pictures of one size and camera, for each size and camera.

    Args:
        records: The pictures; cameras are taken from names where no record says.
        sizes: Height and width of each, px, upright; (0, 0) where one can't be read. None: read from the headers.
        masks: Rectangles that are filled in every picture: what is under them is no longer there.
        seed: Decides which pictures are looked at.
        live: Told how far it is.
    """
    known = [_size(record) for record in records] if sizes is None else sizes
    named = cameras_of([record.name for record in records])
    kinds: dict[tuple[tuple[int, int], str], list[int]] = defaultdict(list)
    for index, (record, size, camera) in enumerate(zip(records, known, named, strict=True)):
        if min(size):
            kinds[size, record.camera or camera].append(index)
    # Cameras with few pictures are looked at together: their clocks may stand at the same place.
    for (size, camera), members in list(kinds.items()):
        if camera and len(members) < LEAST:
            kinds[size, ""] += kinds.pop((size, camera))
    places = []
    frequent = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))[:KINDS]
    for number, ((size, camera), members) in enumerate(frequent):
        if len(members) < LEAST:
            continue
        live(f"looking for burnt-in text: {number + 1}/{len(frequent)} sizes and cameras")
        drawn = np.random.default_rng(seed).permutation(len(members))[:SAMPLE]
        chosen = [records[members[i]] for i in sorted(drawn.tolist())]
        places += [
            Place(text.box, text.changes, size, camera, len(members), tuple(r.name for r in chosen[:3]))
            for text in find_text(_frames(chosen, size, masks))
        ]
    return places


def masks_of(places: Sequence[Place]) -> list[Box]:
    """Return rectangles that cover all places, those that overlap joined into one, sorted."""
    boxes = sorted({place.box for place in places})
    merged: list[Box] = []
    while boxes:
        box = boxes.pop(0)
        touching = [other for other in boxes if _overlap(box, other)]
        if not touching:
            merged.append(box)
            continue
        boxes = [other for other in boxes if other not in touching]
        x0, y0 = (min(each[i] for each in (box, *touching)) for i in (0, 1))
        x1, y1 = (max(each[i] for each in (box, *touching)) for i in (2, 3))
        boxes.insert(0, (x0, y0, x1, y1))
    return sorted(merged)


def judge_text(evidence: Evidence) -> Outcome:
    """Report where text is burnt in, and what to mask."""
    places = text_places(
        evidence.records,
        sizes=[look.size for look in evidence.looks],
        masks=evidence.masks,
        seed=evidence.seed,
        live=evidence.live,
    )
    if not places:
        return Outcome()
    sized = {(place.size, place.camera): place.pictures for place in places}
    facts = {
        "pictures": sum(sized.values()),
        "of": len(evidence.records),
        "places": [
            {
                "box": list(place.box),
                "changes": place.changes,
                "height": place.size[0],
                "width": place.size[1],
                "camera": place.camera or None,
                "pictures": place.pictures,
            }
            for place in places
        ],
        "masks": [list(box) for box in masks_of(places)],
    }
    named = dict.fromkeys(name for place in places for name in place.names)
    return Outcome((Finding("burnt-in-text", facts, tuple(named)[:EXAMPLES]),))


def _overlap(one: Box, other: Box) -> bool:
    return max(one[0], other[0]) < min(one[2], other[2]) and max(one[1], other[1]) < min(one[3], other[3])


def _size(record: Record) -> tuple[int, int]:
    try:
        return upright_size(read_file(record.path))
    except ImageError:
        return (0, 0)


def _frames(
    records: Sequence[Record], size: tuple[int, int], masks: Sequence[Box]
) -> Iterator[NDArray[np.uint8]]:
    """Decode pictures of one size one after the other, in grey, at full size or a whole fraction of it."""
    times = -(-max(size) // _LONGEST)
    rule = PixelRule((max(1, size[0] // times), max(1, size[1] // times)))
    for record in records:
        try:
            image = decode(read_file(record.path))
        except ImageError:
            continue
        filled = (*masks, *record.masks)
        whole = np.asarray(image) if times == 1 and not filled else preprocess(image, rule, masks=filled)
        if whole.shape[:2] == rule.size:
            yield grey(whole)
