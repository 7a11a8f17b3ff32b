"""Sources and heatmap places, for any names."""

import glob
import io
import os
import sys
import tempfile
from pathlib import Path, PurePath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hornet.images import IMAGE_EXTENSIONS
from hornet.inference.lists import read_list
from hornet.inference.places import relative_path
from hornet.inference.sources import Scan, Source

# Names on which every file system agrees; case is left out for those that ignore it.
PARTS = st.text("ab.1é [", min_size=1, max_size=4).filter(lambda part: part.strip(". ") == part and part)
NAMES = st.builds(
    lambda parts, extension: "/".join([*parts[:-1], parts[-1] + extension]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", ".jpg", ".PNG", ".txt", ".tif"]),
)
TREES = st.lists(NAMES, max_size=12)


def grow(root, tree):
    """Make the files that don't get in each other's way."""
    for name in tree:
        path = Path(root) / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError:
            continue


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_scan_finds_every_picture_once(tree):
    """A scan finds exactly the visible files with a picture's extension, sorted by the parts of their paths."""
    with tempfile.TemporaryDirectory() as root:
        grow(root, tree)
        everything = [path.relative_to(root) for path in Path(root).rglob("*") if path.is_file()]
        visible = [path for path in everything if not any(part.startswith(".") for part in path.parts)]
        expected = sorted(path for path in visible if path.suffix.lower() in IMAGE_EXTENSIONS)
        scan = Scan([root])
        found = list(scan)

    assert sorted(expected, key=lambda path: path.parts) == [PurePath(source.relative) for source in found]
    assert [os.path.join(root, source.relative) for source in found] == [source.name for source in found]  # noqa: PTH118
    assert len(visible) - len(expected) == scan.skipped


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    TREES,
    st.lists(st.sampled_from(["*", "a*", "?", "[ab]*", "*.jpg", "**", "b"]), min_size=1, max_size=3).filter(
        lambda parts: parts != ["b"] * len(parts)
    ),
)
@example(["a/a/b.jpg", "a/b.jpg"], ["**", "a", "**", "b.jpg"])
@example(["1", "1a/b.jpg"], ["*", "**"])
def test_globs_match_what_pythons_do(tree, parts):
    """A pattern finds the files that Python's glob finds, each once; folders stand for their pictures."""
    pattern = "/".join(parts)
    with tempfile.TemporaryDirectory() as root:
        grow(root, tree)
        matched = [Path(path) for path in glob.glob(f"{glob.escape(root)}/{pattern}", recursive=True)]  # noqa: PTH207
        files = {path for path in matched if path.is_file()}
        folders = [path for path in matched if path.is_dir()]
        scanned = {Path(source.name) for folder in folders for source in Scan([str(folder)])}
        inside = {path for path in files if any(folder in path.parents for folder in folders)}
        found = [Path(source.name) for source in Scan([f"{root}/{pattern}"]) if source.error is None]

    assert len(set(found)) == len(found)
    # A file inside a folder that matches as well is found as part of the folder, if it is a picture.
    assert (files - inside) <= set(found) <= files | scanned
    assert scanned <= set(found) | {Path(root)}


@given(
    st.lists(st.text(min_size=1).filter(lambda path: "\0" not in path and path.isprintable())), st.booleans()
)
def test_lists_come_back(paths, null):
    """What is written one a line, or NUL-separated, is read back, whatever the size of the pieces."""
    data = "".join(path + ("\0" if null else "\n") for path in paths).encode()

    class Pieces(io.BytesIO):
        def read1(self, size=-1, /):
            """Return three bytes."""
            return self.read(3)

    assert paths == list(read_list(Pieces(data), null=null))


@pytest.mark.skipif(sys.platform == "win32", reason="other rules for bytes in names")
@given(st.lists(st.binary(min_size=1).filter(lambda name: b"\0" not in name)))
@example([b"\xff", b"\xc3", b"a\nb\r"])
def test_bytes_in_lists_come_back(names):
    """Names that are no text name the same file after the list is read."""
    data = b"".join(name + b"\0" for name in names)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or data[:3] == b"\xef\xbb\xbf":
        return  # a byte order mark

    assert names == [os.fsencode(path) for path in read_list(io.BytesIO(data), null=True)]


@given(
    st.text(max_size=30),
    st.sampled_from(["", "/", "../", "C:\\", "\\\\host\\share\\", "http://", "http://h/"]),
)
@example("..", "")
@example("a/../..", "../")
@example("%2e%2e/%2e%2e", "http://h/")
def test_heatmaps_stay_inside(name, before):
    """Whatever a source is called, its heatmap's place is below the folder."""
    source = Source(before + name, before + name, remote=before.startswith("http"))
    path = PurePath(relative_path(source))

    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.name
