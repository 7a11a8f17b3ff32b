"""Looks that are kept from start to start."""

import numpy as np
import pytest

from hornet.review.gather import gather
from hornet.review.looks import Look, Looks

MODEL = {"the model's SHA-256": "0123"}


@pytest.fixture
def start(folder, classifier, tmp_path, monkeypatch):
    """Return a function that gathers the folder and tells what it found and how many pictures the network saw."""
    seen: list[int] = []
    run = type(classifier).run

    def counted(self, batch):
        seen.append(len(batch))
        return run(self, batch)

    monkeypatch.setattr(type(classifier), "run", counted)

    def begin(software=MODEL):
        seen.clear()
        found = gather(folder, classifier, lambda _: None, Looks(tmp_path / "looks.npz", software))
        return found, sum(seen)

    return begin


def test_a_second_start_looks_at_nothing(start):
    """What is found a second time is what was found first, to the bit, without the network."""
    first, looked = start()
    second, again = start()

    assert (4, 0) == (looked, again)
    assert first.candidates == second.candidates
    assert np.array_equal(first.embedding, second.embedding)


def test_changed_pictures_and_models_are_looked_at(start, folder, encoded):
    """A new and a changed picture are looked at again, alone; with another model all are."""
    start()
    (folder / "red.png").write_bytes(encoded((0, 0, 255), (50, 50)))
    (folder / "new.png").write_bytes(encoded((0, 255, 0)))
    found, looked = start()
    _, other = start({"the model's SHA-256": "4567"})

    assert (2, 5) == (looked, other)
    assert "absent" == next(one.verdict for one in found.candidates if one.path.name == "red.png")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_damaged_file_is_none(start, tmp_path, content):
    """A file that can't be read costs time and nothing else."""
    start()
    (tmp_path / "looks.npz").write_bytes(content)

    assert 4 == start()[1]
    assert 0 == start()[1]


def test_odd_names(tmp_path):
    """Names that are no text come back, too."""
    path = tmp_path / "caf\udce9.png"
    path.write_bytes(b"x")
    look = Look("present", 0.75, 0.5, "2024-08-01T10:00:00", "cam", np.arange(4, dtype=np.float16))
    looks = Looks(tmp_path / "looks.npz", MODEL)
    looks.put(str(path), look)
    looks.save()
    back = Looks(tmp_path / "looks.npz", MODEL).get(str(path))

    assert back is not None
    assert (look.verdict, look.probability, look.novelty) == (back.verdict, back.probability, back.novelty)
    assert look.embedding.tolist() == back.embedding.tolist()
