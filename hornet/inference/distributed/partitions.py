"""The input in pieces of a fixed number of pictures: what one worker answers at a time, and one file of the output."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import ImageError, ImageMissing, ImageTooLarge, ImageUnreadable, ImageUnsupported
from hornet.inference.records import look_at
from hornet.inference.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_DIGITS: Final = 16  # of the fingerprint in a file's name
_NAME: Final = re.compile(r"part-[0-9]{6,}-[0-9a-f]{16}\.parquet")
_KINDS: Final = (ImageError, ImageMissing, ImageUnreadable, ImageTooLarge, ImageUnsupported)
_BY_CODE: Final = {kind.code: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class Partition:
    """Consecutive pictures of the input.

    Attributes:
        number: Its place among the partitions, from 0.
        rows: How many pictures it has.
        file: Name of its file. It holds the number and a fingerprint of settings, names, sizes and times:
            files of other pictures or settings have other names.
        pictures: The pictures, packed; see :func:`unpack`. A few bytes each, so that a million fit in memory.
    """

    number: int
    rows: int
    file: str
    pictures: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a worker gets it.

    Attributes:
        source: Where to read it.
        there: Whether a file of this name was there when the pictures were looked for.
    """

    source: Source
    there: bool


def cut(sources: Iterable[Source], size: int, settings: Mapping[str, Any]) -> Iterator[Partition]:
    """Cut the input into partitions, by place.

    Args:
        sources: What a scan finds.
        size: Pictures a partition; the last one may have fewer. A multiple of the batch, so that batches are
            cut at the places where one process cuts them.
        settings: What else rows depend on.
    """
    base = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode("ascii"))
    sources = iter(sources)
    for number in itertools.count():
        pictures = [_document(source) for source in itertools.islice(sources, size)]
        if not pictures:
            return
        # ASCII with escapes: names that are no text come back as they were.
        packed = json.dumps(pictures).encode("ascii")
        fingerprint = base.copy()
        fingerprint.update(packed)
        name = f"part-{number:06d}-{fingerprint.hexdigest()[:_DIGITS]}.parquet"
        yield Partition(number, len(pictures), name, zlib.compress(packed))


def unpack(pictures: bytes) -> list[Picture]:
    """Return the pictures of a partition."""
    return [
        Picture(
            Source(name, name, remote=remote, error=None if code is None else _BY_CODE[code](message)),
            there=seen is not None,
        )
        for name, remote, seen, code, message in json.loads(zlib.decompress(pictures))
    ]


def is_partition(name: str) -> bool:
    """Whether a file's name is that of a partition, of whatever run."""
    return _NAME.fullmatch(name) is not None


def _document(source: Source) -> tuple[Any, ...]:
    error = source.error
    return (
        source.name,
        source.remote,
        look_at(source),
        None if error is None else error.code,
        None if error is None else str(error),
    )
