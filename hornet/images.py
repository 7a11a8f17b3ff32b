"""One way for pixels: bytes -> upright RGB -> masked -> uint8 at the network's size.

Training, validation, calibration, batch prediction and the server all call :func:`pixels`, so that
they cannot disagree about orientation, masks, colour or resizing. Changing anything here changes
what every model sees; the rule itself travels in the model's contract.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from PIL import Image

from hornet.decoders import DAMAGE, FIRST_SIDEWAYS, one_line, open_header, orientation_of, to_rgb, upright
from hornet.errors import ConfigError, ImageMissing, ImageTooLarge, ImageUnreadable

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Rectangle x0, y0, x1, y1 as fractions of the upright picture, origin at the top left.
Box = tuple[float, float, float, float]
Resize = Literal["stretch", "pad"]

WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)

#: What a folder scan takes for a picture, lower case. A file named by the user is always tried.
IMAGE_EXTENSIONS: Final = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".gif",
        ".heic",
        ".heif",
        ".avif",
    )
)

# ImageNet's mean colour: what is masked or padded is neither bright nor dark to the network.
_MEAN_COLOUR: Final = (124, 116, 104)

# Bytes that a decoder gets at once: most photographs in one piece.
_DECODER_BLOCK: Final = 1 << 23


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be before it is refused undecoded.

    Attributes:
        max_bytes: Size of the encoded picture, bytes.
        max_pixels: Width times height after decoding, px. The default is what Pillow itself refuses.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 178_956_970


@dataclass(frozen=True, slots=True)
class PixelRule:
    """How a picture becomes the network's input; part of the contract.

    Attributes:
        size: Height and width of the result, px.
        resize: ``stretch`` ignores the aspect ratio; ``pad`` keeps it and fills the rest. Both keep
            the whole picture: a centre crop could cut the insect out.
        draft_margin: JPEGs are decoded at the smallest of 1/1, 1/2, 1/4, 1/8 of their size that is
            still at least this many times the result's (libjpeg's scaled inverse DCT). 0: never.
        masks: Rectangles filled in every picture before resizing.
        fill: Colour of masked and padded places: R, G, B, 0 to 255.
    """

    size: tuple[int, int]
    resize: Resize = "stretch"
    draft_margin: float = 2.0
    masks: tuple[Box, ...] = ()
    fill: tuple[int, int, int] = _MEAN_COLOUR


def read_file(path: str | os.PathLike[str], limits: Limits | None = None) -> bytes:
    """Read a picture's bytes, refusing what is too large before reading it.

    Raises:
        ImageMissing: If there is no such file.
        ImageTooLarge: If it has more bytes than allowed.
        ImageUnreadable: If it is no regular file, or the operating system won't give it.
    """
    limits = limits or Limits()
    try:
        with Path(path).open("rb") as file:
            # One byte more than allowed tells a file that grew, or a device without a size.
            data = file.read(limits.max_bytes + 1) if _small(file, limits) else None
    except FileNotFoundError:
        raise ImageMissing("no such file") from None
    except IsADirectoryError:
        raise ImageUnreadable("this is a folder, not a picture") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageUnreadable(f"can't be read: {reason}") from None
    if data is None or len(data) > limits.max_bytes:
        raise ImageTooLarge(f"larger than {limits.max_bytes:,} bytes; make it smaller")
    return data


def _small(file: io.BufferedReader, limits: Limits) -> bool:
    return os.fstat(file.fileno()).st_size <= limits.max_bytes


def decode(
    data: bytes, *, limits: Limits | None = None, rule: PixelRule | None = None, box: Box = WHOLE
) -> Image.Image:
    """Decode a picture to upright 8-bit RGB; of several frames, the first.

    Args:
        data: The encoded picture: JPEG, PNG, WebP, BMP, TIFF, GIF; AVIF where Pillow can; HEIC with
            the ``heic`` extra.
        limits: Largest picture that is decoded.
        rule: Lets a JPEG be decoded at reduced scale if what is made of it by this rule is small
            enough; None decodes at full scale.
        box: The part of the picture that the rule will be applied to.

    Returns:
        Mode ``RGB``, turned as its EXIF orientation says.

    Raises:
        ImageTooLarge: If it has more bytes or pixels than allowed.
        ImageUnsupported: If it is a picture of a kind that can't be read here.
        ImageUnreadable: If it is empty, damaged, truncated or no picture.
    """
    limits = limits or Limits()
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"{len(data):,} bytes, at most {limits.max_bytes:,} are read; make it smaller")
    if not data:
        raise ImageUnreadable("the file is empty")
    with open_header(data) as image:
        width, height = image.size
        if width * height > limits.max_pixels:
            raise ImageTooLarge(
                f"{width} x {height} pixels, at most {limits.max_pixels:,} are decoded; make it smaller"
            )
        if rule is not None and rule.draft_margin > 0 and image.format in {"JPEG", "MPO"}:
            _draft(image, rule, box)
        # All of it is in memory already: handed over in Pillow's small pieces, libjpeg would stop at each.
        image.decodermaxblock = min(len(data), _DECODER_BLOCK)
        try:
            image.load()
            # After loading: Pillow turns TIFFs itself, and then no longer reports an orientation.
            return upright(to_rgb(image), orientation_of(image))
        except MemoryError:
            raise ImageTooLarge(f"{width} x {height} pixels don't fit into memory") from None
        except (*DAMAGE, Image.DecompressionBombError) as error:
            raise ImageUnreadable(f"damaged or truncated: {one_line(error)}") from None


def _draft(image: Image.Image, rule: PixelRule, box: Box) -> None:
    """Ask libjpeg for the smallest scale that keeps ``draft_margin`` times the result's detail."""
    sideways = orientation_of(image) >= FIRST_SIDEWAYS
    width, height = image.size[::-1] if sideways else image.size
    part = ((box[3] - box[1]) * height, (box[2] - box[0]) * width)
    tall, wide = _fit(part, rule)
    # What the whole picture has to measure so that the part keeps its detail.
    keep = (
        math.ceil(rule.draft_margin * tall * height / part[0]),
        math.ceil(rule.draft_margin * wide * width / part[1]),
    )
    # Pillow takes width first, and looks at the picture as it is stored, not upright.
    image.draft(None, keep if sideways else keep[::-1])


def _fit(part: tuple[float, float], rule: PixelRule) -> tuple[int, int]:
    """Return height and width, px, of what ``part`` (height, width) becomes, without padding."""
    if rule.resize == "stretch":
        return rule.size
    scale = min(rule.size[0] / part[0], rule.size[1] / part[1])
    return (
        min(rule.size[0], max(1, round(part[0] * scale))),
        min(rule.size[1], max(1, round(part[1] * scale))),
    )


def decoded_size(data: bytes, rule: PixelRule, box: Box = WHOLE) -> tuple[int, int]:
    """Return width and height, px, that :func:`decode` gives before turning upright; reads the header only.

    Raises:
        ImageError: If the header can't be read.
    """
    with open_header(data) as image:
        if rule.draft_margin > 0 and image.format in {"JPEG", "MPO"}:
            _draft(image, rule, box)
        return image.size


def preprocess(
    image: Image.Image, rule: PixelRule, *, masks: Sequence[Box] = (), box: Box = WHOLE
) -> NDArray[np.uint8]:
    """Mask and resize one upright picture to what the network takes.

    Args:
        image: Upright RGB picture of any size, as :func:`decode` returns it; not changed.
        rule: Size, resize rule and masks of the contract.
        masks: Further rectangles, of this picture alone.
        box: The part to take, for training's random crops; everywhere else the whole picture.

    Returns:
        Array of shape (H, W, 3), channels R, G, B, range 0 to 255.

    Raises:
        ConfigError: If a rectangle isn't x0 < x1, y0 < y1 within 0 to 1.
    """
    width, height = image.size
    if rule.masks or masks:
        image = image.copy()
        for mask in (*rule.masks, *masks):
            x0, y0, x1, y1 = check_box(mask)
            # Outward, so that no row of a masked text is left.
            image.paste(
                rule.fill,
                (
                    math.floor(x0 * width),
                    math.floor(y0 * height),
                    math.ceil(x1 * width),
                    math.ceil(y1 * height),
                ),
            )
    x0, y0, x1, y1 = check_box(box)
    part = (x0 * width, y0 * height, x1 * width, y1 * height)
    tall, wide = _fit((part[3] - part[1], part[2] - part[0]), rule)
    # Bilinear in Pillow's sense: the filter widens with the reduction, so nothing aliases.
    resized = image.resize((wide, tall), Image.Resampling.BILINEAR, box=part)
    if (tall, wide) != rule.size:
        canvas = Image.new("RGB", rule.size[::-1], rule.fill)
        canvas.paste(resized, padding_offset((tall, wide), rule.size)[::-1])
        resized = canvas
    return np.asarray(resized, dtype=np.uint8)


def padding_offset(inner: tuple[int, int], outer: tuple[int, int]) -> tuple[int, int]:
    """Return top and left, px, of a picture of height and width ``inner`` centred in ``outer``."""
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2


def fitted_size(size: tuple[int, int], rule: PixelRule) -> tuple[int, int]:
    """Return height and width, px, that an upright picture of ``size`` takes inside the input."""
    return _fit(size, rule)


def check_box(box: Box) -> Box:
    """Return ``box``, or raise ConfigError unless it is a rectangle of fractions."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise ConfigError(
            f"the rectangle {x0:g} {y0:g} {x1:g} {y1:g} must be x0 y0 x1 y1, as fractions of the upright "
            "picture from 0 to 1, with x0 < x1 and y0 < y1"
        )
    return box


def pixels(
    data: bytes,
    rule: PixelRule,
    *,
    masks: Sequence[Box] = (),
    box: Box = WHOLE,
    limits: Limits | None = None,
) -> NDArray[np.uint8]:
    """Turn a picture's bytes into the network's input: the one way.

    Args:
        data: The encoded picture.
        rule: The contract's rule.
        masks: Further rectangles, of this picture alone.
        box: The part to take; anything but the whole only in training.
        limits: Largest picture that is decoded.

    Returns:
        Array of shape (H, W, 3), channels R, G, B, range 0 to 255.

    Raises:
        ImageError: If the picture can't be used; see :func:`decode`.
        ConfigError: If a rectangle makes no sense.
    """
    image = decode(data, limits=limits, rule=rule, box=check_box(box))
    return preprocess(image, rule, masks=masks, box=box)
