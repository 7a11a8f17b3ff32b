"""Where heatmaps are written."""

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from hornet.errors import HornetError, ImageUnreadable
from hornet.images import PixelRule
from hornet.inference.heatmap_files import HeatmapWriter
from hornet.inference.places import relative_path
from hornet.inference.sources import Source

RULE = PixelRule((8, 8))


def files(folder):
    """Return all files below a folder, with forward slashes."""
    return sorted(
        str(path.relative_to(folder)).replace(os.sep, "/") for path in folder.rglob("*") if path.is_file()
    )


@pytest.fixture
def write(tmp_path, encoded, mapped, monkeypatch):
    """Return a function that writes the heatmap of a source into `out`."""
    monkeypatch.chdir(tmp_path)
    writer = HeatmapWriter("out", RULE)

    def do(name, relative=None, *, remote=False, writer=writer):
        path = writer.write(Source(name, relative or name, remote), encoded(), mapped([[1.0]]))
        return os.path.relpath(path, "out").replace(os.sep, "/")

    return do


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source("pics/sub/a.jpg", "sub/a.jpg"), "sub/a.jpg"),
        (Source("sub/a.jpg", "sub/a.jpg"), "sub/a.jpg"),
        (Source("./a.jpg", "./a.jpg"), "a.jpg"),
        (Source("../../x/a.jpg", "../../x/a.jpg"), "x/a.jpg"),
        (Source("a/../../b.jpg", "a/../../b.jpg"), "a/b.jpg"),
        (Source("/etc/a.jpg", str(Path("/etc/a.jpg").absolute())), "a.jpg"),
        (Source("/", "/"), "picture"),
        (Source("..", ".."), "picture"),
        (Source("http://host:80/a/b.jpg?x=../../c", "", remote=True), "host_80/a/b.jpg"),
        (Source("https://u:secret@h/../..//%2e%2e/é a.jpg#f", "", remote=True), "h/%2e%2e/__a.jpg"),
        (Source("http://h/C:\\x\\..\\a.jpg", "", remote=True), "h/C__x_.._a.jpg"),
        (Source("http://h", "", remote=True), "h"),
        (Source("http://h:x/a.jpg", "", remote=True), "picture"),
        (Source("http://[bad/a.jpg", "", remote=True), "picture"),
    ],
)
def test_relative_path(source, expected):
    """Paths inside folders are kept, everything else is mapped into the folder."""
    assert expected == relative_path(source).replace(os.sep, "/")


def test_path_and_extension_are_kept(write, tmp_path):
    """Every kind that can be written keeps its name; another gets .png."""
    names = [
        "sub/a.jpg",
        "a.JPEG",
        "a.png",
        "a.webp",
        "a.bmp",
        "a.tif",
        "a.gif",
        "a.avif",
        "a.heic",
        "noext",
        "a.pdf",
    ]
    expected = [*names[:8], "a.heic.png", "noext.png", "a.pdf.png"]

    assert expected == [write(f"pics/{name}", name) for name in names]
    assert sorted([".hornet-heatmaps", *expected]) == files(tmp_path / "out")
    formats = []
    for name in expected:
        with Image.open(tmp_path / "out" / name) as image:
            formats.append(image.format)
    assert ["JPEG", "JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "PNG", "PNG", "PNG"] == formats


def test_clashes_lose_nothing(write):
    """Two pictures that belong to one place both get a file."""
    assert ["a.jpg", "a-2.jpg", "a-3.jpg", "a-2-2.jpg"] == [
        write("x/a.jpg", "a.jpg"),
        write("y/a.jpg", "a.jpg"),
        write("z/a.jpg", "a.jpg"),
        write("y/a-2.jpg", "a-2.jpg"),
    ]
    assert ["b.heic.png", "b.heic-2.png"] == [write("b.heic"), write("b.heic.png")]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_clashes_where_case_is_ignored(write, monkeypatch, platform):
    """Where the file system ignores case and composition, names that differ in nothing else clash."""
    monkeypatch.setattr(sys, "platform", platform)

    assert ["é.jpg", "É-2.jpg"] == [write("x/é.jpg", "é.jpg"), write("y/É.jpg", "É.jpg")]


def test_later_run_replaces(write, tmp_path, encoded, mapped):
    """A later run into the same folder replaces its heatmaps."""
    write("pics/a.jpg", "a.jpg")

    assert "a.jpg" == write("pics/a.jpg", "a.jpg", writer=HeatmapWriter("out", RULE))
    assert [".hornet-heatmaps", "a.jpg"] == files(tmp_path / "out")


def test_pictures_are_never_replaced(write, tmp_path, encoded):
    """In a folder that holds other things nothing is replaced: they may be the only copy."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(encoded(form="JPEG"))
    before = (tmp_path / "photos/a.jpg").read_bytes()
    writer = HeatmapWriter("photos", RULE)

    assert "../photos/a-2.jpg" == write("photos/a.jpg", "a.jpg", writer=writer)
    assert "../photos/a-3.jpg" == write("else/a.jpg", "a.jpg", writer=HeatmapWriter("photos", RULE))
    assert before == (tmp_path / "photos/a.jpg").read_bytes()
    assert ["a-2.jpg", "a-3.jpg", "a.jpg"] == files(tmp_path / "photos")


def test_source_inside_the_folder(write, tmp_path, encoded):
    """A picture that somebody put among the heatmaps isn't replaced by its own heatmap."""
    (tmp_path / "out/mine.jpg").write_bytes(encoded(form="JPEG"))

    assert "mine-2.jpg" == write("out/mine.jpg", "mine.jpg")


@pytest.mark.parametrize("folder", ["file", "file/sub"])
def test_folder_that_cannot_be(tmp_path, folder):
    """A folder that can't be made is said at once."""
    (tmp_path / "file").touch()

    with pytest.raises(HornetError, match="name another folder"):
        HeatmapWriter(str(tmp_path / folder), RULE)


def test_file_that_cannot_be(write, tmp_path):
    """A heatmap that can't be written is a clear error."""
    write("pics/x", "x")  # becomes the file x.png

    with pytest.raises(HornetError, match="can't write the heatmap"):
        write("pics/x.png/y.jpg", "x.png/y.jpg")


def test_bad_picture_leaves_nothing(tmp_path, mapped):
    """A picture that can't be decoded leaves no file."""
    writer = HeatmapWriter(str(tmp_path / "out"), RULE)
    with pytest.raises(ImageUnreadable):
        writer.write(Source("a.jpg", "a.jpg"), b"x", mapped([[1.0]]))

    assert [".hornet-heatmaps"] == files(tmp_path / "out")
