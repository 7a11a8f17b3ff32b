"""Pictures for training: order, balance, the cache and the loader."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import Record, load_dataset
from hornet.dataset.drawings import draw, write_dataset
from hornet.dataset.store import PictureStore
from hornet.images import PixelRule, pixels
from hornet.training.augmentation import Augmentation
from hornet.training.data import (
    EpochBatches,
    PixelCache,
    TrainingPictures,
    default_workers,
    draw_probabilities,
    epoch_order,
    training_loader,
)
from hornet.training.decoded import Decoder

RULE = PixelRule(size=(32, 40))


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Return eight drawn pictures."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, 4, size=(80, 60))
    return load_dataset(folder).records


def _quiet(_):
    """Hear nothing."""


def _cells(*sizes):
    """Return records of (label, source, count)."""
    return [
        Record(f"{label}/{source}/{i}", Path("x"), label, source=source)
        for label, source, count in sizes
        for i in range(count)
    ]


def test_the_cache_holds_what_prediction_sees(records, tmp_path):
    """Every place is hornet.images.pixels of its file."""
    cache = PixelCache(tmp_path / "pixels.npy", len(records), RULE.size)

    assert [] == cache.fill(records, RULE, live=_quiet)
    assert all(
        np.array_equal(pixels(record.path.read_bytes(), RULE), cache.array[i])
        for i, record in enumerate(records)
    )


def test_pictures_that_cannot_be_read_are_listed_with_the_reason(records, tmp_path):
    """A damaged and a missing file are found; the others are cached all the same."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(records[0].path.read_bytes()[:400])
    mixed = [Record("b.jpg", broken, 0), records[1], Record("gone.jpg", tmp_path / "gone.jpg", 1)]
    cache = PixelCache(tmp_path / "pixels.npy", 3, RULE.size)

    problems = cache.fill(mixed, RULE, live=_quiet)

    assert [("b.jpg", "unreadable"), ("gone.jpg", "missing")] == [
        (p.name, p.reason.split(":")[0]) for p in problems
    ]
    assert np.array_equal(pixels(records[1].path.read_bytes(), RULE), cache.array[1])


def test_an_epoch_shows_each_picture_once_in_an_order_of_its_own():
    """Without balance, epochs are permutations that depend on seed and epoch."""
    orders = [epoch_order(50, seed, epoch, None) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]

    assert all(list(range(50)) == sorted(order.tolist()) for order in orders)
    assert 3 == len({tuple(order.tolist()) for order in orders})
    assert np.array_equal(orders[1], epoch_order(50, 0, 1, None))


def test_batches_are_full_and_carry_the_epoch():
    """The remainder is left out, so that no step has one picture alone."""
    batches = EpochBatches(10, 4, seed=0, draw=None)
    batches.epoch = 3
    seen = list(batches)

    assert (2, [4, 4], {3}) == (len(batches), [len(b) for b in seen], {epoch for b in seen for epoch, _ in b})
    assert 1 == len(EpochBatches(3, 4, seed=0, draw=None))


def test_balance_by_class_draws_both_equally_often():
    """Ten times as many absences are drawn as often as the presences."""
    records = _cells((1, "a", 20), (0, "a", 200))
    draw = draw_probabilities(records, "class")
    drawn = np.concatenate([epoch_order(len(records), 0, epoch, draw) for epoch in range(20)])

    assert draw_probabilities(records, "none") is None
    assert 0.5 == pytest.approx(np.mean(drawn < 20), abs=0.03)


def test_balance_by_source_weighs_sources_by_the_root_of_their_size():
    """Within a class, 400 and 100 pictures are drawn 2 to 1; classes still equally."""
    records = _cells((0, "big", 400), (0, "small", 100), (1, "big", 50))
    draw = draw_probabilities(records, "source-class")
    shares: Counter[tuple[int, str]] = Counter()
    assert draw is not None
    for record, chance in zip(records, draw, strict=True):
        shares[record.label, record.source] += chance

    assert {(0, "big"): 1 / 3, (0, "small"): 1 / 6, (1, "big"): 1 / 2} == pytest.approx(shares)


@pytest.mark.parametrize("preset", ["flip", "standard"])
def test_worker_processes_change_no_picture(records, tmp_path, preset):
    """The loader gives the same bytes with none and with two workers, in every epoch."""
    cache = PixelCache(tmp_path / "pixels.npy", len(records), RULE.size)
    cache.fill(records, RULE, live=_quiet)
    pictures = TrainingPictures(
        records, Augmentation(preset, 3, RULE), (cache.file, np.arange(len(records), dtype=np.int64))
    )

    def epochs(workers):
        batches = EpochBatches(len(records), 3, seed=1, draw=None)
        loader = training_loader(pictures, batches, workers=workers)
        assert workers == loader.num_workers
        seen = []
        for epoch in (0, 1):
            batches.epoch = epoch
            seen += [(p.numpy().tobytes(), y.tolist(), i.tolist()) for p, y, i in loader]
        return seen

    alone = epochs(0)

    assert alone == epochs(2)
    assert 4 == len({picture for picture, _, _ in alone})


def test_labels_go_with_their_pictures(records, tmp_path):
    """Index and label of a batch are those of the record."""
    cache = PixelCache(tmp_path / "pixels.npy", len(records), RULE.size)
    pictures = TrainingPictures(
        records, Augmentation("flip-crop", 3, RULE), (cache.file, np.arange(len(records)))
    )
    batches = EpochBatches(len(records), 4, seed=1, draw=None)

    for _, labels, indices in training_loader(pictures, batches, workers=0):
        assert [records[i].label for i in indices.tolist()] == labels.tolist()


def test_the_data_set_survives_being_sent_to_a_worker(records, tmp_path):
    """Pickled before or after use, it gives the same picture."""
    cache = PixelCache(tmp_path / "pixels.npy", len(records), RULE.size)
    pictures = TrainingPictures(records, Augmentation("strong", 3, RULE), (cache.file, np.arange(8)))
    first = pictures[2, 5][0]
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(pictures))))

    assert (8, True) == (len(again), np.array_equal(first, again[2, 5][0]))


def test_there_are_never_more_workers_than_cores(monkeypatch):
    """Half the cores beside a CPU that trains; at most 4, or 8 for a card."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    few = (default_workers("cpu"), default_workers("cuda"))
    monkeypatch.setattr("os.cpu_count", lambda: 64)

    assert ((1, 2), (4, 8)) == (few, (default_workers("cpu"), default_workers("cuda")))


def test_kept_pictures_change_nothing_but_the_decoding(records, tmp_path, monkeypatch):
    """Filled from the store, and with crops cut from it, cache and loader give the same bytes, undecoded."""
    augmentation = Augmentation("standard", 3, RULE)
    places = np.arange(len(records), dtype=np.int64)

    def everything(name, decoder):
        cache = PixelCache(tmp_path / name, len(records), RULE.size)
        assert [] == cache.fill(records, RULE, live=_quiet, decoder=decoder)
        pictures = TrainingPictures(
            records, augmentation, (cache.file, places), None if decoder is None else (decoder, cache.digests)
        )
        seen = [pictures[epoch, i][0].tobytes() for epoch in range(3) for i in range(len(records))]
        return cache.found, np.array(cache.array), seen

    def kept():
        return Decoder(RULE, finest=augmentation.finest, store=PictureStore(tmp_path / "store"))

    alone, first = everything("alone.npy", None), everything("first.npy", kept())
    monkeypatch.setattr("hornet.training.decoded.decode", None)
    monkeypatch.setattr("hornet.training.decoded.pixels", None)
    second = everything("second.npy", pickle.loads(pickle.dumps(kept())))

    assert (0, 0, len(records)) == (alone[0], first[0], second[0])
    assert np.array_equal(alone[1], first[1])
    assert np.array_equal(alone[1], second[1])
    assert alone[2] == first[2] == second[2]


def test_a_picture_too_large_to_keep_is_decoded_each_time(tmp_path, monkeypatch):
    """Only the whole at the network's size is kept of it."""
    monkeypatch.setattr("hornet.training.decoded.LARGEST", 1000)
    file = tmp_path / "a.png"
    draw("present", seed=1, size=(80, 60)).save(file)
    store = PictureStore(tmp_path / "store")
    decoder = Decoder(RULE, finest=(0.0, 0.0, 0.5, 0.5), store=store)
    record = Record("a.png", file, 1)

    _, digest, _ = decoder.whole(record, crops=True)

    assert 1 == store.usage()[0]
    assert (80, 60) == decoder.for_crops(record, digest).size


def test_masks_and_rule_are_part_of_what_is_kept(records, tmp_path):
    """A picture under another rule or mask is another entry; a copy of the file under another name isn't."""
    store = PictureStore(tmp_path / "store")
    record = records[0]
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(record.path.read_bytes())
    found = []
    for rule, masks, path in [
        (RULE, (), record.path),
        (RULE, (), copy),
        (RULE, ((0.0, 0.0, 0.5, 0.5),), copy),
        (PixelRule(size=RULE.size, masks=((0.0, 0.0, 0.5, 0.5),)), (), copy),
        (PixelRule(size=RULE.size, resize="pad"), (), copy),
    ]:
        picture, _, was_there = Decoder(rule, store=store).whole(
            Record("x", path, 1, masks=masks), crops=False
        )
        assert np.array_equal(pixels(path.read_bytes(), rule, masks=masks), picture)
        found.append(was_there)

    assert [False, True, False, False, False] == found
