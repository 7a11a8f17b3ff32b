"""Files that are whole or not there."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from hornet.errors import ConfigError, HornetError
from hornet.inference.output import whole_file


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_whole(tmp_path):
    """The file appears when all of it is written, and nothing else is left."""
    path = tmp_path / "é.csv"
    with whole_file(str(path)) as file:
        file.write(b"all")
        assert not path.exists()

    assert b"all" == path.read_bytes()
    assert ["é.csv"] == names(tmp_path)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_error_keeps_the_old(tmp_path, error):
    """An error or Ctrl-C leaves what was there, and no half a file."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail():
        with whole_file(str(path)) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()

    assert b"old" == path.read_bytes()
    assert ["a.csv"] == names(tmp_path)


def test_replaces(tmp_path):
    """A finished file takes the old one's place."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"old, and longer")
    with whole_file(str(path), durable=False) as file:
        file.write(b"new")

    assert b"new" == path.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_mode_is_the_users(tmp_path):
    """The file has the mode that the user's umask gives to any new file."""
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.touch()
    with whole_file(str(ours)):
        pass

    assert stat.S_IMODE(plain.stat().st_mode) == stat.S_IMODE(ours.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_link_stays_a_link(tmp_path):
    """A link is followed, not replaced."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to("real/a.csv")
    with whole_file(str(tmp_path / "link.csv")) as file:
        file.write(b"x")

    assert (tmp_path / "link.csv").is_symlink()
    assert b"x" == (tmp_path / "real/a.csv").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="no such file there")
def test_device_is_written_directly():
    """A device isn't replaced by a file, even for root."""
    with whole_file(os.devnull) as file:
        file.write(b"x")

    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_full_device():
    """A full disk is a clear error, whether it shows when rows are written or when the file is closed."""

    def write(*, flush):
        with whole_file("/dev/full") as file:
            file.write(b"x")
            if flush:
                file.flush()

    for flush in (False, True):
        with pytest.raises(HornetError, match="can't write /dev/full: No space left on device"):
            write(flush=flush)


def test_disk_full_at_the_end(tmp_path, monkeypatch):
    """A disk that is full when the file is brought to it is a clear error; the old file stays."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with pytest.raises(HornetError, match="No space left"), whole_file(str(path)) as file:
        file.write(b"new")

    assert b"old" == path.read_bytes()
    assert ["a.csv"] == names(tmp_path)


@pytest.mark.parametrize("name", ["none/a.csv", "folder", "a\0.csv"])
def test_impossible_place(tmp_path, name):
    """A place that can't be written is said before any work is done."""
    (tmp_path / "folder").mkdir()

    with (
        pytest.raises(ConfigError, match="name a file in a folder that exists and is writable"),
        whole_file(f"{tmp_path}/{name}"),
    ):
        pytest.fail("nothing to write to")


def test_finished_file_is_never_lost(tmp_path, monkeypatch):
    """If the finished file can't take its place, the message says where it is."""

    def locked(source, target):
        raise PermissionError(13, "in use by a spreadsheet")

    monkeypatch.setattr(os, "replace", locked)
    with (
        pytest.raises(HornetError, match="Nothing is lost") as caught,
        whole_file(str(tmp_path / "a.csv")) as file,
    ):
        file.write(b"work")

    (kept,) = tmp_path.iterdir()
    assert str(kept) in str(caught.value)
    assert b"work" == kept.read_bytes()


def test_named_draft(tmp_path):
    """A draft of a given name takes the place of what a killed process left, and goes with the work."""
    path, draft = tmp_path / "a.csv", tmp_path / "a.csv.part"
    draft.write_bytes(b"left behind, and longer")
    with whole_file(str(path), draft=str(draft)) as file:
        file.write(b"new")
        assert draft.exists()

    assert (b"new", ["a.csv"]) == (path.read_bytes(), names(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use can't be removed there")
def test_folder_gone(tmp_path):
    """If the folder goes while the file is written, the message doesn't promise that it is kept."""
    folder = tmp_path / "out"
    folder.mkdir()

    def work():
        with whole_file(str(folder / "a.csv")) as file:
            file.write(b"work")
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    with pytest.raises(HornetError, match="can't put the finished file in its place.*Its folder is gone"):
        work()
