"""Groups that nobody gave."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache

import pytest

from hornet.dataset import SPLITS, Dataset, Record, check_splits, derive_groups, load_dataset, split_dataset
from hornet.dataset.drawings import draw, encode_jpeg


@cache
def _picture(seed):
    return draw("hornet", seed=seed, size=(96, 72))


@pytest.fixture
def make(tmp_path):
    """Return a function that draws pictures by name and returns them as a data set.

    A name's value is the drawing's seed, or that and fields of the record.
    """

    def made(names):
        records = []
        for number, (name, what) in enumerate(names.items()):
            seed, fields = what if isinstance(what, tuple) else (what, {})
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"bad" if seed is None else encode_jpeg(_picture(seed)))
            records.append(Record(name, path, number % 2, **fields))
        return Dataset(tuple(records), tmp_path)

    return made


def together(dataset):
    """Return which pictures share a group, by name."""
    sets = defaultdict(list)
    for record in dataset.records:
        sets[record.group].append(record.name)
    return sorted(members for members in sets.values() if len(members) > 1)


def test_days_join_all_cameras(make):
    """Pictures of one day are one group, whatever the camera; other days are others."""
    names = {f"2019-09-{day}-13580{i}_Left.jpg": day * 10 + i for day in range(10, 23) for i in range(2)}
    dataset, derivation = derive_groups(make(names))

    assert 13 == len(together(dataset))
    assert {f"2019-09-{day}" for day in range(10, 23)} == {record.group for record in dataset.records}
    assert {"Left"} == {record.camera for record in dataset.records}
    assert "2019-09-10T13:58:00" == dataset.records[0].captured_at
    assert ("day", (26, 13)) == (derivation.time, derivation.derived)


def test_bursts_where_there_are_few_days(make):
    """Two days wouldn't fill three splits, so bursts are kept together, and that is said; --group-by day insists."""
    names = {f"2019091{day}_{hour}000{i}.jpg": day * 100 + hour + i for day in (1, 2) for hour in range(10, 18) for i in (0, 4)}  # fmt: skip
    dataset, derivation = derive_groups(make(names))
    days, insisted = derive_groups(make(names), group_by="day")

    assert 16 == len(together(dataset))
    assert "burst" == derivation.time
    assert "bursts" in derivation.describe()[-1]
    assert (2, "day") == (len(together(days)), insisted.time)


def test_a_burst_ends_with_a_pause(make):
    """Pictures minutes apart are one burst however long it lasts; five minutes of nothing end it."""
    dataset, _ = derive_groups(
        make({f"20190911_10{minute:02}00.jpg": minute for minute in (0, 4, 8, 14)}), group_by="burst"
    )

    assert [[f"20190911_10{minute:02}00.jpg" for minute in (0, 4, 8)]] == together(dataset)
    assert "2019-09-11T10:00:00" == dataset.records[0].group


def test_names_and_looks_join(make):
    """Frames of a video, copies of an original, an observation and likes are groups, across class folders."""
    names = {
        "presence/clip_000123.jpg": 1, "absence/clip_000900.jpg": 2,
        "presence/a_jpg.rf.01ab.jpg": 3, "presence/a_jpg.rf.02cd.jpg": 4,
        "presence/obs77_1.jpg": 5, "absence/obs77_2.jpg": 6,
        "presence/p.jpg": 7, "absence/q.jpg": 7, "presence/alone.jpg": 8,
    }  # fmt: skip
    dataset, derivation = derive_groups(make(names))
    pairs = list(names)

    assert sorted(pairs[i : i + 2] for i in (0, 2, 4, 6)) == together(dataset)
    assert "presence/alone.jpg" == dataset.records[-1].group
    assert {"same video", "copies by name", "same observation", "alike"} == set(derivation.relations)
    assert ("presence/p.jpg", "absence/q.jpg") == derivation.relations["alike"].example
    assert (9, 5) == derivation.derived
    assert "groups: 9 pictures without a group -> 5 derived (--group-by auto)" == derivation.describe()[0]


def test_relations_chain(make):
    """What hangs together by different relations is one group."""
    names = {"obs77_1.jpg": 1, "obs77_2.jpg": 2, "copy.jpg": 2, "clip_1.jpg": 2, "clip_2.jpg": 3}

    assert [list(names)] == together(derive_groups(make(names))[0])


def test_a_fixed_camera_is_no_group(make):
    """Pictures of different days stay apart however alike; an undated copy joins only one of them."""
    names = {f"2019-09-{day}-120000.jpg": 1 for day in range(10, 24)}
    dataset, _ = derive_groups(make({**names, "copy.jpg": 1}))

    assert [2] == [len(members) for members in together(dataset)]


def test_sources_are_kept_apart(make):
    """The same day or number in two sources is a coincidence; the same picture is not."""
    names = {
        "20190911_100000.jpg": (1, {"source": "a"}),
        "20190911_100001.jpg": (2, {"source": "b"}),
        "p.jpg": (3, {"source": "a"}),
        "q.jpg": (3, {"source": "b"}),
    }

    assert [["p.jpg", "q.jpg"]] == together(derive_groups(make(names), group_by="day")[0])


def test_folders(make):
    """On request the folder below the class folder is the group, and the day is not."""
    names = {f"{label}/hive{hive}/20190911_10000{i}.jpg": 10 * hive + i for hive in (1, 2) for i, label in enumerate(("presence", "absence"))}  # fmt: skip
    dataset, _ = derive_groups(make(names), group_by="folder")

    assert [list(names)[:2], list(names)[2:]] == together(dataset)
    assert ["hive1", "hive1", "hive2", "hive2"] == dataset.groups()


def test_none(make):
    """On request each picture stands alone, and says so."""
    dataset, derivation = derive_groups(make({"obs1_1.jpg": 1, "obs1_2.jpg": 1}), group_by="none")

    assert ["obs1_1.jpg", "obs1_2.jpg"] == [record.group for record in dataset.records]
    assert (2, 2) == derivation.derived


def test_given_groups_stay(make):
    """A data set with groups isn't touched, and its pictures aren't read."""
    given = make({"obs1_1.jpg": (None, {"group": "x"}), "obs1_2.jpg": (None, {"group": "y"})})
    dataset, derivation = derive_groups(given)

    assert given == dataset
    assert [] == derivation.describe()


def test_pictures_without_a_group_join_given_ones(make):
    """Where some have groups, the others join those that they would leak into, and join none together."""
    names = {
        "a.jpg": (1, {"group": "x"}),
        "b.jpg": (2, {"group": "y"}),
        "like-a.jpg": 1,
        "obs5_1.jpg": (3, {"group": "z"}),
        "obs5_2.jpg": 4,
        "alone.jpg": 5,
    }

    assert ["x", "y", "x", "z", "z", "alone.jpg"] == derive_groups(make(names))[0].groups()


def test_given_splits_stay(make):
    """A derived group across given splits is divided, with a warning; a picture without a split joins its group."""
    names = {
        "obs5_1.jpg": (1, {"split": "train"}),
        "obs5_2.jpg": (2, {"split": "test"}),
        "obs5_3.jpg": 3,
        "obs5_4.jpg": (4, {"split": "train"}),
    }
    dataset, derivation = derive_groups(make(names))

    check_splits(dataset)
    assert ["obs5_1.jpg", "obs5_1.jpg (test)", "obs5_1.jpg", "obs5_1.jpg"] == dataset.groups()
    assert "warning: 1 derived groups lie in more than one" in derivation.describe()[-2]


def test_unreadable_pictures_are_told(make):
    """A picture that can't be decoded keeps what its name tells, and is listed."""
    dataset, derivation = derive_groups(make({"obs5_1.jpg": None, "obs5_2.jpg": 1, "c.jpg": 2}))

    assert [["obs5_1.jpg", "obs5_2.jpg"]] == together(dataset)
    assert ["obs5_1.jpg"] == [name for name, _ in derivation.unreadable]


def _pairs(groups):
    return sum(count * (count - 1) // 2 for count in Counter(groups).values())


@pytest.mark.realdata
def test_derived_groups_of_real_pictures(real_data):
    """Without groups, times and cameras, hivecam's seconds stay whole, and portal's observations are found."""
    given = load_dataset(real_data)
    chosen = [record for record in given.records if record.source in {"hivecam", "portal"}]
    bare = replace(
        given,
        records=tuple(replace(r, group="", captured_at="", camera="", source="") for r in chosen),
        columns=("path", "label"),
    )
    dataset, _ = derive_groups(bare)
    split = split_dataset(dataset)
    places = defaultdict(set)
    for record, derived in zip(chosen, split.records, strict=True):
        if record.source == "hivecam":
            assert (record.captured_at, record.camera) == (derived.captured_at, derived.camera)
            places[record.captured_at].add(derived.split)
    portal = [
        (r.group, d.group) for r, d in zip(chosen, dataset.records, strict=True) if r.source == "portal"
    ]
    right, derived_pairs, given_pairs = (
        _pairs(portal), _pairs(d for _, d in portal), _pairs(g for g, _ in portal)
    )  # fmt: skip

    assert {1} == {len(splits) for splits in places.values()}
    assert set(SPLITS) == set().union(*places.values())
    assert right / derived_pairs > 0.95
    assert right / given_pairs > 0.9
