"""The registry: what is kept, which model is used, and that nothing is ever half there."""

import json
from pathlib import Path

import pytest

from hornet import registry as registry_module
from hornet.artifact import sha256_file
from hornet.errors import ArtifactCorrupt, ArtifactMissing, ConfigError
from hornet.registry import Index, Registry, default_folder, packed_path, resolve_model


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def add(registry, make_artifact, tmp_path):
    """Return a function that adds a model of its own."""

    def add(name, **arguments):
        path = make_artifact(tmp_path / f"{name}.onnx", provenance=name)
        return registry.add(path, parent="packed", note=name, record={"name": name}, **arguments)

    return add


def test_starts_empty(registry):
    """Without a registry there is no champion, and nothing is made by looking."""
    assert Index() == registry.index()
    assert registry.champion_path() is None
    assert not registry.folder.exists()


def test_add_keeps_a_copy(registry, add, tmp_path):
    """What is added is kept whole: model, weights and record; it isn't champion yet."""
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"weights")
    entry = add("a", weights=weights)
    (tmp_path / "a.onnx").unlink()

    assert entry.sha256 == sha256_file(registry.model_path(entry.id))
    assert b"weights" == registry.weights_path(entry.id).read_bytes()
    assert {"name": "a"} == json.loads((registry.model_path(entry.id).parent / "record.json").read_text())
    assert registry.champion_path() is None


def test_adding_twice_changes_nothing(registry, add):
    """The same file is one entry."""
    assert add("a") == add("a")
    assert 1 == len(registry.index().entries)


def test_promote_and_roll_back(registry, add):
    """Rolling back returns through the champions to the packed model, and then says that's all."""
    first, second = add("a"), add("b")
    registry.promote(first.id)
    registry.promote(second.id)

    assert registry.model_path(second.id) == registry.champion_path()
    assert first == registry.rollback()
    assert registry.model_path(first.id) == registry.champion_path()
    assert registry.rollback() is None
    assert registry.champion_path() is None
    with pytest.raises(ConfigError, match="no earlier champion"):
        registry.rollback()


def test_promoting_the_champion_again_is_no_step(registry, add):
    """Promoting twice doesn't take two rollbacks."""
    entry = add("a")
    registry.promote(entry.id)
    registry.promote(entry.id)

    assert (None,) == registry.index().history


def test_ids_may_be_shortened(registry, add):
    """A beginning that fits one entry names it; another doesn't."""
    entry = add("a")

    assert entry == registry.index().entry(entry.id[:6])
    with pytest.raises(ArtifactMissing, match=entry.id):
        registry.index().entry("nothing")


def test_a_changed_file_is_refused(registry, add):
    """A champion whose bytes changed isn't used."""
    entry = add("a")
    registry.promote(entry.id)
    with registry.model_path(entry.id).open("ab") as file:
        file.write(b"x")

    with pytest.raises(ArtifactCorrupt, match="SHA-256"):
        resolve_model()


def test_a_vanished_file_is_named(registry, add):
    """A champion whose file is gone is an error, not another model in silence."""
    entry = add("a")
    registry.promote(entry.id)
    registry.model_path(entry.id).unlink()

    with pytest.raises(ArtifactMissing, match="gone"):
        resolve_model()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"champion": null, "history": [], "entries": [{}]}'])
def test_damaged_index(registry, text):
    """A damaged index is an error with the file's name."""
    registry.folder.mkdir(parents=True)
    (registry.folder / "index.json").write_text(text)

    with pytest.raises(ArtifactCorrupt, match="index"):
        registry.index()


def test_a_leftover_of_a_killed_run_is_no_obstacle(registry, add, tmp_path, make_artifact):
    """An entry's folder without its line in the index is replaced."""
    digest = sha256_file(make_artifact(tmp_path / "same.onnx", provenance="a"))
    (registry.folder / "models" / digest[:16]).mkdir(parents=True)

    assert digest == sha256_file(registry.model_path(add("a").id))


def test_order_of_models(registry, add, tmp_path, monkeypatch, make_artifact):
    """Flag > HORNET_MODEL > champion > packed."""
    package = tmp_path / "site" / "hornet"
    (package / "_artifact").mkdir(parents=True)
    packed = make_artifact(package / "_artifact" / "hornet-resnet18.onnx")
    monkeypatch.setattr(registry_module, "__file__", str(package / "registry.py"))
    assert packed == resolve_model()

    entry = add("a")
    registry.promote(entry.id)
    assert registry.model_path(entry.id) == resolve_model()

    monkeypatch.setenv("HORNET_MODEL", "env.onnx")
    assert Path("env.onnx") == resolve_model()
    assert Path("flag.onnx") == resolve_model("flag.onnx")


def test_no_model_at_all(tmp_path, monkeypatch):
    """Without any model the error says what to do."""
    monkeypatch.setattr(registry_module, "__file__", str(tmp_path / "hornet" / "registry.py"))

    assert packed_path() is None
    with pytest.raises(ArtifactMissing, match="--model"):
        resolve_model()


def test_default_folder_is_never_the_working_folder(monkeypatch, tmp_path):
    """Without HORNET_REGISTRY the registry is in the user's data folder."""
    monkeypatch.delenv("HORNET_REGISTRY")
    monkeypatch.chdir(tmp_path)

    assert default_folder().is_absolute()
    assert tmp_path not in default_folder().parents
