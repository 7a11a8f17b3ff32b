"""Partitions of the input."""

import os

from hornet.errors import ImageUnreadable, ImageUnsupported
from hornet.inference.distributed.partitions import cut, is_partition, unpack
from hornet.inference.sources import Source


def sources(count):
    return [Source(f"{number}.jpg", f"{number}.jpg") for number in range(count)]


def test_places():
    """Partitions are cut by place, and the last one has what is left."""
    partitions = list(cut(sources(7), 3, {}))

    assert [(0, 3), (1, 3), (2, 1)] == [(part.number, part.rows) for part in partitions]
    assert [f"{number}.jpg" for number in range(7)] == [
        picture.source.name for part in partitions for picture in unpack(part.pictures)
    ]
    assert [part.file for part in partitions] == sorted(part.file for part in partitions)


def test_nothing_is_lost():
    """Names that are no text, addresses and errors reach the worker as they were."""
    given = [
        Source("\udcff é\n.jpg", "x"),
        Source("https://example.org/a.jpg", "https://example.org/a.jpg", remote=True),
        Source("f", "f", error=ImageUnreadable("can't list this folder: Permission denied")),
        Source("ftp://a", "ftp://a", error=ImageUnsupported("no")),
    ]
    (partition,) = cut(given, 10, {})
    got = [picture.source for picture in unpack(partition.pictures)]

    assert [(source.name, source.remote) for source in given] == [
        (source.name, source.remote) for source in got
    ]
    assert [(type(source.error), str(source.error)) for source in given] == [
        (type(source.error), str(source.error)) for source in got
    ]


def test_fingerprint(tmp_path):
    """A file's name changes with settings, names, sizes and times, and with nothing else."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a")
    given = [Source(str(path), "a.jpg")]

    def name(settings=None, found=given):
        (partition,) = cut(found, 10, settings or {"--batch": 32})
        return partition.file

    first = name()
    assert is_partition(first)
    assert first == name()
    others = {first, name({"--batch": 16}), name(found=[*given, Source("b.jpg", "b.jpg")])}
    os.utime(path, (1, 1))
    others.add(name())
    path.unlink()
    others.add(name())

    assert 5 == len(others)
    assert all(map(is_partition, others))


def test_a_picture_that_is_there():
    """A worker is told which pictures were there when they were looked for."""
    (partition,) = cut([Source(__file__, "a"), Source("none.jpg", "none.jpg")], 10, {})

    assert [True, False] == [picture.there for picture in unpack(partition.pictures)]
