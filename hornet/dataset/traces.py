"""What a picture tells about its origin: a thumbnail, and when and with which camera it was taken."""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from hornet.dataset.likeness import SIDE, thumbnail
from hornet.dataset.names import cameras_of, time_of
from hornet.dataset.store import entry_key
from hornet.decoders import open_header
from hornet.errors import ImageError
from hornet.images import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.dataset.store import PictureStore

# EXIF 2.32: make, model; in the block that 0x8769 points to, when taken and when digitised. Not 0x0132, which
# is when the file was last changed.
_MAKE, _MODEL, _DETAILS, _TAKEN = 0x010F, 0x0110, 0x8769, (0x9003, 0x9004)
_FIRST_YEAR = 1995  # clocks that were never set show earlier ones


@dataclass(frozen=True, slots=True)
class Trace:
    """What was read from one picture.

    Attributes:
        thumbnail: uint8 (9, 9, 3), or None if the picture can't be decoded.
        captured_at: ISO 8601 by EXIF, or empty.
        camera: Maker and model by EXIF, or empty.
        error: Why it can't be decoded, or empty.
    """

    thumbnail: NDArray[np.uint8] | None
    captured_at: str = ""
    camera: str = ""
    error: str = ""


def read_traces(
    records: Sequence[Record], *, live: Callable[[str], None], store: PictureStore | None = None
) -> list[Trace]:
    """Read every picture once, JPEGs at reduced scale, on all cores.

    Args:
        records: The pictures.
        live: Told how far it is.
        store: Where thumbnails are kept from run to run, or None.
    """
    traces: list[Trace] = []
    # Threads, not processes: Pillow decodes without the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for trace in pool.map(partial(_trace, store=store), records):
                traces.append(trace)
                live(f"comparing pictures: {len(traces)}/{len(records)} read")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return traces


def fill_records(records: Sequence[Record], traces: Sequence[Trace]) -> list[Record]:
    """Return the records with time and camera where they had none: by EXIF, else by the name."""
    cameras = cameras_of([record.name for record in records])
    return [
        replace(
            record,
            captured_at=record.captured_at or trace.captured_at or time_of(record.name),
            camera=record.camera or trace.camera or camera,
        )
        for record, trace, camera in zip(records, traces, cameras, strict=True)
    ]


def _trace(record: Record, store: PictureStore | None) -> Trace:
    try:
        data = read_file(record.path)
        captured_at, camera = exif_of(data)
        return Trace(_thumbnail(record, data, store), captured_at, camera)
    except ImageError as error:
        return Trace(None, error=f"{error.code}: {error}")


def _thumbnail(record: Record, data: bytes, store: PictureStore | None) -> NDArray[np.uint8]:
    """Return the thumbnail, decoded only if it isn't kept."""
    if store is None:
        return thumbnail(data)
    digest = store.digest(record.path) or store.remember(record.path, data)
    key = entry_key(digest, thumbnail=SIDE)
    kept = store.get(key)
    if kept is None:
        kept = thumbnail(data)
        store.put(key, kept)
    return kept


def exif_of(data: bytes) -> tuple[str, str]:
    """Return when a picture was taken (ISO 8601, or empty) and the camera's maker and model (or empty).

    Raises:
        ImageError: If the picture's header can't be read.
    """
    with open_header(data) as image:
        try:
            exif = image.getexif()
            details = exif.get_ifd(_DETAILS)
            names = [_text(exif.get(tag)) for tag in (_MAKE, _MODEL)]
            times = [_text(details.get(tag)) for tag in _TAKEN]
        except (OSError, ValueError, SyntaxError, TypeError, LookupError, OverflowError, struct.error):
            return "", ""  # a broken EXIF block doesn't spoil the pixels
    make, model = names
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return next((time for time in map(_moment, times) if time), ""), camera


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return " ".join(text.partition("\0")[0].split()) if isinstance(text, str) else ""


def _moment(text: str) -> str:
    """Read EXIF's ``YYYY:MM:DD HH:MM:SS``; what makes no sense is empty."""
    try:
        moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - as the camera's clock showed
    except ValueError:
        return ""
    return moment.isoformat() if moment.year >= _FIRST_YEAR else ""
