"""One look at every picture: decoded once, measured by all parts of the audit, and let go."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from hornet.captures import exif_of
from hornet.dataset.likeness import SIDE
from hornet.dataset.store import entry_key
from hornet.dataset.traces import Trace
from hornet.decoders import FIRST_SIDEWAYS, open_header, orientation_of
from hornet.errors import ImageError
from hornet.images import Limits, PixelRule, decode, fitted_size, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.dataset.store import PictureStore
    from hornet.images import Box

#: Longer side of what the parts measure, px; smaller pictures keep their size.
VIEW: Final = 384
#: Side of the grey thumbnails by which near duplicates are told, px.
GREY: Final = 128

# Decoding finer than twice the view would cost time, and no measure is that fine.
_DRAFT: Final = 1.0
_LIKENESS: Final = PixelRule((SIDE, SIDE))
_GREY: Final = PixelRule((GREY, GREY))


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture while it is looked at; not kept.

    Attributes:
        record: The picture.
        data: The file's bytes.
        size: Height and width of the upright picture as it is stored, px.
        image: Upright RGB, its longer side at most :data:`VIEW` px; nothing is masked.
        view: The same as uint8 (H, W, 3), masked as the network will see it.
        masks: What is masked in it.
    """

    record: Record
    data: bytes
    size: tuple[int, int]
    image: Image.Image
    view: NDArray[np.uint8]
    masks: tuple[Box, ...] = ()

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The unmasked picture in grey (ITU-R BT.601), (H, W)."""
        return np.asarray(self.image.convert("L"))


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of one picture.

    Attributes:
        trace: Thumbnail, time and camera by EXIF; or why it can't be read.
        size: Height and width, px, upright; (0, 0) if it can't be read.
        file_bytes: Size of the file, bytes.
        digest: SHA-256 of the file, empty if it can't be read.
        thumbnail: Grey, uint8 (128, 128); None if it can't be read or isn't compared.
        measures: What the parts took of it, by the part's name.
    """

    trace: Trace
    size: tuple[int, int] = (0, 0)
    file_bytes: int = 0
    digest: str = ""
    thumbnail: NDArray[np.uint8] | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def readable(self) -> bool:
        """Whether it could be decoded."""
        return not self.trace.error


def look_at(
    records: Sequence[Record],
    measures: Mapping[str, Callable[[Shot], Any]],
    *,
    masks: Sequence[Box] = (),
    store: PictureStore | None = None,
    live: Callable[[str], None] = lambda _: None,
) -> list[Look]:
    """Look at every picture once, on all cores.

    Args:
        records: The pictures.
        measures: What each part takes of a picture, by the part's name.
        masks: Rectangles that are filled in the view of every picture, besides its own.
        store: Where decoded views are kept from run to run, or None.
        live: Told how far it is.
    """
    looks: list[Look] = []
    # Threads, not processes: Pillow decodes without the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for look in pool.map(lambda record: _look(record, measures, masks, store), records):
                looks.append(look)
                live(f"looking at pictures: {len(looks)}/{len(records)}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return looks


def _look(
    record: Record,
    measures: Mapping[str, Callable[[Shot], Any]],
    masks: Sequence[Box],
    store: PictureStore | None,
) -> Look:
    try:
        data = read_file(record.path)
        captured_at, camera = exif_of(data)
        size = upright_size(data)
        digest = _digest(record, data, store)
        seen = view(data, digest, size, store)
    except ImageError as error:
        return Look(Trace(None, error=f"{error.code}: {error}"))
    image = Image.fromarray(seen)
    filled = (*masks, *record.masks)
    masked = preprocess(image, PixelRule(seen.shape[:2]), masks=filled)
    shot = Shot(record, data, size, image, masked, filled)
    return Look(
        Trace(preprocess(image, _LIKENESS), captured_at, camera),
        size,
        len(data),
        digest,
        np.asarray(Image.fromarray(preprocess(image, _GREY)).convert("L")),
        {name: measure(shot) for name, measure in measures.items()},
    )


def view(data: bytes, digest: str, size: tuple[int, int], store: PictureStore | None) -> NDArray[np.uint8]:
    """Return a picture upright, its aspect kept, its longer side at most :data:`VIEW` px; uint8 (H, W, 3).

    Args:
        data: The encoded picture.
        digest: SHA-256 of it.
        size: Its height and width, px.
        store: Where it is kept from run to run, or None.

    Raises:
        ImageError: If it can't be decoded.
    """
    key = entry_key(digest, view=VIEW, draft=_DRAFT)
    kept = None if store is None else store.get(key)
    if kept is not None:
        return kept
    side = min(VIEW, max(size))
    rule = PixelRule(fitted_size(size, PixelRule((side, side), "pad")), draft_margin=_DRAFT)
    seen = preprocess(decode(data, rule=rule), rule)
    if store is not None:
        store.put(key, seen)
    return seen


def upright_size(data: bytes) -> tuple[int, int]:
    """Return a picture's height and width, px, as it is looked at; reads the header only.

    Raises:
        ImageError: If the header can't be read, or names more pixels than are decoded.
    """
    with open_header(data) as image:
        width, height = image.size
        sideways = orientation_of(image) >= FIRST_SIDEWAYS
    if width * height > Limits().max_pixels:
        decode(data)  # says so
    return (width, height) if sideways else (height, width)


def _digest(record: Record, data: bytes, store: PictureStore | None) -> str:
    if store is None:
        return hashlib.sha256(data).hexdigest()
    return store.digest(record.path) or store.remember(record.path, data)
