"""Likeness of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import drawings
from hornet.dataset.likeness import BITS, alike, hashes, thumbnail


def _pairs(pictures, **options):
    """Return the pairs of positions that look alike."""
    thumbnails = np.stack([thumbnail(drawings.encode_jpeg(picture)) for picture in pictures])
    return {(i, int(j)) for i, others, _ in alike(thumbnails, **options) for j in others if i < j}


def _resized(image):
    return image.resize((image.width // 3, image.height // 3))


def _recompressed(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=25)
    return Image.open(buffer).convert("RGB")


def _cropped(image):
    return image.crop((3, 2, image.width - 3, image.height - 3))


@pytest.mark.parametrize("change", [_resized, _recompressed, _cropped])
@pytest.mark.parametrize("subject", ["hornet", "bee", "leaves"])
def test_changed_copies_are_alike(change, subject):
    """Resizing, strong compression and a crop of two percent leave a picture like itself."""
    image = drawings.draw(subject, seed=4)

    assert {(0, 1)} == _pairs([image, change(image)])


def test_a_turned_copy_is_alike():
    """Pictures are compared upright."""
    image = drawings.draw("wasp", seed=2)
    stored = [drawings.encode_jpeg(image, orientation=orientation) for orientation in (1, 6)]

    assert 1 == sum(1 for i, _, _ in alike(np.stack([thumbnail(data) for data in stored])) if i == 0)


def test_distinct_pictures_are_not_alike():
    """Sixty drawings, blank ones among them, are told apart."""
    pictures = [drawings.draw(subject, seed=seed) for subject in drawings.SUBJECTS for seed in range(12)]

    assert set() == _pairs(pictures)


def test_threshold_decides():
    """A crop changes some bits: it is a like, unless none may differ."""
    image = drawings.draw("hornet", seed=4)

    assert set() == _pairs([image, _cropped(image)], threshold=0)
    assert {(0, 1)} == _pairs([image, _cropped(image)], threshold=30)


def test_colour_counts():
    """Pictures without structure differ by their colour alone."""
    plain = [Image.new("RGB", (64, 48), colour) for colour in ("red", "navy", "red")]

    assert {(0, 2)} == _pairs(plain)


def test_distances_are_those_of_the_hashes():
    """Blocks and words are put together right: distances equal a count bit by bit, for more than a block."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (100, 9, 9, 3))
    noise = rng.integers(-6, 7, (3, 100, 9, 9, 3))
    thumbnails = np.clip(base + noise, 0, 255).reshape(300, 9, 9, 3).astype(np.uint8)
    bits = np.unpackbits(hashes(thumbnails).view(np.uint8), axis=1)
    found = list(alike(thumbnails))

    assert 144 == BITS
    assert 300 == len(found)
    for index, others, distances in found:
        assert {(index + 100) % 300, (index + 200) % 300} == set(others.tolist())
        assert (bits[others] != bits[index]).sum(axis=1).tolist() == distances.tolist()
