"""Retraining of all layers: a challenger that is better is promoted, one that is worse is not."""

from __future__ import annotations

import dataclasses
import json

import pytest

from hornet.dataset import load_dataset, split_dataset
from hornet.dataset.drawings import write_dataset
from hornet.registry import Registry, resolve_model
from hornet.training.plan import RetrainResult, Wish
from hornet.training.retrain import retrain

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


def run(drawings, out, weights):
    wish = Wish(start=str(weights), layers="all", given=TINY)
    result = retrain(drawings, out, wish, report=lambda _: None, live=lambda _: None)
    assert isinstance(result, RetrainResult)
    return result


@pytest.mark.slow
def test_promoted_only_if_not_worse(drawings, weights, tmp_path, make_artifact):
    """A challenger replaces a blind champion; one taught wrong labels doesn't replace it; rollback undoes."""
    blind = make_artifact(tmp_path / "blind.onnx", graph_size=(64, 64), size=[64, 64], gain=0.0)
    first = Registry().add(blind, parent="", note="", record={})
    Registry().promote(first.id)
    trained = run(drawings, tmp_path / "trained", weights)
    misled = run(mislabelled(drawings), tmp_path / "misled", weights)

    assert (True, False) == (trained.promoted, misled.promoted)
    assert "held-out pictures" in misled.reason
    assert 48 == misled.plan.merged.known
    assert (first.id, trained.entry.id) == (trained.entry.parent, misled.entry.parent)
    assert Registry().model_path(trained.entry.id) == Registry().champion_path() == resolve_model()
    assert {first, trained.entry, misled.entry} == set(Registry().index().entries)
    kept = Registry().weights_path(trained.entry.id)
    assert kept is not None
    assert (tmp_path / "trained" / "weights.safetensors").read_bytes() == kept.read_bytes()
    assert Registry().bank_path(trained.entry.id) is not None
    json.dumps(trained.to_dict(), allow_nan=False)
    assert first == Registry().rollback()
    assert Registry().model_path(first.id) == Registry().champion_path()
