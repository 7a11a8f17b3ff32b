"""Request bodies: read as they come, counted before they are kept, never on disk."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hornet.serving.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from fastapi import Request
    from python_multipart.multipart import MultipartCallbacks

    from hornet.serving.settings import ServeSettings

# It tells of every odd body at warning level; the answer tells the client.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_FIELD: Final = "files"
_LONGEST_NAME: Final = 255
_MAX_HEADERS: Final = 8
_MAX_HEADER_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """One encoded picture of a request.

    Attributes:
        name: What the client called it; only ever repeated, never used.
        data: The bytes; None if there were more than allowed.
    """

    name: str
    data: bytes | None


class Held:
    """Counts the bytes of all bodies in memory, so that many large ones can't fill it.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0

    @asynccontextmanager
    async def account(self) -> AsyncIterator[Account]:
        """Count what is kept inside the block; all of it is let go at its end."""
        account = Account(self)
        try:
            yield account
        finally:
            self.bytes -= account.bytes

    def take(self, count: int) -> None:
        """Count more bytes; raises an ``overloaded`` Problem when there are too many."""
        if self.bytes + count > self._most:
            raise Problem(
                "overloaded",
                "too many large requests at once; come back later",
                headers={"Retry-After": "2"},
            )
        self.bytes += count


class Account:
    """What one request keeps."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def take(self, count: int) -> None:
        """Count more bytes; raises an ``overloaded`` Problem when there are too many."""
        self._held.take(count)
        self.bytes += count


def check_headers(request: Request, settings: ServeSettings) -> str:
    """Refuse what the headers alone condemn, before a byte of the body is read.

    Returns:
        The content type without parameters, lower case.

    Raises:
        Problem: ``too_large`` or ``unsupported_media_type``.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise Problem("unsupported_media_type", "send the body without Content-Encoding")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > settings.max_body_bytes:
        raise _body_too_large(settings)
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def chunks(request: Request, settings: ServeSettings) -> AsyncIterator[bytes]:
    """Yield a body as it comes.

    Raises:
        Problem: ``too_large`` as soon as there are too many bytes; ``slow`` if it pauses or lasts too long.
        ClientDisconnect: If the sender left.
    """
    total = 0
    stream = request.stream()
    loop = asyncio.get_running_loop()
    end = loop.time() + settings.body_seconds
    while True:
        left = min(settings.idle_seconds, end - loop.time())
        try:
            async with asyncio.timeout(max(left, 0)):
                chunk = await anext(stream, None)
        except TimeoutError:
            # The connection is of no further use: the rest of the body may come at any time.
            raise Problem(
                "slow", "the body didn't arrive in time; send it again", headers={"Connection": "close"}
            ) from None
        if chunk is None:
            return
        total += len(chunk)
        if total > settings.max_body_bytes:
            raise _body_too_large(settings)
        if chunk:
            yield chunk


def _body_too_large(settings: ServeSettings) -> Problem:
    return Problem(
        "too_large",
        f"the body is larger than {settings.max_body_bytes:,} bytes; send fewer or smaller pictures",
    )


async def read_raw(
    request: Request, settings: ServeSettings, account: Account, *, most: int | None = None
) -> bytes:
    """Read a whole body.

    Args:
        request: Not read yet.
        settings: Limits.
        account: Counts it.
        most: A smaller limit than the settings', bytes.

    Raises:
        Problem: As :func:`chunks`, and ``overloaded``.
    """
    body = bytearray()
    async for chunk in chunks(request, settings):
        if most is not None and len(body) + len(chunk) > most:
            raise Problem("too_large", f"larger than {most:,} bytes; make it smaller")
        account.take(len(chunk))
        body += chunk
    return bytes(body)


async def read_parts(request: Request, settings: ServeSettings, account: Account) -> list[Part]:
    """Read the pictures of a multipart form.

    A picture with too many bytes is dropped while it comes; the others stay.

    Raises:
        Problem: As :func:`chunks`, ``overloaded``, ``too_large`` for too many parts, and ``invalid`` for what
            is no such form.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    form = _Form(settings, account)
    try:
        parser = MultipartParser(
            boundary,
            form.callbacks(),
            max_header_count=_MAX_HEADERS,
            max_header_size=_MAX_HEADER_BYTES,
        )
        if not boundary:
            raise FormParserError("no boundary")  # noqa: TRY301 - the same answer as for a bad one
        async for chunk in chunks(request, settings):
            parser.write(chunk)
    except FormParserError:
        raise Problem("invalid", "the body is no multipart form as its Content-Type announces") from None
    if not form.ended:
        raise Problem("invalid", "the multipart form is cut off; send it again")
    if not form.parts:
        raise Problem("invalid", f"no picture: send one or more in the field {_FIELD!r}")
    return form.parts


class _Form:
    """Collects what the parser finds."""

    def __init__(self, settings: ServeSettings, account: Account) -> None:
        self._settings = settings
        self._account = account
        self.parts: list[Part] = []
        self.ended = False
        self._name = ""
        self._field = bytearray()
        self._value = bytearray()
        self._disposition: str | None = None
        self._body: bytearray | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self.parts) >= self._settings.max_pictures:
            raise Problem("too_large", f"more than {self._settings.max_pictures} pictures in one request")
        self._disposition = None
        self._body = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value.decode("utf-8", "replace")
        self._field.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header((self._disposition or "").encode("utf-8").decode("latin-1"))
        if options.get(b"name", b"").decode("utf-8", "replace") != _FIELD:
            raise Problem("invalid", f"an unknown field: send pictures in the field {_FIELD!r}")
        self._name = printable(options.get(b"filename", b"").decode("utf-8", "replace"))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._body is None:
            return
        if len(self._body) + end - start > self._settings.max_picture_bytes:
            self._body = None
            return
        self._account.take(end - start)
        self._body += data[start:end]

    def _part_end(self) -> None:
        self.parts.append(Part(self._name, None if self._body is None else bytes(self._body)))
        self._body = None

    def _end(self) -> None:
        self.ended = True


def printable(text: str) -> str:
    """Return a client's text fit to be repeated: no control characters, not longer than a file name."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:_LONGEST_NAME])


def total_bytes(parts: Iterable[Part]) -> int:
    """Return how many bytes some parts have together."""
    return sum(len(part.data or b"") for part in parts)
