"""Lists of paths, as programs and editors write them."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING, Final, Protocol

from hornet.errors import ImageUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

# Far above what any operating system opens, far below what would fill the memory.
_LONGEST_PATH: Final = 64 * 1024
_CHUNK: Final = 64 * 1024

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Readable(Protocol):
    """What bytes can be read from; ``read1`` is used where there is one."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""


def read_list(stream: Readable, *, null: bool = False) -> Iterator[str]:
    """Yield the paths of a list as they arrive, without waiting for its end.

    A path is everything up to the separator, blanks included; a carriage return before a newline and
    empty lines are dropped. Bytes that are no text become surrogate escapes, as everywhere in Python, and
    so open the right file. A byte order mark decides the encoding (PowerShell writes UTF-16); without one
    it is the file system's.

    Args:
        stream: Binary, read in pieces.
        null: Paths end in NUL, as ``find -print0`` writes them, and may hold newlines.

    Raises:
        ImageUnreadable: If a path is absurdly long: this is no list of paths.
    """
    separator = "\0" if null else "\n"
    pieces = _decoded(stream)
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split(separator)
        for line in lines:
            path = _path(line, null=null)
            if path:
                yield path
        if len(rest) > _LONGEST_PATH:
            raise ImageUnreadable(f"no list of paths: a line is longer than {_LONGEST_PATH:,} characters")
    path = _path(rest, null=null)
    if path:
        yield path


def _path(line: str, *, null: bool) -> str:
    return line if null else line.removesuffix("\r")


def _decoded(stream: Readable) -> Iterator[str]:
    head = b""
    # Two bytes may arrive alone from a pipe; three are needed to tell.
    while len(head) < len(codecs.BOM_UTF8):
        more = _read(stream)
        if not more:
            break
        head += more
    encoding = "utf-8" if sys.platform == "win32" else sys.getfilesystemencoding()
    for mark, name in _MARKS:
        if head.startswith(mark):
            encoding, head = name, head[len(mark) :]
            break
    # UTF-16 has no bytes to escape; what is wrong in it can only be shown as wrong.
    decoder = codecs.getincrementaldecoder(encoding)("replace" if "16" in encoding else "surrogateescape")
    yield decoder.decode(head)
    while chunk := _read(stream):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _read(stream: Readable) -> bytes:
    read1 = getattr(stream, "read1", None)
    # read1 returns what a pipe has; read would wait until the chunk is full.
    chunk: bytes = read1(_CHUNK) if read1 else stream.read(_CHUNK)
    return chunk
