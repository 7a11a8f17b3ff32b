"""The registry: what is kept, which model is used, and that nothing is ever half there."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hornet import registry as registry_module
from hornet.checksums import SUMS, sha256_file, write_sums
from hornet.entries import Index
from hornet.errors import ArtifactCorrupt, ArtifactMissing, ConfigError
from hornet.locks import locked
from hornet.registry import Registry, default_folder, find_model, packed_path, resolve_model


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
    assert {"name": "a"} == registry.record(entry.id)
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
    write_sums([packed], packed.parent)
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


@pytest.fixture
def packed(tmp_path, monkeypatch, make_artifact):
    """Return a model packed with an installation."""
    package = tmp_path / "site" / "hornet"
    (package / "_artifact").mkdir(parents=True)
    monkeypatch.setattr(registry_module, "__file__", str(package / "registry.py"))
    return make_artifact(package / "_artifact" / "hornet-resnet18.onnx")


def test_a_changed_packed_model_is_refused(packed):
    """A packed model whose bytes aren't those of its record isn't used, nor one without a record."""
    write_sums([packed], packed.parent)
    assert packed == resolve_model()

    packed.write_bytes(packed.read_bytes() + b"x")
    with pytest.raises(ArtifactCorrupt, match="isn't the file of its record"):
        registry_module.load()
    (packed.parent / SUMS).unlink()
    with pytest.raises(ArtifactCorrupt, match="no record"):
        resolve_model()


def test_naming_a_changed_file_doesn_t_get_around_its_record(packed, registry, add):
    """A file that is opened by its path is checked against the record beside it as well."""
    write_sums([packed], packed.parent)
    entry = add("a")
    kept = registry.model_path(entry.id)
    for path in (packed, kept):
        path.write_bytes(path.read_bytes() + b"x")

        with pytest.raises(ArtifactCorrupt, match="SHA-256"):
            registry_module.load(path)


@pytest.mark.parametrize("name", ["weights.safetensors", "bank.safetensors", "record.json"])
def test_other_files_of_an_entry_are_refused_too(registry, add, tmp_path, name):
    """Weights, bank and record aren't read once they were changed."""
    other = tmp_path / "other"
    other.write_bytes(b"{}")
    entry = add("a", weights=other, bank=other)
    (registry.home(entry.id) / name).write_bytes(b"{} ")
    read = {
        "weights.safetensors": registry.weights_path,
        "bank.safetensors": registry.bank_path,
        "record.json": registry.record,
    }[name]

    with pytest.raises(ArtifactCorrupt, match=name):
        read(entry.id)


def test_promoting_the_packed_model(registry, add):
    """The packed model can be promoted like any other, and rolled back from."""
    entry = add("a")
    registry.promote(entry.id)

    assert registry.promote("packed") is None
    assert registry.champion_path() is None
    assert entry == registry.rollback()


def test_a_failed_rollback_leaves_the_champion(registry, add):
    """Where the champion before was damaged, the present one stays."""
    first, second = add("a"), add("b")
    registry.promote(first.id)
    registry.promote(second.id)
    registry.model_path(first.id).write_bytes(b"rubbish")

    with pytest.raises(ArtifactCorrupt, match="SHA-256"):
        registry.rollback()
    assert second.id == registry.index().champion


def test_names_of_models(packed, registry, add):
    """A model is found by champion, packed, file and the beginning of its id."""
    write_sums([packed], packed.parent)
    entry = add("a")
    kept = registry.model_path(entry.id)

    assert packed == find_model("champion") == find_model("packed")
    registry.promote(entry.id)
    assert kept == find_model("champion") == find_model(entry.id[:8])
    assert packed == find_model(str(packed))
    with pytest.raises(ArtifactMissing, match="nothing-like-it"):
        find_model("nothing-like-it")


_ADD = """
import sys
from pathlib import Path
from hornet.registry import Registry
for file in sys.argv[1:]:
    entry = Registry().add(Path(file), parent="packed", note="", record={})
    Registry().promote(entry.id)
"""


def test_two_processes_lose_nothing(registry, make_artifact, tmp_path):
    """Two processes that add and promote at once leave every entry and every step of the history."""
    files = [make_artifact(tmp_path / f"{i}.onnx", provenance=f"model {i}") for i in range(16)]
    halves = [[str(file) for file in files[side::2]] for side in range(2)]
    processes = [subprocess.Popen([sys.executable, "-c", _ADD, *half]) for half in halves]

    assert [0, 0] == [process.wait(timeout=120) for process in processes]
    index = registry.index()
    assert sorted(sha256_file(file) for file in files) == sorted(entry.sha256 for entry in index.entries)
    assert 16 == len(index.history)
    assert [] == list((registry.folder / "models").glob(".new-*"))


def test_a_lock_that_is_held_is_waited_for(tmp_path):
    """Who comes second goes on when the first is done, and gives up in words after its time."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "lock"):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    with pytest.raises(ConfigError, match="in use"), locked(tmp_path / "lock", seconds=0.05):
        pass
    done.set()
    with locked(tmp_path / "lock"):
        thread.join(60)

    assert not thread.is_alive()
