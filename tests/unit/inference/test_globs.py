"""Globs: what a shell would have made of a pattern."""

import os
import sys

import pytest

from hornet.inference.sources import Scan

TREE = (
    "a1.jpg",
    "a2.jpg",
    "b[1].jpg",
    "notes.txt",
    ".hidden.jpg",
    "pics/x.jpg",
    "pics/y.png",
    "pics/sub/deep/x.jpg",
    "pics/.secret/x.jpg",
)


@pytest.fixture(autouse=True)
def _tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def expand(*patterns):
    """Return names with forward slashes."""
    return [source.name.replace(os.sep, "/") for source in Scan(patterns)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a?.jpg", ["a1.jpg", "a2.jpg"]),
        ("a[2-9].jpg", ["a2.jpg"]),
        ("a[!2].jpg", ["a1.jpg"]),
        ("*.txt", ["notes.txt"]),
        ("./a*", ["./a1.jpg", "./a2.jpg"]),
        ("pics/*.*", ["pics/x.jpg", "pics/y.png"]),
        ("*/x.jpg", ["pics/x.jpg"]),
        (".*.jpg", [".hidden.jpg"]),
        ("pics/.*/x.jpg", ["pics/.secret/x.jpg"]),
        ("**/x.jpg", ["pics/sub/deep/x.jpg", "pics/x.jpg"]),
        ("pics/**/x.jpg", ["pics/sub/deep/x.jpg", "pics/x.jpg"]),
        ("**/**/deep/**/*.jpg", ["pics/sub/deep/x.jpg"]),
        ("**/sub/x.jpg", ["**/sub/x.jpg"]),
    ],
)
def test_patterns(pattern, expected):
    """Wildcards stay within a name, hidden ones must be asked for, ** crosses folders, nothing comes twice."""
    assert expected == expand(pattern)


def test_matching_folder_is_scanned():
    """A folder that matches is a folder: its pictures by extension, each once, though ** matches them too."""
    assert ["pics/sub/deep/x.jpg", "pics/x.jpg", "pics/y.png"] == expand("pi*")
    assert expand("pi*") == expand("pics/**")
    assert ["pics/sub/deep/x.jpg"] == expand("*/s*")


def test_existing_file_with_brackets():
    """A file that exists is that file, not a pattern."""
    assert ["b[1].jpg"] == expand("b[1].jpg")


def test_absolute_pattern(tmp_path):
    """An absolute pattern gives absolute names."""
    assert [str(tmp_path / "a1.jpg").replace(os.sep, "/")] == expand(str(tmp_path / "a1*"))


def test_no_match():
    """A pattern that matches nothing is missing."""
    (only,) = Scan(["none/*.jpg"])

    assert ("none/*.jpg", "missing") == (only.name, only.error and only.error.code)
    assert "no such file, and nothing matches it as a pattern" == str(only.error)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links(tmp_path):
    """** doesn't follow linked folders, which may lead in circles; a name that matches does."""
    (tmp_path / "pics/loop").symlink_to("..", target_is_directory=True)

    assert ["pics/sub/deep/x.jpg", "pics/x.jpg"] == expand("**/x.jpg")
    assert ["pics/loop/a1.jpg"] == expand("pics/l*/a1.jpg")


@pytest.mark.skipif(sys.platform != "win32", reason="both separators exist there alone")
def test_both_separators():
    """Windows users type either slash."""
    assert ["pics/x.jpg"] == expand("pics\\*.jpg")
