"""Sources: what the user typed, and the pictures it means."""

# Names stay as typed.
# ruff: noqa: PTH103, PTH118, PTH119, PTH120, PTH123

import inspect
import io
import os
import sys

import pytest

from hornet.inference.sources import Scan, Source


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a function that makes files in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = os.path.join(os.fspath(tmp_path), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb"):
                pass
        return tmp_path

    return make


def names(*sources, **options):
    """Return the names that some sources expand to."""
    return [source.name for source in Scan(sources, **options)]


def test_named_file_is_tried_whatever_its_kind(folder):
    """A file named by the user is a picture to try, even with another extension, and keeps its name."""
    folder("a.jpg", "notes.txt")

    assert ["./a.jpg", "notes.txt"] == names("./a.jpg", "notes.txt")


def test_folder_is_scanned_by_extension(folder):
    """A folder gives its pictures, recursive, in the order of path parts; the rest is counted."""
    folder("pics/b.JPG", "pics/a.png", "pics/a/z.webp", "pics/a/notes.txt", "pics/raw.cr2", "pics/none")
    scan = Scan(["pics"])

    assert [
        Source(os.path.join("pics", "a", "z.webp"), os.path.join("a", "z.webp")),
        Source(os.path.join("pics", "a.png"), "a.png"),
        Source(os.path.join("pics", "b.JPG"), "b.JPG"),
    ] == list(scan)
    assert (3, 0) == (scan.skipped, scan.skipped_links)


def test_folder_name_stays_as_typed(folder):
    """What was typed isn't resolved: a dot, a trailing slash and an absolute path stay."""
    root = folder("pics/a.jpg")

    assert [os.path.join(".", "pics", "a.jpg")] == names(".")
    assert ["pics/a.jpg"] == names("pics/")
    assert [os.path.join("pics", "..", "pics", "a.jpg")] == names(os.path.join("pics", "..", "pics"))
    assert [os.path.join(str(root), "pics", "a.jpg")] == names(str(root / "pics"))


def test_hidden_files_and_folders_are_left_out(folder):
    """Hidden entries are skipped in a scan, but tried when named."""
    folder("pics/.a.jpg", "pics/.cache/b.jpg", "pics/c.jpg")

    assert [os.path.join("pics", "c.jpg")] == names("pics")
    assert ["pics/.a.jpg"] == names("pics/.a.jpg")


def test_folder_of_heatmaps_is_not_scanned(folder):
    """What an earlier run drew isn't predicted, wherever it lies."""
    folder("pics/a.jpg", "pics/maps/.hornet-heatmaps", "pics/maps/a.jpg")
    scan = Scan(["pics", "pics/maps"])

    assert [os.path.join("pics", "a.jpg")] == [source.name for source in scan]
    assert 2 == scan.skipped_heatmaps


def test_missing_file_stays_in_its_place(folder):
    """A named file that doesn't exist is still a source: reading it fails in its turn."""
    folder("a.jpg", "b.jpg")

    assert ["a.jpg", "nowhere/x.jpg", "", "b.jpg"] == names("a.jpg", "nowhere/x.jpg", "", "b.jpg")


def test_impossible_name_is_missing(folder):
    """A name with a null byte, and one that is too long, are sources that aren't there."""
    (null,) = Scan(["a\0b"])
    (long,) = Scan(["x" * 5000 + ".jpg"])

    assert null.error is not None
    assert "missing" == null.error.code
    assert "-0" in str(null.error)
    assert long.error is None


def test_nothing(folder):
    """No sources and empty folders give nothing."""
    folder("notes/x.txt")

    assert [] == names()
    assert [] == names("notes")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links(folder):
    """Linked folders aren't followed but counted, unless named; linked files are; dead ones stay."""
    root = folder("pics/a.jpg", "other/b.jpg")
    (root / "pics/up").symlink_to("..", target_is_directory=True)
    (root / "pics/dead.jpg").symlink_to("nowhere.jpg")
    (root / "pics/link.jpg").symlink_to("../other/b.jpg")
    scan = Scan(["pics"])

    assert ["pics/a.jpg", "pics/dead.jpg", "pics/link.jpg"] == [source.name for source in scan]
    assert 1 == scan.skipped_links
    (root / "named").symlink_to("other", target_is_directory=True)
    assert ["named/b.jpg"] == names("named")


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_pipes_are_not_opened(folder):
    """A pipe called a.jpg would block for ever: a scan counts it as another kind."""
    root = folder("pics/b.jpg")
    os.mkfifo(root / "pics/a.jpg")
    scan = Scan(["pics"])

    assert ["pics/b.jpg"] == [source.name for source in scan]
    assert 1 == scan.skipped


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the file system refuses such names")
def test_undecodable_names(folder):
    """File names that are no text come through and open the right file."""
    root = os.fsencode(folder("pics/é.jpg"))
    with open(root + b"/pics/\xff\n.jpg", "wb") as file:
        file.write(b"x")

    found = names("pics")
    assert ["pics/é.jpg", "pics/\udcff\n.jpg"] == found
    with open(found[1], "rb") as file:
        assert b"x" == file.read()


def test_unreadable_folder_is_a_failure(folder, monkeypatch):
    """A folder that can't be listed is said, in its place, and the rest goes on."""
    folder("pics/a/x.jpg", "pics/b/y.jpg", "pics/c.jpg")
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)  # root may list everything
        first, *rest = Scan(["pics"])

    assert (os.path.join("pics", "a"), "unreadable") == (first.name, first.error and first.error.code)
    assert "can't list this folder: Permission denied" == str(first.error)
    assert [os.path.join("pics", "b", "y.jpg"), os.path.join("pics", "c.jpg")] == [s.name for s in rest]


def test_deep_folders(folder):
    """Folders nested deeper than Python recurses are scanned."""
    folder("top/" + "d/" * 100 + "b.jpg")
    limit, depth = sys.getrecursionlimit(), len(inspect.stack())
    sys.setrecursionlimit(depth + 50)
    try:
        found = names("top")
    finally:
        sys.setrecursionlimit(limit)

    assert ["top/" + "d/" * 100 + "b.jpg"] == [name.replace(os.sep, "/") for name in found]


def test_lazy(folder):
    """Nothing is listed before it is its turn."""
    root = folder("a/1.jpg", "b/2.jpg")
    scan = iter(Scan(["a", "b"]))
    next(scan)
    (root / "b/1.jpg").touch()

    assert [os.path.join("b", "1.jpg"), os.path.join("b", "2.jpg")] == [source.name for source in scan]


def test_addresses():
    """Both http and https addresses are remote; others are refused with advice."""
    http, https, ftp, other = Scan(["http://x/a.jpg", "HTTPS://x/?a=*", "ftp://x/a.jpg", "gs://x/*.jpg"])

    assert [True, True, False, False] == [source.remote for source in (http, https, ftp, other)]
    assert "HTTPS://x/?a=*" == https.name
    assert "unsupported" == (ftp.error and ftp.error.code)
    assert "only http://, https:// and s3:// addresses can be read" == str(other.error)


def test_stdin(folder):
    """A dash reads paths from stdin: files, folders and addresses, but no globs and no lists."""
    folder("pics/a.jpg", "b.jpg")
    stdin = io.BytesIO(b"b.jpg\npics\r\n\n*.jpg\n@b.jpg\nhttp://x/c.jpg")

    found = list(Scan(["-"], stdin=stdin))
    assert ["b.jpg", os.path.join("pics", "a.jpg"), "*.jpg", "@b.jpg", "http://x/c.jpg"] == [
        s.name for s in found
    ]
    assert [False, False, False, False, True] == [s.remote for s in found]


def test_null_separated_stdin(folder):
    """With NUL as the end of paths, newlines belong to names."""
    assert ["a\nb.jpg", "c.jpg "] == names("-", null=True, stdin=io.BytesIO(b"a\nb.jpg\0c.jpg \0"))


def test_list_file(folder):
    """A list in a file works like stdin; entries are relative to the working folder."""
    root = folder("lists/x.txt", "a.jpg")
    (root / "lists/x.txt").write_bytes("a.jpg\né.jpg\n".encode())

    assert ["a.jpg", "é.jpg"] == names("@lists/x.txt")


def test_file_named_like_a_list(folder):
    """A file whose name begins with @ is a file; shells hand it over for `*`."""
    folder("@a.jpg")

    assert ["@a.jpg"] == names("@a.jpg")


@pytest.mark.parametrize(
    ("name", "code"), [("@none.txt", "missing"), ("@pics", "unreadable"), ("@a\0", "unreadable")]
)
def test_bad_list_file(folder, name, code):
    """A list that isn't there, or can't be read, is a failure under its name."""
    folder("pics/a.jpg")
    (only,) = Scan([name])

    assert (name, code) == (only.name, only.error and only.error.code)


def test_picture_taken_for_a_list(folder):
    """A picture handed over as a list is refused instead of read to the end as one path."""
    root = folder("photo.jpg")
    (root / "photo.jpg").write_bytes(b"\xff\xd8" + b"x" * 200_000)
    *_, last = Scan(["@photo.jpg"])

    assert "unreadable" == (last.error and last.error.code)
    assert "no list of paths" in str(last.error)


def test_stdin_that_breaks():
    """A failing stdin is a failure, not a crash."""

    class Broken(io.BytesIO):
        def read1(self, size=-1, /):
            raise OSError(5, "Input/output error")

    (only,) = Scan(["-"], stdin=Broken())
    assert "can't read this list of paths: Input/output error" == str(only.error)
