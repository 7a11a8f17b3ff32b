"""Folders as labels."""

import unicodedata

import pytest

from hornet.dataset import import_folder, load_dataset
from hornet.errors import ManifestInvalid


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes empty files and returns the folder."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                path.touch()
            else:
                path.mkdir(exist_ok=True)
        return tmp_path

    return make


def test_class_folders(tree):
    """Pictures at any depth get their class folder's label, sorted; hidden and other files don't count."""
    folder = tree(
        "presence/b.JPG", "presence/2019/a.png", "absence/c.webp", "absence/.hidden.jpg", "absence/.thumbs/x.jpg",
        "absence/notes.txt", ".git/x.jpg", "stray.jpg", "readme.md",
    )  # fmt: skip
    dataset, mapping = import_folder(folder)

    assert {"absence": "absent", "presence": "present"} == mapping
    assert [("absence/c.webp", 0), ("presence/2019/a.png", 1), ("presence/b.JPG", 1)] == [
        (r.name, r.label) for r in dataset.records
    ]
    expected = (
        "folder absence -> absent",
        "folder presence -> present",
        "1 files that are no pictures were passed over",
        "1 pictures outside the class folders were passed over",
    )
    assert expected == dataset.notes
    assert dataset == load_dataset(folder)


@pytest.mark.parametrize(
    ("present", "absent"),
    [
        ("Présence", "ABSENCE"),
        (unicodedata.normalize("NFD", "présence"), "absence"),
        ("hornet", "no_hornet"),
        ("frelon", "pas_frelon"),
        ("1", "0"),
        ("present", "absent"),
    ],
)
def test_names_of_classes(tree, present, absent):
    """Every documented pair of folder names works, by meaning and not by the alphabet."""
    dataset, mapping = import_folder(tree(f"{present}/a.jpg", f"{absent}/b.jpg"))

    assert {present: "present", absent: "absent"} == mapping
    assert 1 == next(r.label for r in dataset.records if r.name.endswith("a.jpg"))


def test_split_folders(tree):
    """Folders named train, val and test give their pictures a split."""
    folder = tree(
        *(f"{s}/{c}/{i}.jpg" for s in ("train", "val", "test") for c in ("hornet", "no_hornet") for i in "ab")
    )
    dataset, mapping = import_folder(folder)

    assert ["test"] * 4 + ["train"] * 4 + ["validation"] * 4 == dataset.splits()
    assert "present" == mapping["val/hornet"]
    assert 6 == dataset.labels().sum()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["presence/a.jpg", "bees/b.jpg"],
            r"unknown class bees.*Found bees \(1 pictures\), presence \(1 pictures\)",
        ),
        (["presence/a.jpg"], r"no folder for the class absent.*presence \(1 pictures\)"),
        (["presence/a.jpg", "absence/"], r"absence holds no picture.*absence \(0 pictures\)"),
        (["presence/a.jpg", "hornet/b.jpg", "absence/c.jpg"], "2 folders for the class present"),
        (["a.jpg"], "Found no folders"),
        (
            ["train/presence/a.jpg", "train/absence/b.jpg", "val/presence/c.jpg"],
            "val: no folder for the class absent",
        ),
        (["train/presence/a.jpg", "presence/b.jpg"], "unknown class train"),
        (["val/presence/a.jpg", "validation/presence/b.jpg"], "two folders for one split"),
        (["portal/a.jpg", "manifest.csv"], r"Or pass .*manifest.csv itself"),
    ],
)
def test_what_is_wrong(tree, names, message):
    """Unknown, missing, empty and doubled classes are errors that list what was found."""
    with pytest.raises(ManifestInvalid, match=message):
        import_folder(tree(*names))
