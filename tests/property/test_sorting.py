"""Sorting loses no picture, wherever it is stopped and whatever the names."""

import contextlib
import os
import shutil
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hornet.classifier import Failure, Prediction
from hornet.inference.journal import Journal
from hornet.inference.records import Row, look_at
from hornet.inference.sorting import Sorter
from hornet.inference.sources import Source

MEMORY = Path("/dev/shm")  # another file system than the temporary folder's, and a fast one
FAST = str(MEMORY) if MEMORY.is_dir() else None
OTHER = FAST is not None and MEMORY.stat().st_dev != Path(tempfile.gettempdir()).stat().st_dev

NAMES = ["a.jpg", "a-2.jpg", "sub/a.jpg", "a.b.JPG", "x"]
if sys.platform not in {"win32", "darwin"}:
    NAMES += [
        "A.jpg",
        "\u00e9.jpg",
        unicodedata.normalize("NFD", "\u00e9.jpg"),
        "\udcff.jpg",
        "new\nline.jpg",
    ]


class Killed(BaseException):
    """The process is no more."""


@contextlib.contextmanager
def killed_after(steps):
    """Let the process die before a step that changes the disk, and do nothing any more."""
    left = [steps]

    def step(real):
        def do(*arguments, **options):
            if left[0] <= 0:
                raise Killed
            left[0] -= 1
            return real(*arguments, **options)

        return do

    with contextlib.ExitStack() as stack:
        for place, names in (
            (os, ("link", "unlink", "rename", "makedirs", "fsync")),
            (shutil, ("copyfile", "copystat")),
        ):
            for name in names:
                stack.enter_context(mock.patch.object(place, name, step(getattr(place, name))))
        stack.enter_context(contextlib.suppress(Killed))
        yield


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def contents(folder):
    """Return the contents of all files that aren't hidden, and how often they are there."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return Counter(path.read_bytes() for path in paths)


def journal_of(path, pictures):
    """Return the journal of a finished prediction of pictures in several folders."""
    journal = Journal(str(path), {})
    if journal.order is None:
        rows = []
        for top, name, failed in pictures:
            source = Source(str(top / name), str(Path(name)))
            answer = (
                Failure(source.name, "unreadable", "damaged")
                if failed
                else Prediction(source.name, "absent" if len(name) % 2 else "present", 0.5, (0.0, 0.0))
            )
            rows.append(Row(source, look_at(source), answer))
        journal.append(rows)
        journal.complete(range(len(rows)))
    return journal


PICTURES = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(NAMES), st.sampled_from([b"one", b"two", b"three"]), st.booleans()
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda picture: picture[:2],
)
FOREIGN = st.dictionaries(
    st.sampled_from([f"{label}/{name}" for label in ("present", "absent") for name in NAMES if name != "x"]),
    st.sampled_from([b"one", b"foreign"]),
    max_size=3,
)


@pytest.mark.parametrize(
    ("how", "across"),
    [
        ("copy", False),
        ("link", False),
        ("move", False),
        pytest.param("move", True, marks=pytest.mark.skipif(not OTHER, reason="no second file system")),
    ],
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=PICTURES, foreign=FOREIGN, deaths=st.lists(st.integers(0, 12), max_size=4))
@example(
    pictures=[(0, "a.jpg", b"one", False), (1, "a.jpg", b"one", False)],
    foreign={"present/a.jpg": b"one"},
    deaths=[],
)
def test_nothing_is_lost(how, across, pictures, foreign, deaths):
    """Stopped at any step, again and again: every picture is there once, and what was there before, too."""
    with (
        tempfile.TemporaryDirectory(dir=FAST) as base,
        tempfile.TemporaryDirectory(dir=None if across else FAST) as target,
    ):
        tops, folder = Path(base), Path(target, "sorted")
        placed = []
        for top, name, content, failed in pictures:
            write(tops / str(top) / name, content)
            placed.append((tops / str(top), name, failed))
        for name, content in foreign.items():
            write(folder / name, content)
        before = contents(tops)
        wanted = Counter(content for _, _, content, failed in pictures if not failed)
        path = Path(base, "journal.jsonl")
        for steps in deaths:
            journal = journal_of(path, placed)
            with killed_after(steps):
                Sorter(str(folder), how, []).sort(journal)
            journal._file.close()
        journal = journal_of(path, placed)
        result = Sorter(str(folder), how, []).sort(journal)
        journal._file.close()
        path.unlink()

        assert [] == result.problems
        assert [] == list(folder.rglob("*.part"))
        for name, content in foreign.items():
            assert content == (folder / name).read_bytes()
        if how == "move":
            assert before - wanted == contents(tops)
            assert wanted + Counter(foreign.values()) == contents(folder)
        else:
            assert before == contents(tops)
            assert set(wanted) <= set(contents(folder))
            assert contents(folder) <= wanted + Counter(foreign.values())
