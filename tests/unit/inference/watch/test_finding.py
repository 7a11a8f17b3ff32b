"""New files of a folder: notices and scans."""

import os
import time
from pathlib import Path

import pytest

from hornet.inference import sources
from hornet.inference.folders import HEATMAP_MARK
from hornet.inference.watch.arrivals import Arrivals
from hornet.inference.watch.finding import Finder
from hornet.inference.watch.store import Batch, Store


@pytest.fixture
def make(tmp_path):
    store = Store(str(tmp_path / "state"))
    (tmp_path / "in").mkdir()
    finders = []

    def make_finder(*, poll=None):
        told: list[str] = []
        arrivals = Arrivals(0, 60)
        finder = Finder(
            str(tmp_path / "in"),
            store,
            arrivals,
            videos=False,
            poll=poll,
            wake=lambda: None,
            tell=told.append,
        )
        finders.append(finder)
        return finder, arrivals, store, told

    yield make_finder
    for finder in finders:
        finder.close()
    store.close()


def found(arrivals):
    return [path for path, _ in arrivals.ready(time.monotonic() + 1)]


def look(finder, arrivals, until):
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, found(arrivals)
        finder.step(time.monotonic())
        time.sleep(0.01)


def test_notices_tell_what_a_scan_would_find(make, tmp_path):
    """What the system tells is what a scan finds: no hidden files, no heatmaps, no other kinds; folders with all in them."""
    finder, arrivals, _, _ = make()
    look(
        finder, arrivals, lambda: finder.next_look() > time.monotonic() + 30
    )  # both scans of the start are over
    for folder in ("maps", ".hidden", "deep/er"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    (tmp_path / "in/maps" / HEATMAP_MARK).touch()
    for name in ("maps/a.png", ".hidden/a.png", ".a.png", "a.txt", "b.PNG", "deep/er/c.jpg"):
        (tmp_path / "in" / name).touch()

    look(finder, arrivals, lambda: len(arrivals) == 2)

    assert ["b.PNG", str(Path("deep/er/c.jpg"))] == sorted(found(arrivals))


def test_without_notices(make, tmp_path, monkeypatch):
    """Where the system can't tell, as with too many folders, that is said, and scans find what is new."""

    def refuse(*_, **__):
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    monkeypatch.setattr("hornet.inference.watch.finding._WITHOUT_S", 0.05)
    monkeypatch.setattr("hornet.inference.watch.finding._AGAIN_S", 0.05)
    finder, arrivals, _, told = make()
    look(finder, arrivals, lambda: told)
    (tmp_path / "in/a.png").touch()

    look(finder, arrivals, lambda: found(arrivals) == ["a.png"])

    assert ["no notices of new files (OS file watch limit reached): looking every 0.05 s instead"] == told


def test_what_is_known(make, tmp_path):
    """A file that was answered isn't new; one that changed since is; what was there first comes after what is live."""
    finder, arrivals, store, _ = make(poll=0.05)
    for name in ("answered", "changed", "old", "live"):
        (tmp_path / "in" / f"{name}.png").write_bytes(b"1")
        os.utime(tmp_path / "in" / f"{name}.png", (9, 9))
    seen = dict(finder.existing())
    store.begin([("old.png", seen["old.png"])], "existing")
    store.record(Batch([(name, seen[name]) for name in ("answered.png", "changed.png")], {}, [], []))
    (tmp_path / "in/changed.png").write_bytes(b"22")
    os.utime(tmp_path / "in/changed.png", (9, 9))

    look(finder, arrivals, lambda: len(arrivals) == 3)

    assert ["changed.png", "live.png", "old.png"] == found(arrivals)
    assert ["changed.png"] == [path for path, _ in arrivals.ready(time.monotonic() + 1, 1)]


def test_a_folder_that_cannot_be_listed(make, tmp_path, monkeypatch):
    """A folder that can't be listed is told once, and the others are looked at."""
    from hornet.inference.folders import list_folder

    def refuse(path):
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(sources, "list_folder", refuse)
    finder, arrivals, _, told = make(poll=0.05)
    (tmp_path / "in/closed").mkdir()
    (tmp_path / "in/a.png").touch()

    look(finder, arrivals, lambda: told and found(arrivals) == ["a.png"])
    (tmp_path / "in/b.png").touch()
    look(finder, arrivals, lambda: found(arrivals) == ["a.png", "b.png"])

    assert [f"{tmp_path / 'in/closed'}: can't list this folder: Permission denied"] == told
