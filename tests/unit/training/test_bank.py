"""The bank: what a network makes of its pictures, without the pictures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hornet.classifier import Classifier
from hornet.dataset import file_digest, read_manifest
from hornet.errors import ConfigError
from hornet.training.bank import Bank, make_bank, read_bank, save_bank, trunk_digest
from hornet.training.runfolder import RunFolder
from hornet.training.trained import load_run


@pytest.fixture(scope="module")
def run(exported):
    return RunFolder(exported.fp32.parent)


@pytest.fixture
def bank(run):
    return read_bank(run.bank)


def short(path):
    """Return the first 8 bytes of a file's SHA-256 as a signed number."""
    return int.from_bytes(bytes.fromhex(file_digest(path))[:8], "big", signed=True)


def test_rows_are_the_float_files_embeddings(exported, run, bank):
    """A row is what the float32 artifact's embedding output is for that picture, rounded to float16."""
    dataset = read_manifest(run.manifest)
    learned = [record for record in dataset.records if record.split in {"train", "validation"}]
    classifier = Classifier.open(exported.fp32)

    assert len(learned) == len(bank)
    assert [record.label for record in learned] == bank.label.tolist()
    assert [["train", "validation"].index(record.split) for record in learned] == bank.split.tolist()
    for place in (0, 7, len(bank) - 1):
        expected = classifier.predict(learned[place].path).embedding
        assert expected is not None
        np.testing.assert_allclose(bank.embedding[place].astype(np.float32), expected, rtol=2e-3, atol=1e-3)


def test_test_pictures_are_only_recognised(run, bank):
    """Of the test split nothing is kept but the beginning of each file's hash."""
    test = read_manifest(run.manifest).subset("test").records

    assert sorted(short(record.path) for record in test) == bank.held_out.tolist()
    assert not set(bank.held_out.tolist()) & set(bank.digest.tolist())


def test_no_path_no_name_of_a_group(run):
    """The file names no folder, picture or group."""
    content = run.bank.read_bytes()
    dataset = read_manifest(run.manifest)
    words = {record.name.rsplit("/", 1)[-1] for record in dataset.records} | set(dataset.groups())

    assert [] == [
        word for word in (*words, str(run.path.parent), "presence", ".jpg") if word.encode() in content
    ]


def test_reads_back_what_was_written(bank, tmp_path):
    """Every array and name is the same again."""
    save_bank(bank, tmp_path / "bank.safetensors")
    again = read_bank(tmp_path / "bank.safetensors")

    for field in dataclasses.fields(Bank):
        np.testing.assert_array_equal(getattr(bank, field.name), getattr(again, field.name))


def test_rounded_weights_have_the_same_trunk(network, bank):
    """The digest of the packed float16 weights, or of another head, is that of the network; of another layer isn't."""
    state = network.state_dict()
    rounded = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    headless = {name: torch.zeros_like(t) if name.startswith("fc.") else t for name, t in state.items()}
    changed = {**state, "conv1.weight": state["conv1.weight"] * 1.01}

    assert bank.trunk == trunk_digest(state) == trunk_digest(rounded) == trunk_digest(headless)
    assert bank.trunk != trunk_digest(changed)


def test_joined_replaces_what_it_has(run, bank):
    """A picture that is given again has one row, its new one; pictures moved to test lose theirs."""
    dataset = read_manifest(run.manifest)
    first, second = dataset.subset("train").records[:2]
    corrected = dataclasses.replace(
        first, label=int(not first.label), source="garden", species="Vespa crabro"
    )
    moved = dataclasses.replace(second, split="test")
    rows = np.full((2, 512), 0.5, np.float32)

    merged = bank.joined([corrected, moved], rows)

    assert len(bank) - 1 == len(merged)
    (row,) = np.flatnonzero(merged.digest == short(first.path))
    assert (corrected.label, 0.5) == (merged.label[row], merged.embedding[row, 0])
    assert ("garden", "Vespa crabro") == tuple(merged.columns()[name][row] for name in ("source", "species"))
    assert short(second.path) in merged.held_out
    assert merged.group[row] not in np.delete(merged.group, row)


def test_is_made_without_the_exported_files(run, bank):
    """The bank depends on weights and pictures alone, and comes out the same again."""
    again = make_bank(load_run(run.path))

    np.testing.assert_array_equal(bank.embedding, again.embedding)
    assert bank.trunk == again.trunk


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign", "code"])
def test_damage_is_named(bank, tmp_path, damage):
    """A bank that is missing, cut off, something else or contradicts itself is an error with the file's name."""
    file = tmp_path / "bank.safetensors"
    if damage == "code":
        bank = dataclasses.replace(bank, source=bank.source + np.int16(9))
    save_bank(bank, file)
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "foreign":
        from safetensors.numpy import save_file

        save_file({"a": np.zeros(1)}, file)

    with pytest.raises(ConfigError, match=r"bank\.safetensors"):
        read_bank(file)
