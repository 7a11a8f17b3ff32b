"""The artifact: what is accepted, what is refused, and in which words."""

import dataclasses
import json

import numpy as np
import pytest

from hornet.artifact import CONTRACT_KEY, Contract, open_artifact
from hornet.cpus import available_cpus
from hornet.errors import ArtifactCorrupt, ArtifactIncompatible, ArtifactMissing
from hornet.images import PixelRule
from hornet.novelty import Novelty


def test_round_trip(contract_values):
    """A contract that is written and read again is the same."""
    contract = Contract.from_json(json.dumps(contract_values))

    assert contract == Contract.from_json(contract.to_json())


def test_pixel_rule_is_the_contracts(contract_values):
    """What decides about pixels comes from the contract, every part of it."""
    masks = [[0.0, 0.0, 0.5, 0.25]]
    changed = {
        **contract_values,
        "size": [4, 6],
        "resize": "pad",
        "draft_margin": 3.0,
        "masks": masks,
        "fill": [1, 2, 3],
    }

    expected = PixelRule((4, 6), "pad", 3.0, ((0.0, 0.0, 0.5, 0.25),), (1, 2, 3))
    assert expected == Contract.from_json(json.dumps(changed)).pixel_rule


def test_opens(tiny_model):
    """A whole file opens, and says what is in it."""
    artifact = open_artifact(tiny_model)

    assert (8, 8) == artifact.contract.size
    assert ["image"] == [entry.name for entry in artifact.session.get_inputs()]


def test_damaged_novelty_is_refused(make_artifact, red_and_blue, tmp_path):
    """A contract whose distance can't be computed, or is another one, opens no artifact."""
    cases = ({"method": "tarot"}, "tarot"), ({"limit": 0}, "out of range"), ({"size": [2, 9, 9]}, "reshape")
    for change, words in cases:
        path = make_artifact(tmp_path / "m.onnx", novelty={**red_and_blue, **change})
        with pytest.raises(ArtifactIncompatible, match=words):
            open_artifact(path)


def test_novelty_of_other_embeddings_is_refused(make_artifact, tmp_path):
    """A distance for embeddings of another length than the graph's opens no artifact."""
    rng = np.random.default_rng(0)
    novelty = Novelty.fit(
        rng.normal(size=(200, 7)).astype(np.float32),
        np.arange(200) % 2,
        rng.normal(size=(100, 7)).astype(np.float32),
        tolerance=0.01,
    )
    path = make_artifact(tmp_path / "m.onnx", novelty=novelty.to_document())

    with pytest.raises(ArtifactIncompatible, match="measures the novelty of 7"):
        open_artifact(path)


def test_unknown_keys_are_left_alone(make_artifact, tmp_path):
    """A later version may say more."""
    path = make_artifact(tmp_path / "m.onnx", something_new={"a": 1})

    assert "something_new" not in {field.name for field in dataclasses.fields(open_artifact(path).contract)}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"version": 2}, ArtifactIncompatible, "newer hornet"),
        ({"version": "1"}, ArtifactCorrupt, "version number"),
        ({"temperature": ...}, ArtifactCorrupt, "lacks temperature"),
        ({"classes": ["present", "absent"]}, ArtifactIncompatible, "classes"),
        ({"low": 0.7, "high": 0.3}, ArtifactIncompatible, "low <= high"),
        ({"temperature": 0}, ArtifactIncompatible, "temperature"),
        ({"decision_threshold": "high"}, ArtifactIncompatible, "not supported"),
        ({"resize": "crop"}, ArtifactIncompatible, "resize crop"),
        ({"exif": "ignored"}, ArtifactIncompatible, "exif ignored"),
        ({"masks": [[0.5, 0, 0.2, 1]]}, ArtifactIncompatible, "x0 < x1"),
        ({"masks": 3}, ArtifactCorrupt, "masks"),
        ({"golden": [{"name": "x"}]}, ArtifactCorrupt, "golden"),
        ({"size": [16, 16]}, ArtifactIncompatible, "promises"),
    ],
)
def test_refuses(make_artifact, tmp_path, changes, error, words):
    """A contract that is newer, incomplete or contradicts itself or the graph is refused, with the file's name."""
    path = make_artifact(tmp_path / "m.onnx", **changes)

    with pytest.raises(error, match=words) as caught:
        open_artifact(path)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path):
    """A missing file is said to be missing, with what to do."""
    with pytest.raises(ArtifactMissing, match="--model"):
        open_artifact(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 50])
def test_no_onnx(tmp_path, content):
    """Anything but an ONNX file is corrupt, not a traceback."""
    path = tmp_path / "m.onnx"
    path.write_bytes(content)

    with pytest.raises(ArtifactCorrupt, match="m.onnx"):
        open_artifact(path)


def test_someone_elses_onnx(tiny_model):
    """An ONNX model without our contract is refused."""
    import onnx

    model = onnx.load(tiny_model)
    del model.metadata_props[:]
    onnx.save(model, tiny_model)

    with pytest.raises(ArtifactCorrupt, match="without a hornet contract"):
        open_artifact(tiny_model)


def test_truncated(tiny_model):
    """Half a file is refused, wherever it was cut."""
    data = tiny_model.read_bytes()
    for share in np.linspace(0.05, 0.95, 10):
        tiny_model.write_bytes(data[: int(share * len(data))])

        with pytest.raises(ArtifactCorrupt):
            open_artifact(tiny_model)


def test_threads_are_what_was_asked_for(tiny_model):
    """The thread count reaches onnxruntime; by default it is the process's share of the machine."""
    one = open_artifact(tiny_model, threads=1).session.get_session_options().intra_op_num_threads
    default = open_artifact(tiny_model).session.get_session_options().intra_op_num_threads

    assert (1, available_cpus()) == (one, default)


def test_key_is_the_published_one(tiny_model):
    """Other programs find the contract under its published name."""
    import onnx

    assert [CONTRACT_KEY, "hornet.contract"] == [onnx.load(tiny_model).metadata_props[0].key, CONTRACT_KEY]
