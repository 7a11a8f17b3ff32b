"""Reading and writing manifests."""

import os
import sys

import pytest

from hornet.dataset import Dataset, Record, load_dataset, read_manifest, write_manifest
from hornet.dataset.manifest import format_masks, parse_masks
from hornet.errors import ManifestInvalid


def names(dataset):
    """Return the names of the pictures."""
    return [record.name for record in dataset.records]


def test_every_column(manifest, folder):
    """All known columns arrive in their fields, unknown ones in extra."""
    path = manifest(
        "path,label,group,source,camera,captured_at,split,species,licence,mask,weather\n"
        "sub/c.jpg,presence,g1,portal,left,2019-09-16T13:58:06,val,Vespa velutina,CC0,0 0 0.5 0.1;0.5 0.9 1 1,rain\n"
    )

    (record,) = read_manifest(path).records
    expected = Record(
        name="sub/c.jpg",
        path=folder / "sub/c.jpg",
        label=1,
        group="g1",
        source="portal",
        camera="left",
        captured_at="2019-09-16T13:58:06",
        split="validation",
        species="Vespa velutina",
        licence="CC0",
        masks=((0, 0, 0.5, 0.1), (0.5, 0.9, 1, 1)),
        extra=(("weather", "rain"),),
    )

    assert expected == record
    assert "2019-09-16" == record.day


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffpath,label\na.jpg,1\nb.jpg,0\n",
        "path;label\na.jpg;1\nb.jpg;0\n",
        "path\tlabel\na.jpg\t1\nb.jpg\t0\n",
        "Path, LABEL \r\na.jpg,1\r\n\r\nb.jpg,0\r\n",
        "label,path\n1,a.jpg\n0,b.jpg",
    ],
    ids=["bom", "semicolons", "tabs", "windows", "order"],
)
def test_dialects(manifest, text):
    """Spreadsheets write marks, semicolons, tabs, blank lines and other orders: all are read."""
    dataset = read_manifest(manifest(text))

    assert ["a.jpg", "b.jpg"] == names(dataset)
    assert [1, 0] == dataset.labels().tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column path and no column label; the file is empty"),
        ("path,class\na.jpg,1\n", "line 1: no column label; found path, class"),
        ("path,label,path\na.jpg,1,b.jpg\n", "line 1: column path is there twice"),
        ("path,label\n", "names no picture"),
        ("path,label\na.jpg,1\nb.jpg,hornets\n", "line 3: unknown label 'hornets'"),
        ("path,label\na.jpg,\n", "line 2: unknown label ''"),
        ("path,label\na.jpg,1,x\n", "line 2: has 3 fields, the first line has 2"),
        ("path,label\na.jpg\n", "line 2: has 1 fields"),
        ("path,label\na.jpg,1\n./a.jpg,0\n", "line 3: picture './a.jpg' is already in line 2"),
        ("path,label\nsub/../a.jpg,1\n", "line 2: path 'sub/../a.jpg' climbs out"),
        ("path,label\n ,1\n", "line 2: has no usable path"),
        ("path,label\na\0.jpg,1\n", "line 2: has no usable path"),
        ("path,label,mask\na.jpg,1,0 0 1\n", "line 2: bad mask '0 0 1'"),
        ("path,label,mask\na.jpg,1,0 0 1.2 1\n", "line 2: bad mask"),
        ("path,label,mask\na.jpg,1,0.5 0 0.5 1\n", "line 2: bad mask"),
        ("path,label,mask\na.jpg,1,nan 0 1 1\n", "line 2: bad mask"),
        ("path,label,split\na.jpg,1,dev\n", "line 2: unknown split 'dev'"),
        ("path,label,captured_at\na.jpg,1,16/09/2019\n", "line 2: bad captured_at '16/09/2019'"),
        ('path,label\n"a.jpg,1\n', "line 2: no valid CSV"),
        (
            "path,label\nx.jpg,1\na.jpg,1\ny.jpg,1\n",
            r"2 of 3 pictures aren't there: x.jpg \(line 2\), y.jpg \(line 4\)",
        ),
    ],
)
def test_what_is_wrong_and_where(manifest, text, message):
    """Each mistake is an error that says what and in which line."""
    with pytest.raises(ManifestInvalid, match=message):
        read_manifest(manifest(text))


def test_many_missing_files_are_counted(manifest):
    """Of many missing files the first few are named, and the rest are counted."""
    lines = "".join(f"no{i}.jpg,1\n" for i in range(9))

    with pytest.raises(ManifestInvalid, match=r"9 of 9 .* no4.jpg \(line 6\) and 4 more"):
        read_manifest(manifest("path,label\n" + lines))


def test_line_numbers_count_newlines_in_names(folder, manifest):
    """A file name with a newline takes two lines of the file; later numbers say so."""
    with pytest.raises(ManifestInvalid, match=r"line 4: unknown label"):
        read_manifest(manifest('path,label\n"a\nb.jpg",1\nb.jpg,x\n'), check_files=False)


def test_utf16_is_named(manifest):
    """A file in UTF-16 is recognised rather than misread."""
    with pytest.raises(ManifestInvalid, match="UTF-16"):
        read_manifest(manifest("path,label\na.jpg,1\n", "utf-16"))


def test_latin1_label_gets_a_hint(manifest):
    """A label that isn't UTF-8 is unknown, with the reason."""
    with pytest.raises(ManifestInvalid, match="saved as UTF-8"):
        read_manifest(manifest("path,label\na.jpg,présence\n", "latin-1"))


def test_unlabelled_pictures_only_if_asked(manifest):
    """Labels may be missing where the caller can live with it."""
    dataset = read_manifest(manifest("path,label\na.jpg,\n"), require_labels=False)

    assert dataset.records[0].label is None
    with pytest.raises(ManifestInvalid, match=r"1 pictures have no label: a.jpg"):
        dataset.labels()


def test_backslashes_of_windows(manifest, folder):
    """A manifest written on Windows finds its files elsewhere."""
    dataset = read_manifest(manifest("path,label\nsub\\c.jpg,1\n"))

    assert ["sub/c.jpg"] == names(dataset)
    assert b"sub/c.jpg" == dataset.records[0].path.read_bytes()


def test_missing_file_and_missing_manifest(tmp_path):
    """What isn't there is said to be so, with what would be accepted."""
    with pytest.raises(ManifestInvalid, match="isn't there"):
        load_dataset(tmp_path / "none.csv")
    with pytest.raises(ManifestInvalid, match="can't be read"):
        read_manifest(tmp_path)


def test_round_trip_keeps_everything(manifest, folder):
    """Writing what was read and reading it again gives the same records, in the same columns."""
    path = manifest(
        'path,weather,label,mask\na.jpg,"rain, hail",1,0.1 0.2 0.30000000000000004 1\nsub/c.jpg,,absence,\n'
    )
    dataset = read_manifest(path)
    write_manifest(dataset, path)
    again = read_manifest(path)

    assert dataset == again
    assert "path,weather,label,mask\n" == path.read_text("utf-8").splitlines(keepends=True)[0]
    assert "absent" in path.read_text("utf-8")


def test_new_columns_come_last(manifest, folder):
    """Splits that were added get a column behind those that were there."""
    dataset = read_manifest(manifest("label,path\n1,a.jpg\n0,b.jpg\n")).with_splits(["train", "test"])
    write_manifest(dataset, folder / "out.csv")

    assert "label,path,split\npresent,a.jpg,train\nabsent,b.jpg,test\n" == (folder / "out.csv").read_text(
        "utf-8"
    )


def test_written_elsewhere_the_paths_still_work(manifest, folder, tmp_path_factory):
    """A manifest in another folder names the pictures from there, with dots, and reads back."""
    dataset = read_manifest(manifest("path,label\nsub/c.jpg,1\na.jpg,0\n"))
    copy = tmp_path_factory.mktemp("run") / "deep" / "manifest.csv"
    write_manifest(dataset, copy)
    again = read_manifest(copy)

    assert again.records[0].name.startswith("../../")
    assert [p.resolve() for p in dataset.paths()] == [p.resolve() for p in again.paths()]
    assert dataset.labels().tolist() == again.labels().tolist()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_written_into_a_linked_folder(manifest, folder, tmp_path_factory):
    """Dots lead up from where a link points, and the written paths know it."""
    dataset = read_manifest(manifest("path,label\nsub/c.jpg,1\n"))
    real = tmp_path_factory.mktemp("real") / "far" / "away"
    real.mkdir(parents=True)
    (folder / "run").symlink_to(real)
    write_manifest(dataset, folder / "run" / "manifest.csv")

    assert b"sub/c.jpg" == read_manifest(folder / "run" / "manifest.csv").records[0].path.read_bytes()
    assert b"sub/c.jpg" == read_manifest(real / "manifest.csv").records[0].path.read_bytes()


def test_absolute_paths_are_read(manifest, folder):
    """Where no relative path exists an absolute one is written; so it is read."""
    dataset = read_manifest(manifest(f"path,label\n{(folder / 'a.jpg').as_posix()},1\n"))

    assert b"a.jpg" == dataset.records[0].path.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_undecodable_names_survive(folder):
    """A file name that is no UTF-8 goes through the manifest and still opens."""
    raw = os.fsdecode(b"abeill\xe9.jpg")
    (folder / raw).write_bytes(b"x")
    dataset = Dataset((Record(name=raw, path=folder / raw, label=1),), folder)
    write_manifest(dataset, folder / "m.csv")

    assert b"x" == read_manifest(folder / "m.csv").records[0].path.read_bytes()


def test_masks_round_trip():
    """Masks are written so that they read back exactly."""
    masks = ((0.1, 0.2, 1 / 3, 1.0), (0.0, 0.0, 1.0, 0.05))

    assert masks == parse_masks(format_masks(masks))
    assert () == parse_masks(" ; ")
