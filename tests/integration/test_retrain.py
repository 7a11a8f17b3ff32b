"""Retraining end to end: a challenger that is better is promoted, one that is worse is not."""

from __future__ import annotations

import dataclasses
import json

import pytest

from hornet.classifier import Classifier
from hornet.dataset import load_dataset, split_dataset
from hornet.dataset.drawings import write_dataset
from hornet.errors import ConfigError
from hornet.evaluation.evaluate import evaluate
from hornet.registry import Registry, resolve_model
from hornet.training.retrain import judge, retrain, starting_weights

TINY = {"epochs": 8, "augment": "flip", "batch": 8, "threads": 1, "workers": 0, "lr": 1e-3}


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawings")
    write_dataset(folder, per_class=24, seed=5, size=(96, 96))
    return split_dataset(load_dataset(folder), test=0.4)


@pytest.fixture
def weights(tmp_path):
    """Return weights of a network that knows nothing, as a file."""
    import torch
    from safetensors.torch import save_file

    from hornet.training.network import HornetNet

    torch.manual_seed(0)
    path = tmp_path / "start.safetensors"
    save_file(HornetNet().state_dict(), path)
    return path


def mislabelled(drawings):
    """Return the pictures with every label turned round, but for the test split."""
    records = tuple(
        r if r.split == "test" else dataclasses.replace(r, label=1 - r.label) for r in drawings.records
    )
    return dataclasses.replace(drawings, records=records)


def run(drawings, out, weights, **changes):
    given = {**TINY, **changes}
    return retrain(drawings, out, start=str(weights), given=given, report=lambda _: None, live=lambda _: None)


@pytest.mark.slow
def test_promoted_only_if_better(drawings, weights, tmp_path, make_artifact, monkeypatch):
    """A challenger replaces a blind champion; one taught wrong labels doesn't replace it; rollback undoes."""
    blind = make_artifact(tmp_path / "champion.onnx", graph_size=(64, 64), size=[64, 64], gain=0.0)
    monkeypatch.setattr("hornet.training.retrain.resolve_model", lambda: Registry().champion_path() or blind)
    trained = run(drawings, tmp_path / "trained", weights)
    misled = run(mislabelled(drawings), tmp_path / "misled", weights)

    assert (True, False) == (trained.promoted, misled.promoted)
    assert ("packed", trained.entry.id) == (trained.entry.parent, misled.entry.parent)
    assert Registry().model_path(trained.entry.id) == Registry().champion_path() == resolve_model()
    assert {trained.entry, misled.entry} == set(Registry().index().entries)
    kept = Registry().weights_path(trained.entry.id)
    assert kept is not None
    assert (tmp_path / "trained" / "weights.safetensors").read_bytes() == kept.read_bytes()
    assert [record.name for record in trained.champion.records] == [
        r.name for r in trained.challenger.records
    ]
    json.dumps(trained.to_dict(), allow_nan=False)
    assert Registry().rollback() is None
    assert Registry().champion_path() is None


def test_judge_takes_the_better_ranking(make_artifact, tmp_path, drawings):
    """The model with the higher AUC stays or comes; between equals the challenger comes."""
    red = evaluate(Classifier.open(make_artifact(tmp_path / "a.onnx")), drawings)
    blind = evaluate(Classifier.open(make_artifact(tmp_path / "b.onnx", gain=0.0)), drawings)
    assert 0.5 == blind.overall.metrics["roc_auc"].value
    better, worse = sorted((red, blind), key=lambda each: -(each.overall.metrics["roc_auc"].value or 0))

    assert judge(worse, better)[0]
    assert not judge(better, worse)[0]
    assert judge(red, red)[0]
    assert "20 held-out pictures" in judge(red, blind)[1]


def test_start_without_float_weights_says_what_to_pass(tmp_path, monkeypatch):
    """Where the champion has no float weights, the error names --from."""
    monkeypatch.setattr("hornet.training.retrain.packed_path", lambda *_: None)

    with pytest.raises(ConfigError, match="--from"):
        starting_weights(None, Registry())
    with pytest.raises(ConfigError, match="no run folder"):
        starting_weights(str(tmp_path / "nothing"), Registry())


def test_start_from_champion_run_file_or_imagenet(tmp_path, make_artifact, weights):
    """Each way to name a start leads to its file."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(weights.read_bytes())
    registry = Registry()
    entry = registry.add(
        make_artifact(tmp_path / "m.onnx"), weights=weights, parent="packed", note="", record={}
    )
    registry.promote(entry.id)

    assert "imagenet" == starting_weights("imagenet", registry)
    assert str(weights) == starting_weights(str(weights), registry)
    assert str(folder / "weights.safetensors") == starting_weights(str(folder), registry)
    assert str(registry.weights_path(entry.id)) == starting_weights(None, registry)
