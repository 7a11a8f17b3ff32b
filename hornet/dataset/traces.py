"""What a picture tells about its origin: a thumbnail, and when and with which camera it was taken."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from hornet.captures import exif_of
from hornet.dataset.likeness import SIDE, thumbnail
from hornet.dataset.names import cameras_of, time_of
from hornet.dataset.store import entry_key
from hornet.errors import ImageError
from hornet.images import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.dataset.store import PictureStore


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
