"""The folder of collected pictures: whole or not at all, deleted on demand and by age, safe from kill -9."""

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hornet.dataset import read_manifest
from hornet.dataset.collection import Collection, CollectionFull, Given
from hornet.errors import ConfigError

ROOT = Path(__file__).parents[3]
DAY = dt.date(2026, 7, 1)


@pytest.fixture
def collection(tmp_path):
    """Return an empty collection for three pictures, kept for ten days."""
    return Collection(tmp_path / "given", most_pictures=3, most_bytes=1000, days=10)


def pictures(collection):
    """Return the names of the picture files."""
    return sorted(entry.name for entry in collection.folder.glob("*.jpg"))


def rows(collection):
    """Return name and label of every row; each one's picture must be there."""
    if not collection.manifest.exists():
        return []
    return [(record.name, record.label) for record in read_manifest(collection.manifest).records]


def test_a_row_and_its_picture(collection):
    """What is added is a file with the given bytes and a row that retraining reads; the token isn't kept."""
    given = collection.add(b"picture", ".jpg", 1, DAY)
    text = collection.manifest.read_text()
    record = read_manifest(collection.manifest).records[0]

    assert b"picture" == record.path.read_bytes()
    assert (given.picture, 1, "collected") == (record.name, record.label, record.source)
    assert "path,label,source,collected_at,deletion" == text.splitlines()[0]
    assert given.token not in text


def test_the_folder_is_private(collection):
    """Nobody but the server's user can look into a folder that was made for people's pictures."""
    if sys.platform == "win32":
        pytest.skip("Windows has other rights")

    assert 0o700 == collection.folder.stat().st_mode & 0o777


def test_sent_again(collection):
    """A picture sent again has one row with the last answer, and either token deletes it."""
    first = collection.add(b"a", ".jpg", 1, DAY)
    second = collection.add(b"a", ".jpg", 0, DAY)

    assert [(first.picture, 0)] == rows(collection)
    assert first.token != second.token
    assert collection.delete(first)
    assert ([], []) == (rows(collection), pictures(collection))


def test_deletion_needs_the_token(collection):
    """Another's token, or another name, deletes nothing."""
    given, other = (collection.add(data, ".jpg", 1, DAY) for data in (b"a", b"b"))

    assert not collection.delete(Given(given.picture, other.token))
    assert not collection.delete(Given("../secret.jpg", given.token))
    assert 2 == len(rows(collection)) == len(pictures(collection))
    assert collection.delete(given)
    assert not collection.delete(given)
    assert [other.picture] == pictures(collection)


def test_retention(collection):
    """On the tenth day after it was given, and not before, a picture and its row are gone."""
    collection.add(b"old", ".jpg", 1, DAY)
    young = collection.add(b"young", ".jpg", 0, DAY + dt.timedelta(1))

    assert 0 == collection.purge(DAY + dt.timedelta(9))
    assert 1 == collection.purge(DAY + dt.timedelta(10))
    assert [(young.picture, 0)] == rows(collection)
    assert [young.picture] == pictures(collection)


def test_no_retention(tmp_path):
    """With 0 days nothing grows too old."""
    collection = Collection(tmp_path, most_pictures=3, most_bytes=1000, days=0)
    collection.add(b"old", ".jpg", 1, DAY)

    assert 0 == collection.purge(dt.date(9999, 1, 1))
    assert 1 == len(rows(collection))


def test_the_operator_deletes_files(collection):
    """A picture deleted by hand takes its row along at the next purge; foreign files and rows stay."""
    given = collection.add(b"a", ".jpg", 1, DAY)
    (collection.folder / "own.jpg").write_bytes(b"mine")
    with collection.manifest.open("a") as manifest:
        manifest.write("own.jpg,present,me,,\n")
    (collection.folder / given.picture).unlink()

    assert 1 == collection.purge(DAY)
    assert [("own.jpg", 1)] == rows(collection)


def test_limits(collection):
    """Neither one picture nor one byte too many is taken; what was there stays."""
    collection.add(b"a" * 900, ".jpg", 1, DAY)
    with pytest.raises(CollectionFull):
        collection.add(b"b" * 101, ".jpg", 1, DAY)
    collection.add(b"c", ".jpg", 1, DAY)
    collection.add(b"d", ".jpg", 1, DAY)
    with pytest.raises(CollectionFull):
        collection.add(b"e", ".jpg", 1, DAY)

    assert 3 == len(rows(collection)) == len(pictures(collection))


def test_a_full_disk(collection, monkeypatch):
    """If the row can't be written, the picture doesn't stay."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hornet.dataset.collection.write_manifest", fail)
    with pytest.raises(OSError, match="No space"):
        collection.add(b"a", ".jpg", 1, DAY)

    assert ([], []) == (rows(collection), pictures(collection))


def test_at_once(tmp_path):
    """Two servers with four threads that add to one folder lose no row."""
    servers = [Collection(tmp_path, most_pictures=99, most_bytes=1000, days=1) for _ in range(2)]
    threads = [
        threading.Thread(target=servers[at % 2].add, args=(bytes((at,)), ".jpg", at % 2, DAY))
        for at in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 12 == len(rows(servers[0])) == len(pictures(servers[0]))


def test_not_a_folder(tmp_path):
    """A folder that can't be used is told at once."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="can't hold collected pictures"):
        Collection(tmp_path / "file", most_pictures=1, most_bytes=1, days=1)


# Kills itself at the n-th touch of the disk while it adds one picture and deletes another.
_KILLED = """
import datetime as dt, os, pathlib, signal, sys
from hornet.dataset import collection as room
folder, day = pathlib.Path(sys.argv[1]), dt.date(2026, 7, 1)

def counted(function, state):
    def call(*arguments, **keywords):
        state[0] -= 1
        if state[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **keywords)
    return call

at, code = 0, 1
while code:
    at += 1
    own = folder / str(at)
    kept = room.Collection(own, most_pictures=9, most_bytes=999, days=9)
    old = kept.add(b"old", ".jpg", 0, day)
    child = os.fork()
    if not child:
        state = [at]
        for owner, name in ((os, "fsync"), (os, "replace"), (os, "unlink"), (pathlib.Path, "replace"),
                            (pathlib.Path, "unlink"), (pathlib.Path, "open")):
            setattr(owner, name, counted(getattr(owner, name), state))
        kept.add(b"new", ".jpg", 1, day)
        kept.delete(old)
        os._exit(0)
    code = os.waitpid(child, 0)[1]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_kill_9_at_every_step(tmp_path):
    """Killed before any of its steps, it leaves whole rows, each with its picture; the purge sweeps up the rest."""
    subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)], env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60
    )
    folders = list(tmp_path.iterdir())

    assert len(folders) > 10
    for folder in folders:
        collection = Collection(folder, most_pictures=9, most_bytes=999, days=9)
        before = rows(collection)  # reads every row, and finds every picture
        collection.purge(DAY)
        assert before == rows(collection)
        assert sorted(name for name, _ in before) == pictures(collection)
        assert {"manifest.csv", ".lock", *pictures(collection)} == {entry.name for entry in folder.iterdir()}
