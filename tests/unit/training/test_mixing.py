"""Mixed pictures: what is in them, what their labels say, and that nothing but (seed, epoch, index) decides."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from hornet.dataset import Record
from hornet.errors import ConfigError
from hornet.images import pixels
from hornet.training.augmentation import Augmentation
from hornet.training.config import TrainConfig, build_config
from hornet.training.data import EpochBatches, PixelCache, TrainingPictures, training_loader
from hornet.training.losses import SoftCrossEntropy
from hornet.training.mixing import MixedPictures, cutmix, describe_mixing, grid, mix, mixup

SIZE = (48, 64)
#: Presence is red and absence blue; how bright says which.
_SHADES = (60, 90, 120, 150, 180, 210)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a function that gives pictures of one colour, two present and four absent, unmixed."""
    folder = tmp_path_factory.mktemp("plain")
    records = []
    for i, shade in enumerate(_SHADES):
        present = i < 2
        path = folder / f"{i}.png"
        Image.new("RGB", (100, 80), (shade, 0, 0) if present else (0, 0, shade)).save(path)
        records.append(Record(path=path, name=path.name, label=int(present)))
    rule = TrainConfig(data=folder, size=SIZE).pixel_rule

    def make(augment="none", masks=()):
        chosen = [replace(record, masks=masks) for record in records]
        cache = PixelCache(folder / f"cache{len(masks)}.npy", len(records), SIZE)
        assert [] == cache.fill(chosen, rule, live=lambda _: None)
        return TrainingPictures(chosen, Augmentation(augment, 0, rule), (cache.file, np.arange(len(records))))

    return make


def _config(tmp_path, **given):
    return TrainConfig(data=tmp_path, size=SIZE, **given)


def test_without_mixing_pictures_stay_as_they_were(plain, tmp_path):
    """The very same object, whose labels are classes."""
    pictures = plain()

    assert pictures is mix(pictures, _config(tmp_path), None)
    assert isinstance(mix(plain(), _config(tmp_path, mixup=0.1), None), MixedPictures)
    assert "" == describe_mixing(_config(tmp_path))


@pytest.mark.parametrize("way", ["mixup", "cutmix", "mosaic"])
def test_mixing_is_as_frequent_as_asked_for(plain, tmp_path, way):
    """Half of the pictures hold more than one colour, or a blend; the others are whole."""
    pictures = MixedPictures(plain(), _config(tmp_path, **{way: 0.5}), None)
    changed = [
        not np.array_equal(pictures[epoch, i][0], pictures.base[epoch, i][0])
        for epoch in range(60)
        for i in range(6)
    ]

    # A partner may be the picture itself, a rectangle empty, and a share of a blend nearly 1.
    assert 0.2 < np.mean(changed) < 0.55
    assert f", {way} 0.5" == describe_mixing(_config(tmp_path, **{way: 0.5}))


def test_blended_labels_are_the_pictures_shares(plain, tmp_path):
    """The redness of a mixup or a cutmix of plain colours says how much of it is present."""
    for way in ("mixup", "cutmix"):
        pictures = MixedPictures(plain(), _config(tmp_path, **{way: 1.0}), None)
        shares = []
        for key in [(epoch, i) for epoch in range(20) for i in range(6)]:
            picture, label, index = pictures[key]
            mean = picture.reshape(-1, 3).mean(axis=0)
            assert (key[1], np.dtype(np.float32)) == (index, label.dtype)
            assert 1 == pytest.approx(label.sum())
            if index < 2 and mean[2] > 1:  # a presence with an absence in it
                assert mean[0] / _SHADES[index] == pytest.approx(label[1], abs=0.02)
                shares.append(label[1])
        assert len(set(np.round(shares, 2))) > 5, way


def test_a_mosaic_holds_the_picture_and_is_present_if_any_tile_is(plain, tmp_path):
    """Colours that are in the frame say which pictures are; the label is their OR."""
    pictures = MixedPictures(plain(), _config(tmp_path, mosaic=1.0), None)
    seen: Counter[int] = Counter()
    for epoch in range(30):
        for i in range(6):
            frame, label, _ = pictures[epoch, i]
            colours = {tuple(int(v) for v in colour) for colour in frame.reshape(-1, 3)}
            own = (_SHADES[i], 0, 0) if i < 2 else (0, 0, _SHADES[i])

            assert own in colours
            assert float(any(red for red, _, _ in colours)) == label[1]
            assert label[1] == float(i < 2)  # absent pictures meet only absent ones
            seen[len(colours)] += 1
    assert max(seen) >= 4


def test_the_share_of_present_mosaics_is_that_of_pictures(plain, tmp_path):
    """Tiles drawn at will would make 1 - (2/3)^4 and more of them present: 80 % and above, not a third."""
    pictures = MixedPictures(plain(), _config(tmp_path, mosaic=1.0), None)
    labels = [pictures[epoch, i][1][1] for epoch in range(10) for i in range(6)]

    assert 1 / 3 == pytest.approx(np.mean(labels))


def test_tiles_are_masked_as_their_pictures_are_and_resized_as_all_pictures_are(plain, tmp_path):
    """The mask of a single picture is filled in its tile; a tile differs little from one out of the file."""
    masked = MixedPictures(plain(masks=((0.0, 0.0, 1.0, 0.5),)), _config(tmp_path, mosaic=1.0), None)
    frame = masked[0, 0][0]
    fill = np.all(frame == masked.base.augmentation.rule.fill, axis=2).mean()

    assert 0.4 < fill < 0.6
    record = masked.base.records[3]
    rule = replace(masked.base.augmentation.rule, size=(20, 30))
    expected = pixels(record.path.read_bytes(), rule, masks=record.masks)
    assert np.abs(expected.astype(int) - masked._tile(3, (20, 30))).mean() < 5


def test_grids_cover_the_frame_with_tiles_of_many_sizes():
    """Every pixel is in one tile; there are 4 or 9, and the largest is several times the smallest."""
    counts, areas = set(), []
    for seed in range(50):
        cover = np.zeros(SIZE, int)
        tiles = grid(SIZE, np.random.default_rng(seed))
        for top, left, bottom, right in tiles:
            cover[top:bottom, left:right] += 1
            areas.append((bottom - top) * (right - left))
        assert (cover == 1).all()
        counts.add(len(tiles))

    assert {4, 9} == counts
    assert max(areas) > 8 * min(areas)


def test_partners_are_drawn_as_often_as_pictures_are(plain, tmp_path):
    """With balanced classes, a picture that is never drawn is no partner either."""
    only_first = np.array([0.5, 0, 0.5, 0, 0, 0])
    pictures = MixedPictures(plain(), _config(tmp_path, mosaic=1.0), only_first)
    colours = {
        tuple(int(v) for v in colour)
        for epoch in range(20)
        for colour in pictures[epoch, 0][0].reshape(-1, 3)
    }

    assert {(_SHADES[0], 0, 0), (0, 0, _SHADES[2])} == colours


def test_workers_and_order_change_no_mixed_picture(plain, tmp_path):
    """The same bytes and labels in this process, in another, and asked for backwards."""
    config = _config(tmp_path, mosaic=0.4, mixup=0.3, cutmix=0.3)
    batches = EpochBatches(6, 3, 0, None)
    batches.epoch = 4
    ways = [
        list(training_loader(MixedPictures(plain("standard"), config, None), batches, workers=workers))
        for workers in (0, 1)
    ]
    again = MixedPictures(plain("standard"), config, None)

    for here, there in zip(*ways, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
        assert (torch.float32, (3, 2)) == (here[1].dtype, here[1].shape)
        for at in reversed(range(3)):
            picture, label, _ = again[4, int(here[2][at])]
            assert np.array_equal(picture, here[0][at].numpy())
            assert np.array_equal(label, here[1][at].numpy())
    assert not np.array_equal(again[4, 0][0], again[5, 0][0])


def test_the_shares_that_mixup_and_cutmix_return_are_those_of_their_papers():
    """Beta(0.2, 0.2) has mean 1/2 and variance 1/4 / 1.4; a rectangle's area is uniform before it is clipped."""
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    generator = np.random.default_rng(0)
    shares = [mixup(black, white, generator)[1] for _ in range(4000)]
    for _ in range(50):
        mixed, share = cutmix(black, white, generator)
        assert share == pytest.approx((mixed[..., 0] == 0).mean())
    assert [0.5, 0.25 / 1.4] == pytest.approx([np.mean(shares), np.var(shares)], abs=0.03)


@pytest.mark.parametrize("weights", [None, [0.5, 3.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_sure_probability_costs_what_the_class_costs(weights, smoothing):
    """Also with class weights and smoothing; classes cost what torch says, to the bit."""
    weight = None if weights is None else torch.tensor(weights)
    loss = SoftCrossEntropy(weight=weight, label_smoothing=smoothing)
    logits, labels = torch.randn(8, 2, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3 % 2
    soft = torch.nn.functional.one_hot(labels, 2).float()
    hard = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)(logits, labels)

    assert torch.equal(hard, loss(logits, labels))
    assert hard.item() == pytest.approx(loss(logits, soft).item(), rel=1e-6)
    assert loss.divisor(labels) == pytest.approx(loss.divisor(soft))


def test_more_than_everything_cannot_be_mixed(tmp_path):
    """At most one way is applied to a picture."""
    with pytest.raises(ConfigError, match="together at most 1"):
        build_config({"data": tmp_path, "mixup": 0.6, "mosaic": 0.5})
