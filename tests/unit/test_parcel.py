"""A registry entry travels as one file, and what was changed on the way isn't kept."""

from __future__ import annotations

import json
import zipfile

import pytest

from hornet.classifier import Classifier
from hornet.errors import ArtifactCorrupt, ArtifactMissing, ConfigError
from hornet.parcel import export_entry, import_entry
from hornet.registry import Registry


@pytest.fixture
def here(tmp_path):
    return Registry(tmp_path / "here")


@pytest.fixture
def there(tmp_path):
    return Registry(tmp_path / "there")


@pytest.fixture
def entry(here, make_artifact, tmp_path):
    weights, bank = tmp_path / "w", tmp_path / "b"
    weights.write_bytes(b"weights")
    bank.write_bytes(b"bank")
    model = make_artifact(tmp_path / "m.onnx")
    return here.add(model, weights=weights, bank=bank, parent="packed", note="better", record={"figures": 1})


def test_arrives_whole(here, there, entry, tmp_path):
    """Model, weights, bank, record, parent and note are the same on the other side; it is a challenger there."""
    export_entry(here, entry.id[:5], tmp_path / "m.zip")
    arrived = import_entry(there, tmp_path / "m.zip")

    assert (entry.id, entry.parent, entry.note) == (arrived.id, arrived.parent, arrived.note)
    assert here.model_path(entry.id).read_bytes() == there.model_path(entry.id).read_bytes()
    assert b"weights" == there.weights_path(entry.id).read_bytes()
    assert b"bank" == there.bank_path(entry.id).read_bytes()
    assert {"figures": 1} == there.record(entry.id)
    assert there.index().champion is None
    assert Classifier.open(there.model_path(entry.id)).contract.size == (8, 8)


def test_same_bytes_each_time(here, entry, tmp_path):
    """Exporting twice gives the same file, and replaces none."""
    for name in ("a.zip", "b.zip"):
        export_entry(here, entry.id, tmp_path / name)

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        export_entry(here, entry.id, tmp_path / "a.zip")
    with pytest.raises(ConfigError, match="can't be written"):
        export_entry(here, entry.id, tmp_path / "gone" / "a.zip")


def rewritten(source, target, change):
    """Copy an archive, with its members as ``change`` returns them by name."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in change(members).items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: {**m, "weights.safetensors": b"others"}, "weights.safetensors isn't what its record says"),
        (lambda m: {**m, "../../evil": b""}, "no exported model"),
        (lambda m: {k: v for k, v in m.items() if k != "SHA256SUMS"}, "no exported model"),
        (lambda m: {**m, "entry.json": b"{}"}, "damaged"),
        (
            lambda m: {
                **m,
                "entry.json": json.dumps({**json.loads(m["entry.json"]), "sha256": "0"}).encode(),
            },
            "another model",
        ),
    ],
)
def test_what_was_changed_is_refused(  # noqa: PLR0917 - fixtures
    here, there, entry, tmp_path, change, message
):
    """A member that was replaced, added or left out is named, and the file isn't unpacked elsewhere."""
    export_entry(here, entry.id, tmp_path / "m.zip")
    rewritten(tmp_path / "m.zip", tmp_path / "changed.zip", change)

    with pytest.raises(ArtifactCorrupt, match=message):
        import_entry(there, tmp_path / "changed.zip")
    assert not list(tmp_path.parent.glob("evil"))
    assert there.index().champion is None


def test_a_flipped_bit_is_refused(here, there, entry, tmp_path):
    """Damage in the middle of a file on the way is found."""
    export_entry(here, entry.id, tmp_path / "m.zip")
    content = bytearray((tmp_path / "m.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "m.zip").write_bytes(content)

    with pytest.raises(ArtifactCorrupt):
        import_entry(there, tmp_path / "m.zip")
    assert () == there.index().entries


def test_a_damaged_entry_is_not_exported(here, entry, tmp_path):
    """What was changed here doesn't travel, and nothing is left half written."""
    (here.home(entry.id) / "weights.safetensors").write_bytes(b"other")

    with pytest.raises(ArtifactCorrupt, match="weights"):
        export_entry(here, entry.id, tmp_path / "m.zip")
    assert [] == list(tmp_path.glob("*m.zip*"))


def test_a_model_file_alone(there, make_artifact, tmp_path):
    """A model file becomes a challenger, with weights if they are given; a missing file is named."""
    weights = tmp_path / "w"
    weights.write_bytes(b"weights")
    arrived = import_entry(there, make_artifact(tmp_path / "m.onnx"), weights=weights)

    assert b"weights" == there.weights_path(arrived.id).read_bytes()
    with pytest.raises(ArtifactMissing, match="gone"):
        import_entry(there, tmp_path / "gone.zip")


def test_a_run_comes_with_weights_and_bank(there, make_artifact, tmp_path):
    """Of a run folder the int8 model is kept with float weights and bank; a run without it says how to make it."""
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(ArtifactMissing, match="hornet export"):
        import_entry(there, run)
    make_artifact(run / "hornet-int8.onnx", training={"fingerprint": "f"})
    for name in ("weights", "bank"):
        (run / f"{name}.safetensors").write_bytes(name.encode())
    arrived = import_entry(there, run)

    assert b"weights" == there.weights_path(arrived.id).read_bytes()
    assert b"bank" == there.bank_path(arrived.id).read_bytes()
    assert {"fingerprint": "f"} == there.record(arrived.id)
    with pytest.raises(ConfigError, match="its own weights"):
        import_entry(there, run, weights=run / "weights.safetensors")
