"""Writing whole files."""

import os
import sys

import pytest

from hornet.files import write_atomically


def test_writes_and_replaces(tmp_path):
    """A file is made with its folder, then replaced, and nothing is left beside it."""
    path = tmp_path / "new" / "file.txt"
    write_atomically(path, b"one")
    write_atomically(path, b"two")

    assert b"two" == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_failure_leaves_the_old_file(tmp_path, monkeypatch):
    """What was there stays if the new content can't be written."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")

    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_others_may_read_it(tmp_path):
    """The file gets the rights that any new file has here."""
    mask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(mask)

    assert 0o644 == (tmp_path / "file").stat().st_mode & 0o777
