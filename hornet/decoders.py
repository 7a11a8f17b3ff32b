"""Which decoder reads which bytes, and how every kind of picture becomes upright 8-bit RGB.

The formats' quirks live here; the rule that makes the network's input of a picture is in
:mod:`hornet.images`.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from typing import Final

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from hornet.errors import ImageTooLarge, ImageUnreadable, ImageUnsupported

# Decoders are chosen by these first bytes, never by name, and no others are ever tried: each one
# more is attack surface. The bytes: W3C PNG 5.2, RFC 9649, TIFF 6.0 and BigTIFF, GIF89a, JFIF.
_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)
# Brands of ISO base media files (ISO/IEC 23008-12, AV1 image format 1.1).
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_HEIF_BRANDS: Final = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"))

# warnings.catch_warnings swaps interpreter-wide state, and pictures are opened from many threads.
_OPENING = threading.Lock()

#: What Pillow's parsers and codecs let through for damaged pictures.
DAMAGE: Final = (
    OSError,
    ValueError,
    SyntaxError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
)

_ORIENTATION_TAG: Final = 0x0112
_LAST_ORIENTATION: Final = 8
#: From this EXIF orientation on the stored picture lies on its side.
FIRST_SIDEWAYS: Final = 5
# EXIF 2.32, tag 274: what undoes orientation 2, 3, ... 8.
_TURNS: Final = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)


def open_header(data: bytes) -> ImageFile.ImageFile:
    """Read the header only, with the one decoder that the first bytes name."""
    kind = _sniff(data)
    if kind == "HEIF":
        _register_heif()
    try:
        with _OPENING, warnings.catch_warnings():
            # Pillow warns from 89 megapixels on; our own limit is checked right after.
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{one_line(error)}; make it smaller") from None
    except KeyError:
        raise ImageUnsupported(f"this build of Pillow has no {kind} decoder; save as JPEG or PNG") from None
    except UnidentifiedImageError:
        raise ImageUnreadable(f"damaged: starts like {kind}, but its header can't be read") from None
    except DAMAGE as error:
        raise ImageUnreadable(f"damaged: {one_line(error)}") from None


def _sniff(data: bytes) -> str:
    """Return Pillow's name of the format that the first bytes announce."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        # Major brand, then (after a version) the compatible ones.
        length = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, length, 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    raise ImageUnreadable("not a picture, or of a kind that is not read here")


def _register_heif() -> None:
    """Teach Pillow HEIC, when a picture needs it and the extra is there."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ImageUnsupported(
            "HEIC pictures need one more package. Run: pip install 'hornet-detector[heic]' "
            "(in a checkout: pip install -e '.[heic]')"
        ) from None
    register_heif_opener()


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8 (from 5 on the picture lies on its side); 1 where there is none or it can't be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, ValueError, SyntaxError, TypeError, LookupError, OverflowError, struct.error):
        return 1  # a broken EXIF block doesn't spoil the pixels
    return value if isinstance(value, int) and 1 <= value <= _LAST_ORIENTATION else 1


def from_pillow(image: Image.Image) -> Image.Image:
    """Return a caller's Pillow image as upright RGB.

    Raises:
        ImageUnreadable: If it was opened lazily and its file turns out to be damaged.
        ImageUnsupported: If its mode has no known range.
    """
    try:
        return to_rgb(upright(image))
    except (OSError, SyntaxError, IndexError) as error:
        raise ImageUnreadable(f"damaged or truncated: {one_line(error)}") from None


def upright(image: Image.Image, orientation: int | None = None) -> Image.Image:
    """Turn a picture as EXIF says; ``orientation`` (1 to 8) is read from it where not given."""
    if orientation is None:
        image.load()  # Pillow turns TIFFs itself while loading, and then reports no orientation
        orientation = orientation_of(image)
    return image if orientation == 1 else image.transpose(_TURNS[orientation - 2])


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to 8-bit RGB.

    Transparent places show white. 16-bit grey is divided by 257; 32-bit integers are taken for
    16-bit ones, as scientific TIFFs and old PNG readers store them.

    Raises:
        ImageUnsupported: If the mode has no known range, as floating point.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ImageUnsupported("floating-point pixels have no agreed range; save as 8- or 16-bit")
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        return Image.fromarray((grey // 257).astype(np.uint8), mode="L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    try:
        return image.convert("RGB")
    except ValueError:  # LAB, for one
        raise ImageUnsupported(f"colour mode {image.mode} can't be turned into RGB; save as RGB") from None


def one_line(error: BaseException) -> str:
    """Return an error's text on one line, or its name if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
