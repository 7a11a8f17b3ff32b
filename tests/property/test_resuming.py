"""Wherever a run ends, going on gives the rows of one that nobody stopped."""

import contextlib
import errno
import io
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hornet.classifier import Classifier
from hornet.errors import HornetError
from hornet.inference.columns import NOVELTY
from hornet.inference.journal import Journal
from hornet.inference.resuming import predict_resumably
from hornet.inference.sinks import open_sink
from hornet.inference.sources import Source


class Killed(BaseException):
    """The process is no more."""


class Doomed:
    """A file that takes so many bytes and no more: then the disk is full, or the process killed."""

    def __init__(self, file, budget, end):
        self._file, self._budget, self._end = file, budget, end

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        """Write what still fits."""
        if not self._budget:
            if self._end is Killed:
                self.truncate = self._refuse
            raise self._end
        taken = self._file.write(data[: self._budget])
        self._budget -= taken
        return taken

    def _refuse(self, size):
        raise Killed


@pytest.fixture(scope="module")
def classifier(make_artifact, red_and_blue, tmp_path_factory):
    path = make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx", novelty=red_and_blue)
    return Classifier.open(path, threads=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Return names of pictures, damaged and missing ones among them."""
    folder = tmp_path_factory.mktemp("pics")
    for number in range(8):
        Image.new("RGB", (9, 9), (30 * number, 90, 255 - 20 * number)).save(folder / f"{number}.png")
    (folder / "3.png").write_bytes(b"damaged")
    return [str(folder / f"{number}.png") for number in range(9)]


def session(classifier, names, path, batch, *, budget=None, end=None):
    """Return the document of a session; raises what ended it."""
    journal = Journal(path, {"batch": batch})
    if budget is not None:
        vars(journal)["_file"] = Doomed(journal._file, budget, end)
    stream = io.BytesIO()
    sink = open_sink("jsonl", stream, further=[NOVELTY])
    try:
        sources = [Source(name, name) for name in names]
        for answer in predict_resumably(classifier, sources, journal, batch_size=batch, workers=1):
            sink.write(answer)
    finally:
        journal._file.close()
    sink.finish()
    return stream.getvalue()


ENDS = st.sampled_from([Killed, OSError(errno.ENOSPC, "No space left on device")])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.integers(0, 8), min_size=1, max_size=8),
    batch=st.integers(1, 4),
    ends=st.lists(st.tuples(st.integers(0, 900), ENDS), max_size=4),
)
def test_any_end(classifier, pictures, places, batch, ends):
    """Killed in the middle of any write, or with a full disk, again and again: the same bytes at the end."""
    names = [pictures[place] for place in places]
    with tempfile.TemporaryDirectory() as folder:
        whole = session(classifier, names, f"{folder}/whole.journal", batch)
        path = f"{folder}/rows.journal"
        kept = 0
        for budget, end in ends:
            with contextlib.suppress(Killed, HornetError):
                session(classifier, names, path, batch, budget=budget, end=end)
            now = Journal(path, {"batch": batch})
            now._file.close()
            assert len(now) >= kept
            kept = len(now)

        assert whole == session(classifier, names, path, batch)
        assert Path(f"{folder}/whole.journal").read_bytes() == Path(path).read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.integers(0, 8), min_size=1, max_size=8, unique=True),
    after=st.lists(st.integers(0, 8), min_size=1, max_size=8),
    batch=st.integers(1, 3),
)
def test_other_pictures(classifier, pictures, before, after, batch):
    """Whatever came, went or moved between two sessions, the rows are those of the pictures of today."""
    old, new = ([pictures[place] for place in places] for places in (before, after))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/rows.journal"
        journal = Journal(path, {"batch": batch})
        sources = [Source(name, name) for name in old]
        answers = predict_resumably(classifier, sources, journal, batch_size=batch, workers=1)
        list(itertools.islice(answers, max(1, len(old) - 1)))
        journal._file.close()

        assert session(classifier, new, f"{folder}/new.journal", batch) == session(
            classifier, new, path, batch
        )
        assert session(classifier, new, path, batch) == session(classifier, [], path, batch)
