"""The journal: what was done stays done, and nothing is mixed."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from hornet.classifier import Failure, Prediction
from hornet.errors import ArtifactMissing, ConfigError, HornetError
from hornet.inference.journal import Journal
from hornet.inference.records import Row, look_at, software
from hornet.inference.sources import Source

SETTINGS = {"SOURCE": ["pics"], "--threshold": None}


def prediction(name, probability=0.25, relative=None):
    return Row(
        Source(name, relative or name), (10, 20), Prediction(name, "absent", probability, (0.5, -1.25))
    )


ROWS = [
    prediction("pics/a.jpg", 0.1 + 0.2, relative="a.jpg"),
    Row(Source("b.jpg", "b.jpg"), (1, 2), Prediction("b.jpg", "unsure", 0.9, (0.0, 1.0), novelty=1.0 + 1e-7)),
    Row(Source("\udcff.jpg", "\udcff.jpg"), None, Failure("\udcff.jpg", "missing", "no such file")),
    Row(
        Source("https://h/é", "https://h/é", remote=True),
        None,
        Failure("https://h/é", "unreadable", 'a "b"\n'),
    ),
]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "rows.csv.journal")


@pytest.fixture
def opened(path):
    """Return a function that opens the journal, and closes what it opened before."""
    journals: list[Journal] = []

    def open_journal(settings=SETTINGS):
        for journal in journals:
            journal.close()
        journals.append(Journal(path, settings))
        return journals[-1]

    yield open_journal
    for journal in journals:
        journal.close()


def rows(journal):
    return [journal.row(place) for place in range(len(journal))]


def test_rows_come_back(opened):
    """Rows come back to the bit, whatever the names, in any number of sessions."""
    journal = opened()
    journal.append(ROWS[:2])
    assert not journal.continued
    journal = opened()
    journal.append(ROWS[2:])
    journal = opened()

    assert journal.continued
    assert ROWS == rows(journal)
    assert journal.order is None


def test_complete(opened):
    """A journal remembers that it is complete, and the order of the output."""
    opened().append(ROWS)
    opened().complete([0, 1, 2])
    assert [0, 1, 2] == list(opened().order)
    opened().complete([2, 0])

    assert [2, 0] == opened().order
    assert len(ROWS) == len(opened())


def test_placements(opened):
    """A journal remembers where pictures are sorted to, before they are."""
    journal = opened()
    journal.append(ROWS)
    journal.place([(0, "absent/a.jpg"), (1, "absent/\udcff.jpg")])

    assert {0: "absent/a.jpg", 1: "absent/\udcff.jpg"} == opened().placements


def test_every_cut(opened, path):
    """Where the file breaks off, within a line or between two, the blocks before the break are there, and it goes on from them."""
    journal = opened()
    journal.append(ROWS[:1])
    one = len(Path(path).read_bytes())
    journal.append(ROWS[1:])
    whole = Path(path).read_bytes()
    journal.close()
    header = whole.index(b"\n", whole.index(b'{"seal"')) + 1
    ends = {at + near for at, byte in enumerate(whole) if byte == ord("\n") for near in (-1, 0, 1)}
    for end in sorted(ends | set(range(0, len(whole), 11))):
        Path(path).write_bytes(whole[:end])
        journal = opened()
        blocks = 2 if end == len(whole) else 1 if end >= one else 0

        assert ([0, 1, len(ROWS)][blocks], end >= header) == (len(journal), journal.continued)
        for block in (ROWS[:1], ROWS[1:])[blocks:]:
            journal.append(block)
        assert whole == Path(path).read_bytes()


@pytest.mark.parametrize("damage", [b"\0" * 50, b'{"path": "x"}\n{"seal": 1, "crc": 0}\n', b'{"seal"\n'])
def test_damaged_end(opened, path, damage):
    """What follows the last whole block, zeros after a power cut among it, is cut off."""
    opened().append(ROWS)
    opened()
    whole = Path(path).read_bytes()
    with Path(path).open("ab") as file:
        file.write(damage)

    assert ROWS == rows(opened())
    assert whole == Path(path).read_bytes()


def test_damage_in_the_middle(opened, path):
    """Whatever byte is damaged, rows are right or not there; a damaged beginning is said."""
    journal = opened()
    for row in ROWS:
        journal.append([row])
    journal.close()
    whole = Path(path).read_bytes()
    header = whole.index(b"\n", whole.index(b'{"seal"')) + 1
    for at in range(0, len(whole), 7):
        Path(path).write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        if at < header:
            with pytest.raises(ConfigError, match=r"is damaged|is no journal"):
                opened()
        else:
            journal = opened()
            found = rows(journal)

            assert ROWS[: len(found)] == found
            assert len(found) < len(ROWS)


def test_no_room_for_the_first_line(path, monkeypatch):
    """A disk that is full from the start is a clear error, and leaves no empty journal."""

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", lambda descriptor, *_, **__: Full(descriptor, "r+b"))
    with pytest.raises(HornetError, match=r"can't write .*rows.csv.journal: No space left on device"):
        Journal(path, SETTINGS)

    assert not Path(path).exists()


def test_other_settings(opened, path):
    """Rows of another model or other settings aren't mixed; the message says what differs."""
    opened({**SETTINGS, "the model's SHA-256": "12"}).append(ROWS)
    whole = Path(path).read_bytes()

    with pytest.raises(ConfigError) as caught:
        opened({"SOURCE": ["a", "\x1bb"], "--threshold": 0.5, "the model's SHA-256": "34"})
    assert (
        "SOURCE was pics and is a \\x1bb; --threshold was not given and is 0.5; the model's SHA-256 was 12 and is 34."
    ) in str(caught.value)
    assert "delete the journal to begin anew" in str(caught.value)
    assert whole == Path(path).read_bytes()


def test_not_ours(opened, path):
    """A file that is no journal isn't touched."""
    for content in (b"precious", b'{"journal": "of my travels"}\n', b"\n"):
        Path(path).write_bytes(content)
        with pytest.raises(ConfigError, match="is no journal of hornet predict"):
            opened()

        assert content == Path(path).read_bytes()


def test_newer_version(opened, path):
    """A journal of a later version is refused."""
    opened().append(ROWS)
    opened()
    header = json.dumps({"journal": "hornet predict", "version": 2, "settings": {}}).encode() + b"\n"
    import zlib

    seal = json.dumps({"seal": 1, "crc": zlib.crc32(header)}).encode() + b"\n"
    Path(path).write_bytes(header + seal)

    with pytest.raises(ConfigError, match="another version of hornet"):
        opened()


def test_one_process_at_a_time(opened, path):
    """Two runs can't write to one journal."""
    journal = opened()

    with pytest.raises(ConfigError, match="is in use"):
        Journal(path, SETTINGS)
    journal.close()


@pytest.mark.parametrize("name", ["none/rows.csv.journal", "a\0", "folder"])
def test_impossible_place(tmp_path, name):
    """A place that can't be written is a clear error."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(ConfigError, match="name an output in a folder that exists and is writable"):
        Journal(f"{tmp_path}/{name}", SETTINGS)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become nobody")
def test_no_permission(tmp_path):
    """A folder of somebody else's is a clear error."""
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="Permission denied"):
            Journal(str(folder / "rows.csv.journal"), SETTINGS)
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="a file in use can't be removed there")
def test_folder_gone(opened, path):
    """A journal whose folder was removed says so, instead of writing to nowhere."""
    journal = opened()
    journal.append(ROWS[:1])
    Path(path).unlink()

    with pytest.raises(HornetError, match="is gone: it was removed while this run was writing to it"):
        journal.append(ROWS[1:])
    journal.remove()


def test_empty_leaves_nothing(opened, path):
    """A journal without rows isn't left behind, one with rows is, until the work is done."""
    opened().close()
    assert not Path(path).exists()
    journal = opened()
    journal.append(ROWS)
    journal.close()
    assert Path(path).exists()
    opened().remove()

    assert not Path(path).exists()


def test_nameless():
    """A journal without a name works, and leaves nothing."""
    journal = Journal(None, {})
    journal.append(ROWS)
    journal.complete(range(3))

    assert ROWS == rows(journal)
    journal.remove()


def test_find(opened):
    """A row is found by place; once the pictures have shifted, by name; never for a changed picture."""
    a, b, c = (prediction(f"{name}.jpg") for name in "abc")
    opened().append([a, b, a, c])
    journal = opened()

    assert [0, 1, 2] == [journal.find(at, row.source, (10, 20)) for at, row in enumerate([a, b, a])]
    assert journal.find(3, c.source, (10, 21)) is None
    assert journal.find(4, a.source, (10, 20)) is None
    assert 3 == journal.find(1, c.source, (10, 20))
    assert 1 == journal.find(7, b.source, (10, 20))
    assert journal.find(8, Source("d.jpg", "d.jpg"), (10, 20)) is None
    journal.append([prediction("d.jpg")])
    assert journal.find(9, Source("d.jpg", "d.jpg"), (10, 20)) is None


def test_look_at(tmp_path):
    """A file is told by size and time; an address, or nothing, by neither."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"abc")
    os.utime(file, ns=(5, 7))

    assert (3, 7) == look_at(Source(str(file), "a.jpg"))
    assert look_at(Source(f"{file}x", "a.jpgx")) is None
    assert look_at(Source("a\0", "a\0")) is None
    assert look_at(Source("http://h/", "http://h/", remote=True)) is None


def test_software(tiny_model, make_artifact, tmp_path):
    """Another model has another fingerprint, a missing one is said."""
    other = make_artifact(tmp_path / "other.onnx", gain=9.0)

    assert software(tiny_model) != software(other)
    assert software(tiny_model) == software(str(tiny_model))
    with pytest.raises(ArtifactMissing, match="none.onnx"):
        software("none.onnx")
