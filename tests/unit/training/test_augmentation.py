"""Augmentation: a pure function of seed, epoch and index, that keeps to the network's size."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image

from hornet.dataset.drawings import draw, encode_jpeg
from hornet.images import WHOLE, PixelRule, decode, decoded_size, pixels
from hornet.training.augmentation import PRESETS, Augmentation, flips

RULE = PixelRule(size=(48, 64))


@pytest.fixture(scope="module")
def jpeg():
    """Return a drawn picture's bytes."""
    return encode_jpeg(draw("present", seed=3, size=(200, 150)))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_picture_depends_on_seed_epoch_and_index_alone(jpeg, preset):
    """Asked in another order, by another process's copy, a picture looks the same."""
    here = Augmentation(preset, 5, RULE)
    forward = [here(jpeg, epoch=1, index=i) for i in range(4)]
    there = pickle.loads(pickle.dumps(here))
    backward = [there(jpeg, epoch=1, index=i) for i in reversed(range(4))][::-1]

    assert [p.tobytes() for p in forward] == [p.tobytes() for p in backward]
    assert {((48, 64, 3), np.dtype(np.uint8))} == {(p.shape, p.dtype) for p in forward}


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "none"])
@pytest.mark.parametrize("other", [{"seed": 6}, {"epoch": 2}, {"index": 3}])
def test_another_seed_epoch_or_index_changes_pictures(jpeg, preset, other):
    """Each of the three has an effect on some of 16 pictures."""

    def series(seed=5, epoch=1, index=0):
        augmentation = Augmentation(preset, seed, RULE)
        return [augmentation(jpeg, epoch=epoch, index=100 * index + i).tobytes() for i in range(16)]

    assert series() != series(**other)


def test_no_augmentation_is_what_prediction_sees(jpeg):
    """The preset none gives hornet.images.pixels to the bit."""
    assert np.array_equal(pixels(jpeg, RULE), Augmentation("none", 0, RULE)(jpeg, epoch=4, index=2))


def test_flip_gives_the_picture_or_its_mirror_image_about_equally_often(jpeg):
    """The preset flip does nothing else."""
    straight = pixels(jpeg, RULE)
    seen = [Augmentation("flip", 0, RULE)(jpeg, epoch=0, index=i) for i in range(60)]
    mirrored = sum(np.array_equal(straight[:, ::-1], picture) for picture in seen)

    assert 60 == mirrored + sum(np.array_equal(straight, picture) for picture in seen)
    assert 15 < mirrored < 45


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(900, 700), (2600, 1900)])
@pytest.mark.parametrize("resize", ["stretch", "pad"])
def test_a_cached_picture_is_changed_like_the_file(preset, size, resize):
    """Whole pictures and crops are the same from what was kept as from bytes, whatever scale a JPEG is decoded at."""
    rule = PixelRule(size=(48, 64), resize=resize)
    data = encode_jpeg(draw("present", seed=3, size=size))
    augmentation = Augmentation(preset, 9, rule)
    masks = ((0.0, 0.0, 0.4, 0.1),)
    whole, decoded = pixels(data, rule, masks=masks), decode(data, rule=rule, box=augmentation.finest)
    again = Image.fromarray(np.asarray(decoded))

    assert all(
        np.array_equal(
            augmentation(data, epoch=1, index=i, masks=masks),
            augmentation.apply(lambda: whole, lambda: again, epoch=1, index=i, masks=masks),
        )
        for i in range(6)
    )
    assert (preset in {"none", "flip"}) == (WHOLE == augmentation.finest)
    assert decoded.size[0] < size[0]


def test_the_decoding_for_crops_is_as_fine_as_each_crop_asks(jpeg):
    """No crop is cut from fewer pixels than if it were decoded alone."""
    data = encode_jpeg(draw("absent", seed=1, size=(1700, 1100)))
    for resize in ("stretch", "pad"):
        rule = PixelRule(size=(96, 128), resize=resize)
        augmentation = Augmentation("strong", 0, rule)
        finest = decoded_size(data, rule, augmentation.finest)
        alone = [decoded_size(data, rule, augmentation.crop(np.random.default_rng(i))) for i in range(200)]

        assert max(alone) <= finest
        assert min(alone) < (1700, 1100)


@pytest.mark.parametrize(("preset", "least"), [("flip-crop", 0.5), ("standard", 0.5), ("strong", 0.35)])
def test_crops_keep_at_least_the_stated_share(preset, least):
    """Boxes lie inside the picture and are no smaller than stated; some are the whole."""
    augmentation = Augmentation(preset, 0, RULE)
    boxes = [augmentation.crop(np.random.default_rng(i)) for i in range(500)]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]

    assert all(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 for x0, y0, x1, y1 in boxes)
    # Where a side would be longer than the picture, cutting it costs area: at most the stretch's root.
    assert least / (4 / 3) ** 0.5 - 1e-9 <= min(areas) < 0.8 * 1.0
    assert 50 < sum(box == WHOLE for box in boxes) < 150


def test_changes_are_drawn_independently():
    """Whether a picture is mirrored says nothing about whether it is noisy."""
    grey = np.full((48, 64, 3), 90, np.uint8)
    grey[:, :32] = 160
    augmentation = Augmentation("strong", 0, RULE)
    seen = [augmentation.change(grey, np.random.default_rng(i)) for i in range(300)]
    mirrored = np.array([p[:, :16].mean() < p[:, -16:].mean() for p in seen])
    coloured = np.array([p.reshape(-1, 3).mean(0).std() > 0.5 for p in seen])

    assert 90 < mirrored.sum() < 210
    assert 0.2 > abs(np.corrcoef(mirrored, coloured)[0, 1])


def test_the_input_is_not_changed(jpeg):
    """Cached pictures stay as they are."""
    picture = pixels(jpeg, RULE)
    before = picture.copy()
    picture.setflags(write=False)

    for i in range(10):
        Augmentation("strong", 0, RULE).change(picture, np.random.default_rng(i))

    assert np.array_equal(before, picture)


def test_masks_are_filled_before_a_crop(jpeg):
    """A masked picture is the fill colour wherever it is cut."""
    picture = Augmentation("flip-crop", 0, RULE)(jpeg, epoch=0, index=1, masks=[(0, 0, 1, 1)])

    assert np.array_equal(np.broadcast_to(np.array(RULE.fill, np.uint8), (48, 64, 3)), picture)


def test_mirrored_copies_follow_seed_and_epoch():
    """Phase one's flips are drawn anew each epoch, about half and half."""
    first, again, later = flips(1, 0, 1000), flips(1, 0, 1000), flips(1, 1, 1000)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
    assert 400 < first.sum() < 600


def test_wide_pictures_are_cropped_in_their_own_shape():
    """Fractions, not pixels, decide the crop, so any size works."""
    buffer = io.BytesIO()
    Image.new("RGB", (301, 7), (200, 10, 10)).save(buffer, "PNG")

    picture = Augmentation("flip-crop", 0, RULE)(buffer.getvalue(), epoch=0, index=0)

    assert {(200, 10, 10)} == {tuple(int(c) for c in place) for place in picture.reshape(-1, 3)}
