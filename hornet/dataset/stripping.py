"""Pictures without what the camera wrote about itself: no place, time, serial number, thumbnail; the same pixels.

JPEG and PNG keep their compressed pixels untouched and lose every part that isn't needed to decode them. The
orientation alone is written anew: without it the picture would lie on its side. Other kinds become PNG.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from typing import Final

import numpy as np
from PIL import Image

from hornet.decoders import open_header, orientation_of
from hornet.errors import ImageTooLarge, ImageUnsupported
from hornet.images import Limits, decode

# ITU T.81, table B.1: frames, tables (not C8, reserved), scans, restart interval, number of lines.
_JPEG_KEPT: Final = frozenset((*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD))
_SOI: Final = b"\xff\xd8"
_EOI: Final = 0xD9
_SOS: Final = 0xDA
_APP0: Final = 0xE0
_APP14: Final = 0xEE
# Inside a scan FF is followed by 00 or RST0 to RST7; what else follows it ends the scan (T.81, F.1.2.3).
_SCAN_ENDS: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
#: Says that the colours are YCbCr, as JFIF ones are; no thumbnail.
_JFIF: Final = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
#: Length of Adobe's segment, which says how colours are coded.
_ADOBE: Final = 14
# PNG, third edition, 11.2 and 11.3.1: all that pixels depend on here.
_PNG_KEPT: Final = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"


def strip(data: bytes, limits: Limits | None = None) -> tuple[bytes, str]:
    """Return a picture without metadata, and its suffix.

    Args:
        data: The encoded picture, of any kind that is read here.
        limits: Of what is read, and of what is returned.

    Returns:
        JPEG or PNG, decoded and read back: its pixels are those of ``data``; and ``.jpg`` or ``.png``.

    Raises:
        ImageError: If it can't be read, or if the same pixels can't be had without metadata.
    """
    limits = limits or Limits()
    upright = decode(data, limits=limits)
    with open_header(data) as header:
        kind, orientation = header.format, orientation_of(header)
    try:
        if kind in {"JPEG", "MPO"}:
            stripped, suffix = _jpeg(data, orientation), ".jpg"
        elif kind == "PNG":
            stripped, suffix = _png(data, orientation), ".png"
        else:
            stripped, suffix = _as_png(upright), ".png"
    except (IndexError, struct.error, ValueError):
        raise _cannot() from None
    if len(stripped) > limits.max_bytes:
        raise ImageTooLarge(f"{len(stripped):,} bytes as PNG, at most {limits.max_bytes:,} are kept")
    before = _digest(upright)
    del upright  # a picture of 50 megapixels takes 150 MB
    if _digest(decode(stripped, limits=limits)) != before:
        raise _cannot()
    return stripped, suffix


def _cannot() -> ImageUnsupported:
    return ImageUnsupported("its metadata can't be taken out without touching the pixels; save it as PNG")


def _digest(image: Image.Image) -> bytes:
    return hashlib.sha256(repr(image.size).encode() + np.ascontiguousarray(image).data).digest()


def _orientation(value: int) -> bytes:
    """Return a TIFF block with nothing but an orientation (EXIF 2.32, tag 274)."""
    return b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)


def _jpeg(data: bytes, orientation: int) -> bytes:
    """Keep the segments that pixels depend on."""
    parts = [_SOI]
    if orientation != 1:
        block = b"Exif\x00\x00" + _orientation(orientation)
        parts.append(b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block)
    at = len(_SOI)
    while at < len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        if marker == _EOI:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        content, end = data[at + 4 : at + 2 + length], at + 2 + length
        if marker == _SOS:
            found = _SCAN_ENDS.search(data, end)
            end = found.start() if found else len(data)
        if marker == _APP0 and content.startswith(b"JFIF\x00"):
            parts.insert(1, _JFIF)  # T.871, 10.1: right after SOI
        elif marker == _APP14 and content.startswith(b"Adobe"):
            parts.append(b"\xff\xee" + struct.pack(">H", _ADOBE) + content[: _ADOBE - 2])
        elif marker in _JPEG_KEPT:
            parts.append(data[at:end])
        at = end
    return b"".join((*parts, b"\xff", bytes((_EOI,))))


def _png(data: bytes, orientation: int) -> bytes:
    """Keep the chunks that pixels depend on."""
    parts = [_PNG_MAGIC]
    at = len(_PNG_MAGIC)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if name in _PNG_KEPT:
            parts.append(data[at:end])
        if name == b"IHDR" and orientation != 1:
            chunk = b"eXIf" + _orientation(orientation)
            parts.append(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        if name == b"IEND":
            break
        at = end
    return b"".join(parts)


def _as_png(upright: Image.Image) -> bytes:
    file = io.BytesIO()
    # From the pixels alone: Pillow would write again what it remembers of the file.
    Image.fromarray(np.asarray(upright)).save(file, "PNG")
    return file.getvalue()
