"""Pictures that look alike: copies that were resized, recompressed or slightly cropped, and nearly equal frames.

A difference hash of our own, and not imagehash's: that one brings SciPy and PyWavelets along for wavelets that
nobody needs here, and decodes pictures its own way. It is computed from a 9 x 9 px thumbnail that comes through
`hornet.images`, and has a bit for each pair of neighbours, across and down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hornet.images import PixelRule, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Height and width of a thumbnail, px.
SIDE = 9
_RULE = PixelRule(size=(SIDE, SIDE))
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
BITS = 2 * SIDE * (SIDE - 1)

#: Bits out of 144 that may differ; see docs/training.md for what that finds and what it mistakes.
THRESHOLD = 22
# Mean difference of the thumbnails, of 255: hashes know no colour, and nothing of pictures without structure.
_COLOUR = 12.0
_BLOCK = 256  # rows of the table of distances that are in memory at a time


def thumbnail(data: bytes) -> NDArray[np.uint8]:
    """Return a picture's thumbnail, uint8 (9, 9, 3).

    Raises:
        ImageError: If the picture can't be decoded.
    """
    return pixels(data, _RULE)


def hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the difference hash of each thumbnail (N, 9, 9, 3) as words (N, 3)."""
    grey = thumbnails.astype(np.float32) @ _GREY
    across = grey[:, :, 1:] > grey[:, :, :-1]
    down = grey[:, 1:] > grey[:, :-1]
    bits = np.concatenate([across.reshape(len(grey), -1), down.reshape(len(grey), -1)], axis=1)
    padded = np.zeros((len(grey), -(-BITS // 64) * 8), np.uint8)
    packed = np.packbits(bits, axis=1)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def alike(
    thumbnails: NDArray[np.uint8], threshold: int = THRESHOLD
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Find for each picture those that look like it.

    Compares everything with everything, a block of rows at a time: 10,000 pictures take seconds.

    Args:
        thumbnails: uint8 (N, 9, 9, 3).
        threshold: Bits of the hash that may differ.

    Yields:
        A picture's position, the positions of its likes, and their distances in bits; only for pictures that
        have any.
    """
    words = hashes(thumbnails)
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.int16)
    for start in range(0, len(words), _BLOCK):
        rows = words[start : start + _BLOCK]
        distances = np.zeros((len(rows), len(words)), np.uint8)
        for word in range(words.shape[1]):
            distances += np.bitwise_count(rows[:, word, None] ^ words[None, :, word])
        near = distances <= threshold
        near[np.arange(len(rows)), np.arange(start, start + len(rows))] = False
        for row in np.flatnonzero(near.any(axis=1)):
            others = np.flatnonzero(near[row])
            others = others[np.abs(flat[others] - flat[start + row]).mean(axis=1) <= _COLOUR]
            if len(others):
                yield int(start + row), others, distances[row, others].astype(np.int64)
