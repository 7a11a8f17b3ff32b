"""Retraining: better on new pictures, no worse on what was known, and nothing is promoted that isn't."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hornet.classifier import Classifier
from hornet.cli import app
from hornet.dataset import load_dataset, write_manifest
from hornet.dataset.drawings import draw, write_dataset
from hornet.errors import ConfigError, DatasetError, EmptyClass
from hornet.images import pixels, read_file
from hornet.registry import Registry, resolve_model
from hornet.training.bank import embed, read_bank, save_bank
from hornet.training.plan import Plan, Wish
from hornet.training.retrain import retrain
from hornet.training.starting import starting_weights


@pytest.fixture(scope="session")
def wide_bank(exported, network, tmp_path_factory):
    """Return a bank of 240 more drawings, so that a picture more or less decides nothing."""
    folder = tmp_path_factory.mktemp("known")
    write_dataset(folder, 120, seed=900, size=(96, 72))
    dataset = load_dataset(folder)
    splits = ["train", "validation"] * 120
    records = dataset.with_splits(splits).records
    rule = Classifier.open(exported.fp32).contract.pixel_rule
    made = embed(network, [np.stack([pixels(read_file(record.path), rule) for record in records])])
    save_bank(read_bank(exported.fp32.parent / "bank.safetensors").joined(records, made), folder / "bank")
    return folder / "bank"


@pytest.fixture
def champion(exported, wide_bank):
    """Return the registry's champion: the exported network of drawings, with weights and bank."""
    run = exported.fp32.parent
    registry = Registry()
    entry = registry.add(
        exported.int8,
        weights=run / "weights.safetensors",
        bank=wide_bank,
        parent="packed",
        note="",
        record={},
    )
    registry.promote(entry.id)
    return entry


@pytest.fixture(scope="session")
def camera(tmp_path_factory):
    """Return pictures of a trap that hornets darken as they come in, which the champion doesn't know."""
    folder = tmp_path_factory.mktemp("camera")
    for label in ("absent", "present"):
        (folder / label).mkdir()
        for number in range(20):
            picture = draw(label, seed=500 + number, size=(96, 72))
            dark = picture.point(lambda level: level // 3)
            (dark if label == "present" else picture).save(folder / label / f"{number}.png")
    dataset = load_dataset(folder)
    records = (dataclasses.replace(r, group=r.name, source="garden") for r in dataset.records)
    return dataclasses.replace(dataset, records=tuple(records))


def bank_of(entry):
    """Return the bank of an entry of the registry."""
    path = Registry().bank_path(entry.id)
    assert path is not None
    return read_bank(path)


def run(dataset, out, **wish):
    return retrain(dataset, out, Wish(**wish), report=lambda _: None, live=lambda _: None)


def relabelled(dataset, which):
    """Return the pictures with the labels of those turned round of which ``which`` is true."""
    records = (dataclasses.replace(r, label=int(not r.label)) if which(r) else r for r in dataset.records)
    return dataclasses.replace(dataset, records=tuple(records))


@pytest.fixture
def retrained(champion, camera, tmp_path):
    return run(camera, tmp_path / "run")


def test_helps_there_and_forgets_nothing(champion, retrained):
    """On the new camera's held-out pictures the challenger is much better, and as good on what was known before."""
    own, earlier = retrained.own, retrained.earlier

    assert retrained.promoted, retrained.reason
    assert ("head", champion.id) == (retrained.plan.layers, retrained.plan.champion)
    assert 10 == own.challenger.n
    assert own.differences["accuracy"].value > 0.2
    assert 132 == earlier.challenger.n
    assert earlier.differences["accuracy"].value >= -0.02
    assert champion.id == retrained.entry.parent
    json.dumps(retrained.to_dict(), allow_nan=False)


def test_rollback_restores_answers_bit_for_bit(champion, camera, tmp_path):
    """After a promotion answers differ; after the rollback they are the bits that they were."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    before = Classifier.open(resolve_model()).run(pixels)
    retrained = run(camera, tmp_path / "run")
    during = Classifier.open(resolve_model()).run(pixels)
    Registry().rollback()
    after = Classifier.open(resolve_model()).run(pixels)

    assert retrained.promoted
    assert not np.array_equal(before.probability, during.probability)
    np.testing.assert_array_equal(before.embedding, during.embedding)
    for name in ("probability", "logits", "heatmap", "embedding"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_challenger_that_was_taught_nonsense_stays_one(champion, camera, tmp_path):
    """Taught opposite labels of pictures that it knew well, it isn't promoted, the reason is kept, the champion stays."""
    held = run(camera, tmp_path / "plan", dry_run=True).merged.dataset.subset("test")
    groups = set(held.groups())
    result = run(relabelled(camera, lambda r: r.group not in groups), tmp_path / "run")

    assert not result.promoted
    assert result.reason == Registry().index().entry(result.entry.id).note
    assert champion.id == Registry().index().champion


@pytest.fixture
def contradicted(champion, tmp_path):
    """Retrain the champion on more drawings, all of their labels turned round."""
    write_dataset(tmp_path / "odd", 30, seed=1300, size=(96, 72))
    dataset = relabelled(load_dataset(tmp_path / "odd"), lambda _: True)
    records = tuple(dataclasses.replace(r, group=f"odd {r.name}", source="odd") for r in dataset.records)
    return lambda: run(dataclasses.replace(dataset, records=records), tmp_path / "run")


def test_a_challenger_that_forgets_stays_one(contradicted, champion, monkeypatch):
    """If nothing held the head to what was known, the comparison still finds what was lost: it isn't promoted."""
    monkeypatch.setattr("hornet.training.head._limit", lambda *_: float("inf"))
    monkeypatch.setattr("hornet.training.head.SHARES", (0.95,))
    result = contradicted()

    assert not result.promoted
    assert "on what it knew before" in result.reason
    assert champion.id == Registry().index().champion


def test_what_is_kept_of_it(champion, camera, retrained, tmp_path):
    """The entry has float weights that answer like its file, a bank with the new rows, and its lineage."""
    registry, entry = Registry(), retrained.entry
    record = registry.record(entry.id)
    bank = bank_of(entry)
    before = bank_of(champion)

    assert len(before) + 30 == len(bank)
    assert bank.trunk == before.trunk
    assert ("head", True, 0.02) == (record["layers"], record["promoted"], record["margin"])
    assert str(tmp_path) not in json.dumps(record)
    classifier = Classifier.open(registry.model_path(entry.id))
    contract = classifier.contract
    assert 30 == contract.training["retrained"][0]["pictures"]["train"]
    assert 10 == contract.quality["test"]["overall"]["n"]


def test_retraining_again_starts_from_the_new_champion(retrained, camera, tmp_path):
    """A second round has the first's labels: nothing is new, the held-out groups are the same ones."""
    again = run(camera, tmp_path / "again")
    first, second = (
        sorted(result.plan.merged.dataset.subset("test").groups()) for result in (retrained, again)
    )

    assert retrained.entry.id == again.plan.champion
    assert (0, 40) == (again.plan.merged.added, again.plan.merged.known)
    assert first == second


def test_float_weights_are_those_of_the_file(retrained):
    """The challenger's weights in torch rank the held-out pictures as its int8 file does."""
    import torch

    from hornet.training.network import HornetNet, normalise
    from hornet.training.weights import read_state

    registry = Registry()
    network, weights = HornetNet(), registry.weights_path(retrained.entry.id)
    assert weights is not None
    network.load_state_dict(read_state(weights))
    classifier = Classifier.open(registry.model_path(retrained.entry.id))
    records = retrained.plan.merged.dataset.subset("test").records
    batch = np.stack([pixels(read_file(r.path), classifier.contract.pixel_rule) for r in records])
    with torch.inference_mode():
        logits = network.eval()(normalise(torch.from_numpy(batch))).numpy()
    expected = classifier.run(batch).logits

    margins = (logits[:, 1] - logits[:, 0], expected[:, 1] - expected[:, 0])
    assert 0.98 < np.corrcoef(*margins)[0, 1]


def test_dry_run_writes_nothing(champion, camera, tmp_path):
    """A dry run returns the plan; registry, labels and run folder stay as they are."""
    plan = run(camera, tmp_path / "run", dry_run=True)

    assert isinstance(plan, Plan)
    assert 40 == plan.to_dict()["new"]
    assert not (tmp_path / "run").exists()
    assert not (Registry().folder / "labels.csv").exists()
    assert [champion.id] == [entry.id for entry in Registry().index().entries]


def test_no_is_an_answer(champion, camera, tmp_path):
    """Where the plan isn't confirmed, nothing is trained."""
    told: list[str] = []
    result = retrain(
        camera,
        tmp_path / "run",
        Wish(),
        confirm=lambda: bool(told) and False,
        report=told.append,
        live=lambda _: None,
    )

    assert isinstance(result, Plan)
    assert any(line.startswith("held out: 10 pictures") for line in told)
    assert not (tmp_path / "run").exists()


def test_only_false_alarms_can_be_taught(champion, camera, tmp_path):
    """Pictures of one class are enough: accuracy decides, and the hornets of the bank are still known."""
    absent = dataclasses.replace(camera, records=tuple(r for r in camera.records if r.label == 0))
    result = run(absent, tmp_path / "run")

    assert result.own.differences["roc_auc"].value is None
    assert result.own.differences["accuracy"].value >= 0
    assert result.earlier.differences["accuracy"].value >= -0.02
    assert result.promoted


def test_the_same_pictures_give_the_same_file(champion, camera, retrained, tmp_path):
    """Head, temperature and threshold are a function of pictures and seed."""
    Registry().rollback()
    (Registry().folder / "labels.csv").unlink()
    again = run(camera, tmp_path / "again")

    assert retrained.entry == again.entry


def test_what_cannot_be_done_is_said(champion, camera, tmp_path, make_artifact):
    """One group, a margin that makes no sense, epochs for a head, copies with two labels: each has its message."""
    one = dataclasses.replace(
        camera, records=tuple(dataclasses.replace(r, group="one") for r in camera.records)
    )
    twice = dataclasses.replace(
        camera, records=(*camera.records, dataclasses.replace(camera.records[0], name="copy", label=1))
    )

    with pytest.raises(EmptyClass, match="measure on"):
        run(one, tmp_path / "run")
    with pytest.raises(ConfigError, match="--margin"):
        run(camera, tmp_path / "run", margin=2.0)
    with pytest.raises(ConfigError, match="--epochs is for --layers all"):
        run(camera, tmp_path / "run", given={"epochs": 3})
    with pytest.raises(DatasetError, match="opposite labels"):
        run(twice, tmp_path / "run")


def test_weights_of_another_model_are_refused(champion, camera, network, tmp_path):
    """Float weights that see something else than the champion's file don't get its head changed."""
    import torch
    from safetensors.torch import save_file

    from hornet.training.bank import trunk_digest

    torch.manual_seed(3)
    state = {
        name: torch.randn_like(t) * 0.1 if t.is_floating_point() and "running" not in name else t
        for name, t in network.state_dict().items()
    }
    other = tmp_path / "other"
    other.mkdir()
    save_file(state, other / "weights.safetensors")
    bank = bank_of(champion)
    save_bank(dataclasses.replace(bank, trunk=trunk_digest(state)), other / "bank.safetensors")

    with pytest.raises(ConfigError, match="aren't those of the champion"):
        run(camera, tmp_path / "run", start=str(other))


def test_head_needs_a_bank(exported, camera, tmp_path):
    """A champion without a bank is retrained as a whole; asking for its head alone says what is missing."""
    entry = Registry().add(
        exported.int8,
        weights=exported.fp32.parent / "weights.safetensors",
        parent="packed",
        note="",
        record={},
    )
    Registry().promote(entry.id)
    # Not the packed model's bank either.
    assert "all" == run(camera, tmp_path / "run", dry_run=True).layers
    with pytest.raises(ConfigError, match="needs a bank"):
        run(camera, tmp_path / "run", dry_run=True, layers="head")


def test_start_without_float_weights_says_what_to_pass(tmp_path, monkeypatch):
    """Where the champion has no float weights, the error names --from."""
    monkeypatch.setattr("hornet.training.starting.packed_path", lambda *_: None)

    with pytest.raises(ConfigError, match="--from"):
        starting_weights(None, Registry())
    with pytest.raises(ConfigError, match="no run folder"):
        starting_weights(str(tmp_path / "nothing"), Registry())


def test_start_from_champion_run_file_or_imagenet(champion, exported):
    """Each way to name a start leads to its file."""
    run = exported.fp32.parent
    weights = run / "weights.safetensors"

    assert "imagenet" == starting_weights("imagenet", Registry())
    assert str(weights) == starting_weights(str(weights), Registry())
    assert str(weights) == starting_weights(str(run), Registry())
    assert str(Registry().weights_path(champion.id)) == starting_weights(None, Registry())


@pytest.fixture
def manifest(camera, tmp_path):
    """Return the camera's manifest."""
    write_manifest(camera, tmp_path / "camera.csv")
    return tmp_path / "camera.csv"


def test_command_promotes_and_tells(champion, manifest, tmp_path):
    """From the command line: exit code 0, both comparisons as text and JSON, and the way back."""
    arguments = [
        "retrain",
        str(manifest),
        "--out",
        str(tmp_path / "run"),
        "--json",
        str(tmp_path / "result.json"),
    ]
    result = CliRunner().invoke(app, arguments)

    assert 0 == result.exit_code, result.stderr
    for words in (
        "held out: 10 pictures",
        "known before: 132 pictures",
        "McNemar p",
        "promoted: ",
        "rollback",
    ):
        assert words in result.stderr
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["promoted"]
    assert document["challenger"] == Registry().index().champion
    assert document == json.loads((tmp_path / "run" / "comparison.json").read_text())


def test_command_keeps_the_champion(champion, camera, tmp_path):
    """Where the challenger is worse the exit code is 4, and the reason is told."""
    held = run(camera, tmp_path / "plan", dry_run=True).merged.dataset.subset("test")
    groups = set(held.groups())
    write_manifest(relabelled(camera, lambda r: r.group not in groups), tmp_path / "camera.csv")
    result = CliRunner().invoke(
        app, ["retrain", str(tmp_path / "camera.csv"), "--out", str(tmp_path / "run")]
    )

    assert 4 == result.exit_code
    assert "not promoted: " in result.stderr
    assert champion.id == Registry().index().champion


@pytest.mark.parametrize(("flags", "asked"), [([], True), (["--yes"], False), (["--dry-run"], False)])
def test_command_asks_only_on_a_terminal(  # noqa: PLR0917 - fixtures
    champion, manifest, tmp_path, monkeypatch, flags, asked
):
    """On a terminal it asks unless it was told not to; without one it never does."""
    asking: list[str] = []

    def refuse(text, **_):
        asking.append(text)
        return False

    monkeypatch.setattr("hornet.cli.retrain._on_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", refuse)
    result = CliRunner().invoke(app, ["retrain", str(manifest), "--out", str(tmp_path / "run"), *flags])

    assert 0 == result.exit_code
    assert asked == bool(asking)
    assert (tmp_path / "run").exists() == ("--yes" in flags)
