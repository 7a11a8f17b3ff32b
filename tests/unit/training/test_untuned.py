"""Untuned ImageNet features for the audit: of whole or partial weights, never of a model under test."""

import dataclasses

import numpy as np
import pytest
from safetensors.torch import save_file
from torchvision.models import resnet18
from typer.testing import CliRunner

from hornet.cli import app
from hornet.dataset import load_dataset
from hornet.dataset.drawings import draw, write_dataset
from hornet.errors import ConfigError
from hornet.evaluation.audit import audit
from hornet.training.untuned import untuned_features


@pytest.fixture(scope="module")
def states():
    """Return the tensors of a ResNet-18 with 1000 classes, drawn at random."""
    return {name: tensor.contiguous() for name, tensor in resnet18(weights=None).state_dict().items()}


@pytest.fixture(scope="module")
def weights(states, tmp_path_factory):
    """Return a file with all of them."""
    path = tmp_path_factory.mktemp("weights") / "whole.safetensors"
    save_file(states, path)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a folder of 2 x 12 drawings."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, 12, size=(96, 72))
    return folder


@pytest.fixture(autouse=True)
def _no_cached_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))


def _embedding(path):
    embedding = untuned_features(str(path))
    assert embedding is not None
    return embedding


@pytest.fixture(scope="module")
def pictures():
    """Return three drawings, uint8 (3, 64, 64, 3)."""
    return np.stack([np.asarray(draw("present", seed=seed, size=(64, 64))) for seed in range(3)])


def test_whole_weights_give_layer_4(weights, pictures):
    """512 averages a picture, the same each time, and the stage is named."""
    embedding = _embedding(weights)
    features = embedding.compute(pictures)

    assert "whole.safetensors, layer4" == embedding.name
    assert ((3, 512), np.float32) == (features.shape, features.dtype)
    assert np.array_equal(features, embedding.compute(pictures))
    assert not np.allclose(features[0], features[1])


def test_weights_up_to_layer_3_give_layer_3(states, pictures, tmp_path):
    """A file without layer 4 is taken as far as it goes."""
    path = tmp_path / "partial.safetensors"
    save_file(
        {name: tensor for name, tensor in states.items() if not name.startswith(("layer4", "fc"))}, path
    )
    embedding = _embedding(path)

    assert "partial.safetensors, layer3" == embedding.name
    assert (3, 256) == embedding.compute(pictures).shape


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda name: not name.startswith(("layer2", "layer3", "layer4")), "lacks tensors up to layer 3"),
        (lambda name: True, "never asks the model under test"),
    ],
)
def test_too_little_and_tuned_weights_are_refused(keep, message, states, tmp_path):
    """A trunk that ends early is nothing to ask, and a head of two classes gives a tuned network away."""
    kept = {name: tensor for name, tensor in states.items() if keep(name)}
    for name in ("fc.weight", "fc.bias"):
        kept[name] = states[name][:2].clone() if "under test" in message else states[name]
    path = tmp_path / "odd.safetensors"
    save_file(kept, path)

    with pytest.raises(ConfigError, match=message):
        untuned_features(str(path))


@pytest.mark.parametrize("name", ["none", "model.onnx", "."])
def test_what_is_no_file_of_starting_weights_is_refused(name, tmp_path, monkeypatch):
    """Artifacts, run folders and drawn weights say what to give instead."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="--weights"):
        untuned_features(name)


def test_nothing_is_downloaded_unasked():
    """Without weights and without a cache there are no features."""
    assert untuned_features(None) is None


def test_the_audit_says_what_the_features_tell_whatever_the_order(weights, drawn):
    """With weights there is a note with their AUC, and reversed rows give the same audit."""
    dataset = load_dataset(drawn)
    turned = dataclasses.replace(dataset, records=dataset.records[::-1])
    embedding = _embedding(weights)
    results = [audit(data, features=embedding).to_dict() for data in (dataset, turned)]

    assert results[0] == results[1]
    assert any("whole.safetensors, layer4" in str(note) for note in results[0]["notes"])


def test_the_command_completes_without_weights_and_says_so(drawn, weights):
    """The note names the flag; with it the note is gone."""
    without, given = (
        CliRunner().invoke(app, ["data", "audit", str(drawn), *more])
        for more in ([], ["--weights", str(weights)])
    )

    assert (0, 0) == (without.exit_code, given.exit_code)
    assert "give --weights FILE" in without.stderr
    assert "give --weights FILE" not in given.stderr
