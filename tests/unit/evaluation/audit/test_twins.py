"""Pictures that show the same: found where they are, and not where they aren't."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import load_dataset
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.evaluation.audit import PARTS, audit
from hornet.evaluation.audit.copies import CROWD, connected

_FIRST, _SECOND = "presence/presence_0000.jpg", "presence/presence_0001.jpg"


def _resaved(source, target, *, scale=0.7, turn=0.0, quality=70):
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    picture = picture.rotate(turn, Image.Resampling.BILINEAR) if turn else picture
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    target.write_bytes(encode_jpeg(small, quality=quality))


def _splits(dataset, change, parts):
    """Return the data set with the named parts, train for all others."""
    return change(dataset, lambda record: {"split": parts.get(record.name, "train")})


def test_identical_files_of_one_class_are_duplicates(folder, finding):
    """Three names of one file are one set of three pictures, and nothing else."""
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(folder / _FIRST, folder / "presence" / name)
    found = finding(folder, "duplicate")

    assert (3, 1, 26) == (found.facts["pictures"], found.facts["sets"], found.facts["of"])
    assert ["presence/a.jpg", "presence/b.jpg", _FIRST] == [
        member["path"] for member in found.facts["examples"][0]
    ]
    assert finding(folder, "near-duplicate") is None
    assert finding(folder, "label-conflict") is None


@pytest.mark.parametrize("how", [{"scale": 0.5}, {"quality": 40, "scale": 1.0}, {"turn": 1.0}])
def test_a_picture_saved_again_is_a_near_duplicate(folder, finding, how):
    """Whether smaller, more compressed or turned by a hair."""
    _resaved(folder / _FIRST, folder / "presence" / "again.jpg", **how)
    found = finding(folder, "near-duplicate")

    assert {_FIRST, "presence/again.jpg"} == set(found.pictures)
    assert finding(folder, "duplicate") is None


def test_same_picture_in_both_classes_is_a_conflict(folder, finding):
    """As the same file or saved again; both labels are shown, and it is no duplicate within a class."""
    shutil.copy(folder / _FIRST, folder / "absence" / "same.jpg")
    _resaved(folder / _SECOND, folder / "absence" / "again.jpg")
    found = finding(folder, "label-conflict")

    assert (4, 2, 2) == (found.facts["pictures"], found.facts["sets"], found.facts["identical"])
    assert all({"absent", "present"} == {m["label"] for m in each} for each in found.facts["examples"])
    assert "(absent)" in found.sentence()
    assert finding(folder, "duplicate") is None
    assert finding(folder, "near-duplicate") is None


def test_alike_pictures_of_known_other_moments_are_no_conflict(folder, finding, change):
    """A hornet may come within a second; without times nobody knows."""
    _resaved(folder / _FIRST, folder / "absence" / "later.jpg", quality=90)
    dataset = load_dataset(folder)
    timed = change(
        dataset,
        lambda r: {"captured_at": f"2019-09-16T12:00:{'01' if r.label else '02'}", "group": r.name},
    )

    assert finding(dataset, "label-conflict") is not None
    assert finding(timed, "label-conflict") is None


def test_alike_pictures_of_known_other_moments_are_no_copies(folder, finding, change):
    """A fixed camera takes such pictures every day; without times nobody knows, and of one moment they are copies."""
    _resaved(folder / _FIRST, folder / "presence" / "turned.jpg", turn=1.0)
    dataset = change(load_dataset(folder), lambda record: {"group": record.name})
    one, two = (
        change(dataset, lambda r, day=day: {"captured_at": day if "turned" in r.name else "2019-09-16"})
        for day in ("2019-09-16", "2019-09-17")
    )

    assert finding(dataset, "near-duplicate") is not None
    assert finding(one, "near-duplicate") is not None
    assert finding(two, "near-duplicate") is None
    assert finding(_splits(two, change, {_FIRST: "test"}), "leakage") is None


def test_clean_splits_leak_nothing(folder, finding, change):
    """Different drawings in different parts are as it should be."""
    dataset = _splits(load_dataset(folder), change, {_FIRST: "test", _SECOND: "validation"})

    assert finding(dataset, "leakage") is None


def test_twins_in_two_parts_are_leakage(folder, finding, change):
    """The same file, and one saved again: each is counted once, among those that are measured on."""
    shutil.copy(folder / _FIRST, folder / "presence" / "same.jpg")
    _resaved(folder / _SECOND, folder / "presence" / "again.jpg")
    dataset = load_dataset(folder)
    grouped = change(dataset, lambda record: {"group": record.name})
    found = finding(_splits(grouped, change, {_FIRST: "test", _SECOND: "validation"}), "leakage")

    assert (2, 2, 1, 1) == tuple(found.facts[name] for name in ("pictures", "of", "identical", "alike"))
    assert "presence_0000.jpg in test and presence/same.jpg in train" in found.sentence()
    assert "Empty the columns split and group, and deal anew: hornet data import" in found.sentence()


def test_a_divided_group_is_leakage(folder, finding, change):
    """A group that was given, or a series that the names give away."""
    dataset = load_dataset(folder)
    given = change(dataset, lambda r: {"group": "day" if r.name in {_FIRST, _SECOND} else r.name})
    divided = finding(_splits(given, change, {_FIRST: "test"}), "leakage")
    for number in (1, 2):
        (folder / f"presence/presence_000{number}.jpg").rename(folder / f"presence/clip_000{number}.jpg")
    series = finding(_splits(load_dataset(folder), change, {"presence/clip_0001.jpg": "test"}), "leakage")

    assert (1, 1, ["day"]) == tuple(divided.facts[name] for name in ("pictures", "divided", "groups"))
    assert "Empty the column split, and deal anew" in divided.sentence()
    assert (1, 0, 1) == tuple(series.facts[name] for name in ("pictures", "divided", "related"))


def test_frames_of_a_fixed_camera_differ_where_an_insect_moves(tmp_path, finding):
    """Their hashes are all near; two frames without any change are near duplicates all the same."""
    (tmp_path / "presence").mkdir()
    (tmp_path / "absence").mkdir()
    scene = np.asarray(draw("blank", seed=4, size=(192, 144)))
    for number in range(CROWD + 2):
        frame = scene.copy()
        frame[20 + 10 * number : 28 + 10 * number, 50:62] = 20
        Image.fromarray(frame).save(tmp_path / "presence" / f"moved {number}.png")
    Image.fromarray(scene).save(tmp_path / "absence" / "still.png")
    different = finding(tmp_path, "near-duplicate"), finding(tmp_path, "label-conflict")
    buffer = io.BytesIO()
    Image.fromarray(scene).save(buffer, "JPEG", quality=90)
    (tmp_path / "absence" / "nothing.jpg").write_bytes(buffer.getvalue())
    found = finding(tmp_path, "near-duplicate")

    assert (None, None) == different
    assert {"absence/still.png", "absence/nothing.jpg"} == set(found.pictures)


def test_opposite_labels_of_one_second_are_noted(folder, change):
    """If different cameras took the pictures; it may be right, so it is no finding."""
    dataset = load_dataset(folder)

    def timed(cameras):
        return change(
            dataset,
            lambda r: {
                "captured_at": f"2019-09-16T12:00:{r.name[-6:-4]}",
                "camera": cameras[r.label],
                "group": r.name,
            },
        )

    quick = [part for part in PARTS if part.quick]
    two, one = (audit(timed(cameras), parts=quick) for cameras in (("left", "right"), ("left", "left")))

    assert [24] == [note.facts["pictures"] for note in two.notes if note.kind == "same-moment"]
    assert () == two.findings
    assert "same-moment" not in {note.kind for note in one.notes}


def test_sets_hang_together_by_any_pair():
    """Pairs in any order give the same sets."""
    assert [[1, 2, 5, 7], [3, 4]] == connected([(5, 7), (1, 2), (3, 4), (2, 7)])
