"""Report and card of a run, written anew with what was found out since."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.errors import ConfigError
from hornet.training.card import read_epochs, report_run


@pytest.fixture
def run(exported, tmp_path):
    """Return a copy of an exported run, its pictures beside it."""
    shutil.copytree(exported.fp32.parent.parent, tmp_path / "all")
    return tmp_path / "all" / exported.fp32.parent.name


def test_what_lies_in_the_run_is_told(run, exported):
    """Audit, robustness, rivals, attacks, energy and epochs are picked up, from the run and from folders in it."""
    quality = exported.eight_bit.validation
    corruptions = {
        "clean": quality, "severities": [1], "mean": quality["metrics"],
        "by_corruption": {"fog": {"mean": quality["metrics"]}},
    }  # fmt: skip
    rival = {
        "name": "linear SVM",
        "quality": quality,
        "parameters": 1,
        "operations": 1e9,
        "milliseconds": 1.0,
    }
    attacked = {"epsilon": 4, "quality": quality, "accuracy_lost": quality["metrics"]["accuracy"]}
    finding = {"name": "leakage", "sentence": "Of another version.", "facts": {"pictures": 9, "of": 10}}
    session = {
        "kwh": 0.1,
        "kg_co2": 0.1,
        "seconds": 3,
        "country": "FRA",
        "parts": {"cpu": {"how": "measured"}},
    }
    documents = {
        "audit.json": {"findings": [finding], "notes": [], "short": True},
        "robustness.json": {"corruptions": corruptions},
        "lab/rivals.json": {"rivals": [rival]},
        "pgd/attack.json": {"attack": "several steps", "clean": quality, "attacked": [attacked]},
        "energy.json": {"training": [session]},
    }
    (run / "lab").mkdir()
    (run / "pgd").mkdir()
    for name, document in documents.items():
        (run / name).write_text(json.dumps(document), encoding="utf-8")
    (run / "metrics.csv").write_text(
        "phase,epoch,train_loss,validation_loss,validation_auc,lr\nhead,1,0.7,0.6,,0.001\n", encoding="utf-8"
    )
    done = CliRunner().invoke(app, ["report", str(run), "--json", "-"], catch_exceptions=False)
    report, card = (run / name for name in ("report.html", "MODEL_CARD.md"))
    text, markdown = report.read_text("utf-8"), card.read_text("utf-8")

    assert {"report": str(report), "card": str(card)} == json.loads(done.stdout)
    assert "The audit found: leakage between splits." in text
    assert "The audit found: leakage between splits." in markdown
    for part in ("Of another version.", "Only a quick look", "brouillard", "SVM linéaire", "several steps"):
        assert part in text
    for part in ("Of another version.", "| fog |", "| linear SVM |", "several steps", "Training: 100 Wh"):
        assert part in markdown
    assert 'id="training"' in text
    assert "data:image" in text
    assert "data:image" not in markdown


def test_without_pictures(run):
    """A report to hand on holds no picture."""
    report, _ = report_run(run, with_pictures=False)

    assert "data:image" not in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rivals.json", "{", "rivals.json can't be read"),
        ("audit.json", "[]", "audit.json lacks findings: it isn't what 'hornet data audit --json' writes"),
        ("attack.json", "{}", "attack.json lacks attack, clean, attacked"),
    ],
)
def test_what_cannot_be_read_is_named(run, name, content, message):
    """A damaged file is told by its name and what should have written it."""
    (run / name).write_text(content, encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        report_run(run)


def test_a_run_that_is_not_exported(run):
    """A run without model files says how to get them."""
    (run / "hornet-int8.onnx").unlink()

    with pytest.raises(ConfigError, match=r"has no hornet-int8.onnx: export it first with 'hornet export"):
        report_run(run)


def test_epochs(tmp_path):
    """Numbers are read as numbers, cells that are empty are left out, and a run without the file has none."""
    (tmp_path / "m.csv").write_text("phase,epoch,validation_auc\nhead,1,\nfull,2,0.5\n", encoding="utf-8")
    expected = [{"phase": "head", "epoch": 1.0}, {"phase": "full", "epoch": 2.0, "validation_auc": 0.5}]

    assert expected == read_epochs(tmp_path / "m.csv")
    assert [] == read_epochs(tmp_path / "none.csv")
