"""Checkpoints: the newest whole one counts."""

import pytest
import torch

from hornet.errors import ConfigError
from hornet.training.checkpoint import load_checkpoint, save_checkpoint


def test_what_was_saved_comes_back(tmp_path):
    """Tensors to the bit, with names, numbers and lists."""
    weights = torch.randn(3, 4)
    state = {"n": 3, "names": ["a", "b"], "inner": {"loss": 0.25}}
    save_checkpoint(tmp_path / "checkpoint", {**state, "w": weights})

    loaded = load_checkpoint(tmp_path / "checkpoint", report=print)

    assert loaded is not None
    assert torch.equal(weights, loaded.pop("w"))
    assert state == loaded


def test_without_a_checkpoint_there_is_none(tmp_path):
    """A run that never got that far begins anew."""
    assert load_checkpoint(tmp_path / "nowhere", report=print) is None


@pytest.mark.parametrize("damage", [b"", b"HORNETC1", None])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    """Emptied, cut off, or with one flipped bit."""
    for n in (1, 2, 3):
        save_checkpoint(tmp_path, {"n": n})
    last = tmp_path / "last.pt"
    data = bytearray(last.read_bytes())
    data[-20] ^= 1
    last.write_bytes(bytes(data) if damage is None else damage)

    said: list[str] = []

    assert {"n": 2} == load_checkpoint(tmp_path, report=said.append)
    assert ["checkpoint last.pt is damaged: falling back to previous.pt"] == said


def test_a_damaged_checkpoint_never_replaces_a_whole_one(tmp_path):
    """After falling back, the next save keeps what was fallen back to as the one before."""
    for n in (1, 2):
        save_checkpoint(tmp_path, {"n": n})
    (tmp_path / "last.pt").write_bytes(b"x")
    load_checkpoint(tmp_path, report=print)
    save_checkpoint(tmp_path, {"n": 3})
    (tmp_path / "last.pt").write_bytes(b"x")

    assert {"n": 1} == load_checkpoint(tmp_path, report=print)


def test_one_that_was_not_put_in_place_yet_counts(tmp_path):
    """Killed between writing and renaming, nothing is lost."""
    save_checkpoint(tmp_path, {"n": 1})
    save_checkpoint(tmp_path, {"n": 2})
    (tmp_path / "last.pt").rename(tmp_path / "fresh.pt")

    assert {"n": 2} == load_checkpoint(tmp_path, report=print)


def test_if_all_are_damaged_nothing_is_silently_begun_anew(tmp_path):
    """Hours of work aren't thrown away without a word."""
    save_checkpoint(tmp_path, {"n": 1})
    (tmp_path / "last.pt").write_bytes(b"x")

    with pytest.raises(ConfigError, match=r"last\.pt can't be used: damaged"):
        load_checkpoint(tmp_path, report=print)


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    """Half-written files don't pile up."""
    (tmp_path / ".fresh.pt.abcd.tmp").write_bytes(b"half")
    save_checkpoint(tmp_path, {"n": 1})

    assert ["last.pt"] == [entry.name for entry in tmp_path.iterdir()]
