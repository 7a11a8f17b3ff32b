"""Labelled pictures in, one file out, verdicts anywhere: by the commands that people type."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hornet.classifier import Classifier
from hornet.dataset import read_manifest, write_manifest
from hornet.dataset.drawings import write_dataset

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


def hornet(*arguments, cwd, expected=0):
    """Run the command line in a process of its own; return its stdout."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "hornet", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert expected == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def check_story(pictures, run, *, floor):
    """Evaluate and use what a run left behind."""
    hornet("models", "verify", run / "hornet-int8.onnx", cwd=run)
    figures = json.loads(
        hornet(
            "evaluate",
            run / "manifest.csv",
            "--model",
            run / "hornet-int8.onnx",
            "--json",
            "-",
            "--quiet",
            cwd=run,
        )
    )
    assert figures["overall"]["metrics"]["roc_auc"]["value"] >= floor
    rows = list(
        csv.DictReader(io.StringIO(hornet("predict", pictures, "--model", run / "hornet-fp32.onnx", cwd=run)))
    )
    assert ["path", "label", "probability", "error"] == list(rows[0])
    assert len(rows) == sum(1 for path in pictures.rglob("*.jpg"))
    shown = json.loads(hornet("models", "show", run / "hornet-int8.onnx", "--json", "-", cwd=run))
    assert ("int8", ["absent", "present"]) == (shown["precision"], shown["classes"])
    return rows


@pytest.mark.slow
def test_drawings(tmp_path):
    """Trained on drawings, exported, evaluated, used and retrained: better than chance on drawings it never saw."""
    write_dataset(tmp_path / "pictures", per_class=40, seed=1, size=(96, 96))
    small = ("--size", "64x64", "--batch", "8", "--threads", "1", "--workers", "0")
    hornet(
        "train", "pictures", "--out", "run", "--weights", "none", "--epochs", "6", "--lr", "1e-3", "--augment", "flip",
        *small, cwd=tmp_path,
    )  # fmt: skip
    check_story(tmp_path / "pictures", tmp_path / "run", floor=0.8)

    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    answers = [
        hornet("predict", EXAMPLES, "--model", folder / "hornet-int8.onnx", cwd=tmp_path)
        for folder in (tmp_path / "run", tmp_path / "moved")
    ]
    assert answers[0] == answers[1]


@pytest.mark.slow
@pytest.mark.realdata
def test_real_pictures(tmp_path, real_data, real_weights):
    """The same on a few hundred real pictures from ImageNet weights: clearly better than chance on unseen groups."""
    portal = [record for record in read_manifest(real_data).records if record.source == "portal"]
    chosen = np.random.default_rng(0).permutation(len(portal))[:300]
    manifest = tmp_path / "manifest.csv"
    data = dataclasses.replace(read_manifest(real_data), records=tuple(portal[at] for at in sorted(chosen)))
    write_manifest(data, manifest)
    (tmp_path / "some").mkdir()
    for record in data.records[:5]:
        shutil.copy(record.path, tmp_path / "some")
    hornet(
        "train", manifest, "--out", "run", "--weights", real_weights, "--head-epochs", "4", "--epochs", "1",
        "--test", "0.25", "--threads", "2", cwd=tmp_path,
    )  # fmt: skip
    rows = check_story(tmp_path / "some", tmp_path / "run", floor=0.7)

    by_name = {Path(row["path"]).name: float(row["probability"]) for row in rows}
    single = Classifier.open(tmp_path / "run" / "hornet-fp32.onnx")
    for record in data.records[:5]:
        assert by_name[record.path.name] == pytest.approx(single.predict(record.path).probability, abs=1e-5)
