"""Drawings are seeded, differ between classes, and look like photographs to a reader of files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hornet.dataset import drawings
from hornet.errors import DatasetError


def orange_share(image: Image.Image) -> float:
    """Share of pixels that have the colour of the hornet's fourth segment."""
    hue, saturation, value = np.moveaxis(np.asarray(image.convert("HSV"), int), -1, 0)
    return float(((hue > 12) & (hue < 24) & (saturation > 190) & (value > 140)).mean())


@pytest.mark.parametrize("label", ["present", "absent", *drawings.SUBJECTS])
def test_same_seed_draws_the_same_picture(label):
    """A drawing is a pure function of its arguments."""
    first = drawings.draw(label, seed=7, size=(80, 60))

    assert (80, 60) == first.size
    assert "RGB" == first.mode
    assert first.tobytes() == drawings.draw(label, seed=7, size=(80, 60)).tobytes()
    assert first.tobytes() != drawings.draw(label, seed=8, size=(80, 60)).tobytes()


def test_only_hornets_have_the_orange_segment():
    """What makes the present class is in every picture of it and in none of the others."""
    present = [orange_share(drawings.draw_hornet(seed=seed, size=(160, 120))) for seed in range(12)]
    absent = [
        orange_share(drawings.draw(subject, seed=seed, size=(160, 120)))
        for subject in ("bee", "leaves", "blank")
        for seed in range(6)
    ]

    assert min(present) > max(absent)


def test_unknown_subject_is_refused_with_the_choices():
    """Asking for something that can't be drawn says what can."""
    with pytest.raises(DatasetError, match=r"'cat'.*hornet, wasp, bee"):
        drawings.draw("cat", seed=0)


def test_scale_sets_the_size_of_the_insect():
    """A hornet drawn larger covers more of the picture."""
    small = drawings.draw("hornet", seed=3, size=(160, 120), scale=0.2)
    large = drawings.draw("hornet", seed=3, size=(160, 120), scale=0.8)

    assert orange_share(large) > 4 * orange_share(small)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_back(orientation):
    """A reader who obeys EXIF sees the same upright picture, whatever way it is stored."""
    image = drawings.draw("wasp", seed=1, size=(96, 64))

    with Image.open(io.BytesIO(drawings.encode_jpeg(image, quality=95, orientation=orientation))) as stored:
        tagged = bool(stored.getexif())
        upright = ImageOps.exif_transpose(stored)

    assert (orientation > 1) == tagged
    assert image.size == upright.size
    wrong_way = np.asarray(image.transpose(Image.Transpose.ROTATE_180), float)
    difference = np.abs(np.asarray(image, float) - np.asarray(upright, float)).mean()
    assert difference < 0.25 * np.abs(wrong_way - np.asarray(upright, float)).mean()


def test_dataset_has_both_classes_upright_formats_and_turned_files(tmp_path):
    """The drawn folder holds what real folders hold: other formats, other qualities, EXIF."""
    written = drawings.write_dataset(tmp_path / "set", 8, seed=1, size=(64, 48))

    assert sorted((tmp_path / "set").rglob("*.jpg")) == written
    assert {"presence": 8, "absence": 8} == {
        name: sum(path.parent.name == name for path in written) for name in ("presence", "absence")
    }
    sizes, tags = set(), set()
    for path in written:
        with Image.open(path) as image:
            sizes.add(image.size)
            tags.add(bool(image.getexif()))
    assert {(64, 48), (48, 64)} == sizes
    assert {False, True} == tags


def test_dataset_is_the_same_for_the_same_seed(tmp_path):
    """Two machines draw the same training set."""
    first = drawings.write_dataset(tmp_path / "a", 3, seed=5, size=(32, 24))
    second = drawings.write_dataset(tmp_path / "b", 3, seed=5, size=(32, 24))

    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert len({path.read_bytes() for path in first}) == len(first)
