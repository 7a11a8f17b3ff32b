"""Lists of paths: pieces, separators, encodings."""

import codecs
import io

import pytest

from hornet.errors import ImageUnreadable
from hornet.inference.lists import read_list


class Dripping:
    """A pipe that gives one byte at a time, and has no read1."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def read(self, size, /):
        """Return the next byte."""
        return self._data.read(1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\r\n\n", []),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b" a b \r\nc", [" a b ", "c"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xff\n\xc3\xa9", ["\udcff", "é"]),
        (codecs.BOM_UTF8 + "é\n".encode(), ["é"]),
        (codecs.BOM_UTF16_LE + "é\r\nb\r\n".encode("utf-16-le"), ["é", "b"]),
        (codecs.BOM_UTF16_BE + "é\r\nb".encode("utf-16-be"), ["é", "b"]),
        (b"\xff\xfe", []),
    ],
)
def test_lines(data, expected):
    """Lines are paths, whatever wrote them and however they arrive."""
    assert expected == list(read_list(io.BytesIO(data)))
    assert expected == list(read_list(Dripping(data)))


def test_null():
    """Between NULs everything belongs to the path."""
    assert ["a\nb\r", "\udcff"] == list(read_list(io.BytesIO(b"a\nb\r\0\0\xff\0"), null=True))


def test_long_list():
    """Lists longer than one read come whole, cut at the right places."""
    expected = [f"folder/é{number}.jpg" for number in range(20_000)]

    assert expected == list(read_list(io.BytesIO("\n".join(expected).encode())))


def test_paths_come_as_they_arrive():
    """The first path doesn't wait for the second read."""

    class Pipe(io.BytesIO):
        reads = 0

        def read1(self, size=-1, /):
            """Return what has arrived."""
            self.reads += 1
            return {1: b"first\nsec", 2: b"ond\n"}.get(self.reads, b"")

    pipe = Pipe()
    paths = read_list(pipe)

    assert ("first", 1) == (next(paths), pipe.reads)
    assert ["second"] == list(paths)


def test_no_list():
    """A line as long as a file is refused before it fills the memory."""
    with pytest.raises(ImageUnreadable, match="no list of paths"):
        list(read_list(io.BytesIO(b"x" * 10_000_000)))
