"""What the probes take of each picture: numbers in which no insect should be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.decoders import open_header
from hornet.images import PixelRule, decode, preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.evaluation.audit.looks import Shot

#: Height and width of a corner, px of the picture as it is stored: a clock's digits are lost in a smaller copy.
CORNER: Final = (48, 240)
_STROKE: Final = 24  # levels by which a stroke stands out
_BLOCKS: Final = (2, 4)  # of a corner, whose mean colours are taken
_SCALES: Final = 3
_EDGE: Final = 0.06  # of the shorter side: the border
_SOFTWARE, _ORIENTATION, _MAKE = 0x0131, 0x0112, 0x010F  # EXIF 2.32


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of one picture.

    Attributes:
        header: Width, height, format, mean of the JPEG quantisation tables, chroma sampling, EXIF there or not, and
            its orientation and software; float32 (8,).
        colour: Quartiles of the colours of the whole picture, float32 (18,).
        border: Means and spreads of the colours along the four sides of its border, float32 (48,).
        blur: How sharp it is at several scales, float32 (9,).
        small: The picture in grey and very small, float32 (256,).
        corners: Bits of bright and of dark strokes, uint8 (4, 2, 1440), and mean colours of blocks, float32 (4, 24).
    """

    header: NDArray[np.float32]
    colour: NDArray[np.float32]
    border: NDArray[np.float32]
    blur: NDArray[np.float32]
    small: NDArray[np.float32]
    corners: tuple[NDArray[np.uint8], NDArray[np.float32]]


def grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) in grey (ITU-R BT.601), (H, W)."""
    return np.asarray(Image.fromarray(picture).convert("L"))


def sample(shot: Shot) -> Sample:
    """Take a picture's sample while it is looked at; masked places are seen masked."""
    view = shot.view
    tiny = preprocess(Image.fromarray(view), PixelRule((16, 16)))
    return Sample(
        header=_header(shot),
        colour=_colours(view[::2, ::2].reshape(-1, 3)),
        border=_border(view),
        blur=_sharpness(view),
        small=grey(tiny).ravel().astype(np.float32),
        corners=_corners(shot),
    )


def _header(shot: Shot) -> NDArray[np.float32]:
    with open_header(shot.data) as image:
        tables = getattr(image, "quantization", None) or {}
        coarse = float(np.mean([np.mean(table) for table in tables.values()])) if tables else -1.0
        exif = image.getexif()
        kind = sum(map(ord, image.format or ""))
        sampling = sum(layer[1] * 10 + layer[2] for layer in getattr(image, "layer", ())[:1])
        software = exif.get(_SOFTWARE)
        facts = (len(exif) > 0, exif.get(_ORIENTATION, 0), len(str(software or "")))
    height, width = shot.size
    numbers = (width, height, kind, coarse, sampling, *facts)
    return np.array([value if isinstance(value, int | float) else -1 for value in numbers], np.float32)


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the quartiles of each channel and of its share in the brightness, (18,).

    Quartiles, not means or extremes: an insect that covers less than a quarter hardly moves them, light and ground do.
    """
    levels = pixels.astype(np.float32)
    share = levels / np.maximum(levels.sum(axis=1, keepdims=True), 1)
    quartiles = [np.quantile(each, (0.25, 0.5, 0.75), axis=0).ravel() for each in (levels, share)]
    return np.concatenate(quartiles).astype(np.float32)


def _border(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return median, mean and spread along and across of each side of the border, (48,)."""
    edge = max(1, round(_EDGE * min(view.shape[:2])))
    sides = (view[:edge], view[-edge:], view[:, :edge].swapaxes(0, 1), view[:, -edge:].swapaxes(0, 1))
    parts = []
    for side in sides:
        levels = side.astype(np.float32)
        along = levels.mean(axis=0)
        parts += [np.median(levels, axis=(0, 1)), levels.mean(axis=(0, 1))]
        parts += [along.std(axis=0), levels.std(axis=(0, 1))]
    return np.concatenate(parts).astype(np.float32)


def _sharpness(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much fine detail the duller and the middle blocks of a picture have, at 3 scales, (9,).

    An insect is in few blocks, and sharpens those; a shaken or another camera changes them all.
    """
    picture = grey(view).astype(np.float32)
    levels: list[float] = []
    for _ in range(_SCALES):
        second = np.abs(
            picture[2:, 1:-1]
            + picture[:-2, 1:-1]
            + picture[1:-1, 2:]
            + picture[1:-1, :-2]
            - 4 * picture[1:-1, 1:-1]
        )
        blocks = [
            float(block.mean()) if block.size else 0.0
            for band in np.array_split(second, 8)
            for block in np.array_split(band, 8, axis=1)
        ]
        levels += np.log(np.quantile(blocks, (0.25, 0.5)) + 0.1).tolist()
        height, width = (side // 2 for side in picture.shape)
        if min(height, width) >= 4:  # noqa: PLR2004 - too small to be halved again
            picture = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))
    falls = [levels[i] - levels[i + 2] for i in (0, 1, 2)]
    return np.array([*levels, *falls], np.float32)


def _corners(shot: Shot) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut the corners out of the picture at full size; smaller pictures give a third of their width."""
    from scipy import ndimage

    image = decode(shot.data)
    whole = np.asarray(image)
    if shot.masks:
        whole = preprocess(image, PixelRule(shot.size), masks=shot.masks)
    height, width = min(CORNER[0], max(1, shot.size[0] // 6)), min(CORNER[1], max(1, shot.size[1] // 3))
    bits = np.zeros((4, 2, (CORNER[0] * CORNER[1] + 7) // 8), np.uint8)
    means = np.zeros((4, 3 * _BLOCKS[0] * _BLOCKS[1]), np.float32)
    for number, (bottom, right) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        rows = slice(-height, None) if bottom else slice(height)
        columns = slice(-width, None) if right else slice(width)
        part = whole[rows, columns]
        levels = grey(part)
        bright = levels - ndimage.grey_opening(levels, size=(7, 7)) > _STROKE
        dark = ndimage.grey_closing(levels, size=(7, 7)) - levels > _STROKE
        for polarity, strokes in enumerate((bright, dark)):
            canvas = np.zeros(CORNER, bool)
            canvas[rows, columns] = strokes
            bits[number, polarity] = np.packbits(canvas)
        blocks = [
            block.mean(axis=(0, 1))
            for band in np.array_split(part, _BLOCKS[0])
            for block in np.array_split(band, _BLOCKS[1], axis=1)
            if block.size
        ]
        flat = np.concatenate(blocks)
        means[number, : len(flat)] = flat
    return bits, means
