"""On real pictures: both precisions answer like the trained network, and int8 is worth having."""

from __future__ import annotations

import csv

import pytest

from hornet.classifier import Classifier, Prediction
from hornet.dataset import load_dataset, read_manifest
from hornet.golden import replay_golden
from hornet.training.config import build_config
from hornet.training.export import export_run
from hornet.training.run import train_run


@pytest.fixture(scope="module")
def sample(real_data, tmp_path_factory):
    """Return a manifest of some hundred real pictures, whole groups of one source."""
    with real_data.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "portal"]
    groups = sorted({row["group"] for row in rows})
    chosen = set(groups[:: max(1, len(groups) // 240)])
    path = tmp_path_factory.mktemp("real") / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "group", "source"))
        writer.writerows(
            ((real_data.parent / row["path"]).as_posix(), row["label"], row["group"], row["source"])
            for row in rows
            if row["group"] in chosen
        )
    return path


@pytest.fixture(scope="module")
def exported(sample, real_weights, tmp_path_factory):
    """Return the export of a run that trained only its head, on real pictures."""
    run = tmp_path_factory.mktemp("run") / "run"
    config = build_config({"data": sample, "weights": str(real_weights), "epochs": 0, "head_epochs": 3})
    train_run(config, load_dataset(sample), run)
    return export_run(run)


@pytest.mark.realdata
@pytest.mark.slow
def test_int8_keeps_the_quality_of_float32(exported):
    """On real pictures int8 ranks as well as float32 up to its interval, and answers nearly the same."""
    float32, int8 = exported.float32, exported.eight_bit

    assert float32.agreement.largest < 1e-4
    assert int8.agreement.mean < 0.05
    assert max(float32.agreement.identity, int8.agreement.identity) < 1e-4
    assert int8.agreement.auc >= float32.validation["metrics"]["roc_auc"]["low"]
    assert 7 == int8.contract.training["quantisation"]["weight_bits"]


@pytest.mark.realdata
@pytest.mark.slow
def test_files_replay_and_batches_equal_singles(exported):
    """Golden examples replay, and in both precisions a batch answers as its pictures do one by one."""
    paths = read_manifest(exported.fp32.parent / "manifest.csv").subset("test").paths()[:9]

    for path in (exported.fp32, exported.int8):
        classifier = Classifier.open(path)
        assert all(result.ok for result in replay_golden(classifier))
        batch = [
            answer.probability if isinstance(answer, Prediction) else answer.message
            for answer in classifier.predict_many(paths, batch_size=4)
        ]
        singles = [classifier.predict(picture).probability for picture in paths]
        assert pytest.approx(batch, abs=1e-5) == singles
