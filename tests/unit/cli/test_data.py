"""``hornet data import`` and the same derivation in ``hornet train``."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.dataset import load_dataset
from hornet.dataset.drawings import write_dataset
from hornet.dataset.store import PictureStore, entry_key
from hornet.errors import ConfigError, ManifestInvalid, SplitLeakage


def _run(*arguments):
    return CliRunner().invoke(app, ["data", "import", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    """Return a folder of 2 x 10 drawings, four of them frames of one clip."""
    folder = tmp_path / "data"
    write_dataset(folder, 10, size=(64, 48))
    for number in range(2):
        for name in ("presence", "absence"):
            (folder / name / f"{name}_000{number}.jpg").rename(folder / name / f"clip_{number}00.jpg")
    return folder


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_folder_becomes_a_manifest(folder, tmp_path):
    """Folders are named with their class; groups are shown, written and told as JSON; the manifest can be read."""
    out, report = tmp_path / "lists" / "manifest.csv", tmp_path / "report.json"
    result = _run(folder, "-o", out, "--json", report)
    rows = _rows(out)
    document = json.loads(report.read_text(encoding="utf-8"))

    assert 0 == result.exit_code
    assert "folder presence -> present" in result.stderr
    assert "groups: 20 pictures without a group -> 17 derived" in result.stderr
    assert "same video: 4 pictures in 1 set" in result.stderr
    assert 4 == sum(row["group"] == "absence/clip_000.jpg" for row in rows)
    assert all(row["group"] for row in rows)
    assert (20, 10, 17) == (document["pictures"], document["present"], document["groups"])
    assert {"group": "absence/clip_000.jpg", "pictures": 4} == document["derivation"]["largest"][0]
    assert 20 == len(load_dataset(out))


def test_split_is_written(folder, tmp_path):
    """With --split every picture gets one, whole groups at a time, decided by the seed."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert 0 == _run(folder, "-o", tmp_path / name, "--split", "--seed", seed).exit_code
    first, again, other = (_rows(tmp_path / name) for name in "abc")

    assert {"train", "validation", "test"} == {row["split"] for row in first}
    assert 1 == len({row["split"] for row in first if "clip" in row["path"]})
    assert first == again
    assert first != other


def test_a_frozen_split_is_taken(folder, tmp_path):
    """--split-file decides every picture's split; derived groups give way, with a warning."""
    records = load_dataset(folder).records
    wanted = {record.name: ("train", "test")[index % 2] for index, record in enumerate(records)}
    file = folder / "frozen.csv"
    file.write_text(
        "path,split\n" + "".join(f"{name},{split}\n" for name, split in wanted.items()), encoding="utf-8"
    )
    result = _run(folder, "-o", folder / "manifest.csv", "--split-file", file)

    assert 0 == result.exit_code
    assert wanted == {row["path"]: row["split"] for row in _rows(folder / "manifest.csv")}
    assert "warning: 1 derived groups" in result.stderr


def test_a_frozen_split_must_fit(folder, tmp_path):
    """A split file that leaves pictures out, or divides a given group, is refused."""
    file = folder / "frozen.csv"
    file.write_text("path,split\npresence/clip_000.jpg,train\n", encoding="utf-8")
    assert isinstance(_run(folder, "-o", tmp_path / "m.csv", "--split-file", file).exception, ManifestInvalid)

    (folder / "given.csv").write_text(
        "path,label,group\npresence/clip_000.jpg,1,x\nabsence/clip_000.jpg,0,x\n", encoding="utf-8"
    )
    file.write_text("path,split\npresence/clip_000.jpg,train\nabsence/clip_000.jpg,test\n", encoding="utf-8")
    result = _run(folder / "given.csv", "-o", tmp_path / "m.csv", "--split-file", file)
    assert isinstance(result.exception, SplitLeakage)
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["presence", "bees"], "unknown class bees. Found bees (1 pictures), presence (1 pictures)"),
        (["presence"], "no folder for the class absent. Found presence (1 pictures)"),
        (["presence", "absence/"], "absence holds no picture. Found absence (0 pictures)"),
        (["presence", "hornet", "absence"], "2 folders for the class present. Found absence (1 pictures)"),
    ],
)
def test_wrong_classes_are_errors_that_list_what_was_found(tmp_path, names, found):
    """Unknown, missing, empty and doubled classes stop the import, and nothing is written."""
    for name in names:
        (tmp_path / "data" / name).mkdir(parents=True)
        if not name.endswith("/"):
            (tmp_path / "data" / name / "a.jpg").touch()
    result = _run(tmp_path / "data", "-o", tmp_path / "m.csv")

    assert isinstance(result.exception, ManifestInvalid)
    assert found in str(result.exception)
    assert not (tmp_path / "m.csv").exists()


def test_group_by_and_threshold_do_something(folder, tmp_path):
    """With none, each picture stands alone; at threshold 0 a recompressed copy isn't found, by default it is."""
    from PIL import Image

    with Image.open(folder / "presence" / "presence_0003.jpg") as image:
        image.resize((47, 37)).save(folder / "presence" / "small.png")
    groups = {}
    for name, flags in {"auto": [], "none": ["--group-by", "none"], "exact": ["--threshold", "0"]}.items():
        assert 0 == _run(folder, "-o", tmp_path / name, *flags).exit_code
        groups[name] = len({row["group"] for row in _rows(tmp_path / name)})

    assert {"auto": 17, "none": 21, "exact": 18} == groups


def test_unreadable_pictures_are_told_and_kept(folder, tmp_path):
    """Exit code 3 and a line say that some can't be read; the manifest names them all the same."""
    (folder / "presence" / "broken.jpg").write_bytes(b"nothing")
    result = _run(folder, "-o", tmp_path / "m.csv")

    assert 3 == result.exit_code
    assert "1 pictures can't be decoded" in result.stderr
    assert 21 == len(_rows(tmp_path / "m.csv"))


def test_nothing_is_replaced_unasked(folder, tmp_path):
    """A manifest that is there, perhaps mended by hand, stays; --force replaces it."""
    out = tmp_path / "m.csv"
    out.write_text("mine", encoding="utf-8")

    assert isinstance(_run(folder, "-o", out).exception, ConfigError)
    assert "mine" == out.read_text(encoding="utf-8")
    assert 0 == _run(folder, "-o", out, "--force").exit_code
    assert 20 == len(_rows(out))


def test_groups_of_a_manifest_stay(folder, tmp_path):
    """Importing a manifest again changes no group."""
    _run(folder, "-o", tmp_path / "first.csv")
    result = _run(tmp_path / "first.csv", "-o", tmp_path / "second.csv")

    assert _rows(tmp_path / "first.csv") == _rows(tmp_path / "second.csv")
    assert "derived" not in result.stderr


@pytest.mark.parametrize(("flags", "groups"), [([], 17), (["--group-by", "none"], 20)])
def test_train_derives_the_same_groups(folder, tmp_path, flags, groups):
    """A training on class folders shows the groups and writes them into its manifest, unless told otherwise."""
    run = tmp_path / "run"
    # A learning rate that makes the loss no number ends the run right after the pictures were split.
    result = CliRunner().invoke(
        app,
        ["train", str(folder), "--out", str(run), "--weights", "none", "--size", "32x32", "--epochs", "1",
         "--head-epochs", "0", "--workers", "0", "--threads", "1", "--optimizer", "sgd", "--lr", "1e30",
         "--no-export", *flags],
    )  # fmt: skip
    rows = _rows(run / "manifest.csv")

    assert f"20 pictures without a group -> {groups} derived" in result.stderr
    assert groups == len({row["group"] for row in rows})
    if not flags:
        assert 1 == len({row["split"] for row in rows if "clip" in row["path"]})


def test_the_cache_is_shown_trimmed_and_cleared(tmp_path, monkeypatch):
    """Folder and size as text and JSON."""
    store = PictureStore(tmp_path / "store")
    for n in range(3):
        store.put(entry_key(str(n)), np.zeros((10, 10, 3), np.uint8))
    monkeypatch.setenv("HORNET_CACHE", str(tmp_path / "store"))

    def pictures(*arguments):
        result = CliRunner().invoke(app, ["data", "cache", "--json", "-", *arguments])
        return json.loads(result.stdout)["pictures"]

    assert [3, 1, 0] == [pictures(), pictures("--limit", "400"), pictures("--clear")]
    monkeypatch.setenv("HORNET_CACHE", "none")
    assert 0 == pictures()
