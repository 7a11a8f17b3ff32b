"""Lines that are whole and there once, whatever ended the process."""

import os

import pytest

from hornet.inference.watch.lines import LineFile
from hornet.inference.watch.store import Batch, Store

LINES = [f'{{"n": {number}, "text": "{"é" * number}"}}\n'.encode() for number in range(6)]


@pytest.fixture
def store(tmp_path):
    store = Store(str(tmp_path / "state"))
    store.record(Batch([], {}, [("alarms", line) for line in LINES], []))
    yield store
    store.close()


@pytest.mark.parametrize(
    "size", [0, 1, 7, len(b"".join(LINES[:2])), len(b"".join(LINES)) - 1, len(b"".join(LINES))]
)
def test_killed_at_any_byte(store, tmp_path, size):
    """However much of the lines had been written when the process ended, the file has each of them once."""
    path = tmp_path / "alarms.jsonl"
    before = b'{"older": 1}\n'
    path.write_bytes(before + b"".join(LINES)[:size])

    LineFile(str(path), store, "alarms").flush()

    assert before + b"".join(LINES) == path.read_bytes()
    assert [] == store.lines("alarms")


def test_half_a_line_of_somebody_else(store, tmp_path):
    """What others left without its end stays, and ours begins on a line of its own."""
    path = tmp_path / "alarms.jsonl"
    path.write_bytes(b"half a note")

    LineFile(str(path), store, "alarms").flush()

    assert b"half a note\n" + b"".join(LINES) == path.read_bytes()


def test_moved_away(store, tmp_path):
    """A file that is moved away is begun anew."""
    path = tmp_path / "alarms.jsonl"
    file = LineFile(str(path), store, "alarms")
    file.flush()
    path.rename(tmp_path / "old.jsonl")
    store.record(Batch([], {}, [("alarms", LINES[0])], []))

    file.flush()

    assert LINES[0] == path.read_bytes()
    assert b"".join(LINES) == (tmp_path / "old.jsonl").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="no such device there")
def test_a_full_disk(store):
    """Lines that can't be written stay until they can."""
    with pytest.raises(OSError, match="No space left"):
        LineFile("/dev/full", store, "alarms").flush()

    assert LINES == [line for _, line in store.lines("alarms")]
