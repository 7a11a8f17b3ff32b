"""An export is two files that answer like the network, or none."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from hornet.artifact import open_artifact
from hornet.classifier import Classifier
from hornet.dataset import read_manifest
from hornet.errors import ConfigError, DatasetError, ExportMismatch
from hornet.golden import replay_golden
from hornet.images import pixels, read_file
from hornet.training import agreement, graph, quantise
from hornet.training import export as exporting
from hornet.training.bank import read_bank
from hornet.training.contract import Rights
from hornet.training.graph import find_text, local_places
from hornet.training.network import normalise
from hornet.training.trained import load_run

PRECISIONS = ("fp32", "int8")


@pytest.fixture
def run_copy(exported, tmp_path):
    """Return a copy of the exported run that a test may damage."""
    source = exported.fp32.parent
    # The manifest's paths are relative to the run: the pictures come along.
    shutil.copytree(source.parent / "data", tmp_path / "data")
    return Path(shutil.copytree(source, tmp_path / "run"))


def test_float32_answers_like_torch_from_bytes_to_probability(exported, network):
    """The file, through the classifier that users have, gives torch's probability to 1e-4."""
    records = read_manifest(exported.fp32.parent / "manifest.csv").subset("test").records
    classifier = Classifier.open(exported.fp32)
    rule = classifier.contract.pixel_rule

    got = [classifier.predict(record.path).probability for record in records]

    batch = np.stack([pixels(read_file(record.path), rule) for record in records])
    with torch.inference_mode():
        logits = network(normalise(torch.from_numpy(batch))).double()
    expected = torch.sigmoid((logits[:, 1] - logits[:, 0]) / 1.5).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_agreement_is_measured_and_within_tolerance(exported):
    """Both precisions were compared on all held-out pictures, and int8 isn't secretly float."""
    assert 24 == exported.float32.agreement.pictures
    assert exported.float32.agreement.largest < 1e-4
    assert 1e-5 < exported.eight_bit.agreement.largest < 0.25
    assert exported.eight_bit.agreement.identity < 1e-4
    assert exported.int8.stat().st_size < 0.3 * exported.fp32.stat().st_size
    assert exported.speedup > 0


@pytest.mark.parametrize("precision", PRECISIONS)
def test_graph_and_contract_have_the_same_temperature(exported, precision):
    """Probability = sigmoid(logit difference / the contract's temperature)."""
    classifier = Classifier.open(getattr(exported, precision))

    outputs = classifier.run(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8))

    difference = (outputs.logits[:, 1] - outputs.logits[:, 0]) / classifier.contract.temperature
    np.testing.assert_allclose(outputs.probability, 1 / (1 + np.exp(-difference)), atol=1e-5)


def test_float32_keeps_the_runs_calibration_and_int8_gets_its_own(exported):
    """Temperature and threshold of float32 are the run's; those of int8 are fitted to its own logits."""
    float32, int8 = exported.float32.contract, exported.eight_bit.contract

    assert (1.5, 0.45) == (float32.temperature, float32.decision_threshold)
    assert int8.temperature != float32.temperature
    for contract in (float32, int8):
        assert contract.decision_threshold == contract.low == contract.high


@pytest.mark.parametrize("precision", PRECISIONS)
def test_contract_is_whole(exported, precision):
    """Everything that the contract promises is there."""
    contract = open_artifact(getattr(exported, precision)).contract

    assert {"fp32": "float32", "int8": "int8"}[precision] == contract.precision
    assert (64, 64) == contract.size
    assert 64 == len(contract.training["fingerprint"])
    assert {"absent": 12, "present": 12} == contract.training["splits"]["train"]
    assert {"train", "validation", "test"} == set(contract.training["splits"])
    assert "none" == contract.training["settings"]["weights"]
    for quality in (contract.quality["validation"], contract.quality["test"]["overall"]):
        area = quality["metrics"]["roc_auc"]
        assert area["low"] <= area["value"] <= area["high"]
    assert "CC0-1.0" == contract.licence
    assert "random weights" in contract.provenance
    assert "onnxruntime" in contract.software
    assert ("quantisation" in contract.training) == (precision == "int8")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_golden_examples_replay(exported, precision):
    """The shipped file gives the answers that it carries."""
    results = replay_golden(Classifier.open(getattr(exported, precision)))

    assert 6 == len(results)
    assert all(result.ok for result in results)
    assert len({round(result.got, 6) for result in results}) > 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_local_is_in_the_bytes(exported, precision):
    """No path of this machine, no source file, no manifest's names are in the file."""
    path = getattr(exported, precision)
    names = [record.name for record in read_manifest(path.parent / "manifest.csv").records]
    places = [*local_places(path.parent), str(path.parent.parent), "site-packages", "Traceback", ".py"]

    assert [] == find_text(path, [*places, *names])


def test_report_and_card_are_written(exported):
    """People get a report and a card with the same figures."""
    card = exported.card.read_text(encoding="utf-8")
    report = exported.report.read_text(encoding="utf-8")

    for text in (card, report):
        assert "CC0-1.0" in text
        assert f"{exported.eight_bit.contract.decision_threshold:.4f}" in text
    assert "hornet-int8.onnx" in report


def test_result_is_plain_json(exported):
    """The result can be written as JSON, and names both files."""
    document = json.loads(json.dumps(exported.to_dict(), allow_nan=False))

    assert str(exported.fp32) == document["float32"]["path"]
    assert str(exported.int8) == document["int8"]["path"]
    assert document["int8"]["bytes"] < document["float32"]["bytes"]


def test_only_finished_files_are_in_the_run(exported):
    """No draft stays behind."""
    assert [] == [path.name for path in exported.fp32.parent.iterdir() if path.name.startswith(".")]


def test_mismatch_leaves_no_artifact(run_copy, monkeypatch):
    """If file and network disagree, files of an earlier export go too: they'd belong to other weights."""
    folded = graph.ArtifactModule.__init__

    def broken(self, network, *, mean, std):
        folded(self, network, mean=[0.5, 0.5, 0.5], std=std)

    monkeypatch.setattr(graph.ArtifactModule, "__init__", broken)

    with pytest.raises(ExportMismatch, match=r"float32 file .* difference of probability"):
        exporting.export_run(run_copy)

    assert [] == list(run_copy.glob("*.onnx"))
    assert [] == list(run_copy.glob(".export-*"))
    assert (run_copy / "weights.safetensors").is_file()


def test_int8_that_fails_with_7_bits_is_tried_with_8(run_copy, monkeypatch):
    """Seven-bit weights are preferred; where they fail, eight are used and the contract says so."""
    bits = []
    original = quantise.quantise

    def spoilt(model, pictures, *, size, reduce_range):
        bits.append(7 if reduce_range else 8)
        quantised = original(model, pictures, size=size, reduce_range=reduce_range)
        if reduce_range:
            for tensor in quantised.graph.initializer:
                if tensor.name.startswith("network.fc.weight"):
                    tensor.CopyFrom(
                        onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(tensor), tensor.name)
                    )
        return quantised

    monkeypatch.setattr(exporting, "quantise", spoilt)
    # CPUs without VNNI saturate with eight bits, which costs these few pictures more than is accepted; not the point here.
    loose = dataclasses.replace(agreement.TOLERANCES["int8"], percentile_99=1.0)
    monkeypatch.setitem(agreement.TOLERANCES, "int8", loose)
    messages: list[str] = []

    result = exporting.export_run(run_copy, reporter=messages.append)

    assert [7, 8] == bits
    assert 8 == result.eight_bit.contract.training["quantisation"]["weight_bits"]
    assert any("7-bit" in message for message in messages)


@pytest.mark.parametrize("name", ["config.toml", "manifest.csv", "weights.safetensors", "calibration.json"])
def test_unfinished_run_is_refused(run_copy, name):
    """A run that lacks a file says which, and how to get it."""
    (run_copy / name).unlink()

    with pytest.raises(ConfigError, match=rf"{name}.*hornet train"):
        exporting.export_run(run_copy)


@pytest.mark.parametrize(
    ("name", "content"), [("weights.safetensors", b"rubbish"), ("calibration.json", b"{")]
)
def test_damaged_run_is_refused(run_copy, name, content):
    """Damaged weights or calibration are an error in a sentence."""
    (run_copy / name).write_bytes(content)

    with pytest.raises(ConfigError, match="damaged"):
        exporting.export_run(run_copy)


def test_missing_picture_is_named(run_copy):
    """The export proves itself on the run's pictures, and says which one is gone."""
    gone = read_manifest(run_copy / "manifest.csv").subset("validation").records[0].path
    gone.unlink()

    with pytest.raises(DatasetError, match=gone.name):
        exporting.export_run(run_copy)


def test_golden_that_answers_otherwise_is_a_mismatch(exported):
    """A file whose own examples fail is not written."""
    trained = load_run(exported.fp32.parent)
    classifier = Classifier.open(exported.fp32)
    golden = dataclasses.replace(classifier.contract.golden[0], probability=0.123)
    broken = dataclasses.replace(classifier.contract, golden=(golden,))
    bank = read_bank(trained.folder.bank)
    exporter = exporting._Exporter(trained, bank, exported.fp32.parent, Rights("a", "b"), lambda _: None)

    with pytest.raises(ExportMismatch, match=golden.name):
        exporter._check_golden(Classifier(dataclasses.replace(classifier.artifact, contract=broken)))


def test_without_test_split_the_card_warns(make_run, tmp_path):
    """Figures of validation alone are marked as flattering."""
    run = make_run(tmp_path)
    manifest = run / "manifest.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(",test", ",train"), encoding="utf-8")

    result = exporting.export_run(run)

    assert result.eight_bit.test is None
    assert result.eight_bit.contract.quality["test"] is None
    assert "no test split" in result.card.read_text(encoding="utf-8")
