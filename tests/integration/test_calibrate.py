"""`hornet calibrate` from its arguments to the file that it leaves, with a small artifact."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hornet.artifact import open_artifact
from hornet.classifier import Classifier
from hornet.golden import replay_golden

PREVALENCE = 0.02
SHIFT = np.log(0.02 / 0.98) - np.log(0.25 / 0.75)


@pytest.fixture
def hornet(monkeypatch, capsys):
    """Return a function that runs the command line and returns exit code, stdout and stderr."""
    from hornet.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hornet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return (exit_.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def model(make_artifact, tmp_path):
    """Return a model file that learned where a quarter of the pictures showed a hornet."""
    return make_artifact(tmp_path / "model.onnx", training={"prevalence": 0.25}, low=0.4, high=0.6)


@pytest.fixture
def data(tmp_path):
    """Return a manifest of 40 validation pictures, 20 of each class, in 20 groups; hornets are rather red."""
    generator = np.random.default_rng(0)
    lines = ["path,label,group,split"]
    for i in range(40):
        red = 128 + (12 if i % 2 else -12) + 20 * generator.standard_normal()
        # The green makes each its own picture; the model only looks at red and blue.
        colour = (int(np.clip(red, 0, 255)), i, int(np.clip(255 - red, 0, 255)))
        Image.new("RGB", (10, 12), colour).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{i % 2},g{i // 2},validation")
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def margin(prediction):
    """Return the logit of a probability."""
    return np.log(prediction.probability / (1 - prediction.probability))


def test_prevalence_shifts_every_logit(hornet, model, data, tmp_path):
    """Probabilities move by exactly the prior shift, thresholds along with them: no verdict changes."""
    new = tmp_path / "new.onnx"
    before_bytes = model.read_bytes()

    assert 0 == hornet("calibrate", model, data, "--prevalence", PREVALENCE, "--output", new)[0]
    before, after = Classifier.open(model), Classifier.open(new)
    assert before_bytes == model.read_bytes()
    assert SHIFT == pytest.approx(after.contract.prior_shift)
    for path in sorted(tmp_path.glob("*.png")):
        one, two = before.predict(path), after.predict(path)
        assert one.logits == two.logits
        assert SHIFT == pytest.approx(margin(two) - margin(one), abs=1e-4)
        assert one.label == two.label
    for name in ("low", "high", "decision_threshold"):
        old, moved = getattr(before.contract, name), getattr(after.contract, name)
        assert SHIFT == pytest.approx(np.log(moved / (1 - moved)) - np.log(old / (1 - old)))


def test_band_is_written_and_verified(hornet, model, data, tmp_path):
    """Predict's verdicts keep what was promised; the file tells how it was measured, and verifies."""
    new, out, report = tmp_path / "new.onnx", tmp_path / "plots", tmp_path / "report.json"
    code, stdout, _ = hornet(
        "calibrate", model, data, "--target-recall", 0.95, "--max-false-alarms", 50, "--prevalence", PREVALENCE,
        "--output", new, "--out", out, "--json", report,
    )  # fmt: skip

    assert 0 == code
    assert "unsure, for an expert" in stdout
    assert "With 20 absences no threshold can promise 50 in 1,000" in stdout
    told = json.loads(report.read_text())[0]
    contract = open_artifact(new).contract
    assert (told["low"], told["high"]) == (contract.low, contract.high)
    assert contract.low < contract.high
    about = contract.quality["operating_point"]
    assert (40, "validation", 64) == (about["pictures"], about["split"], len(about["fingerprint"]))
    verdicts = [Classifier.open(new).predict(tmp_path / f"{i}.png").label for i in range(40)]
    assert sum(v != "absent" for v in verdicts[1::2]) == about["recall"]["hits"] == 19
    assert sum(v == "present" for v in verdicts[::2]) == about["false_alarms"]["hits"] == 1
    assert 0 == hornet("models", "verify", new)[0]
    assert {"cost.png", "precision-recall.png", "reliability.png", "roc.png"} == {
        path.name for path in out.iterdir()
    }


def test_calibrating_twice_is_calibrating_once(hornet, model, data):
    """The prior shift is measured from training: a second prevalence replaces the first; golden examples follow."""
    for prevalence in (0.6, PREVALENCE):
        assert 0 == hornet("calibrate", model, data, "--prevalence", prevalence, "--in-place")[0]
    classifier = Classifier.open(model)

    assert SHIFT == pytest.approx(classifier.contract.prior_shift)
    assert 0.4 == pytest.approx(1 / (1 + (1 / classifier.contract.low - 1) * np.exp(SHIFT)))
    assert replay_golden(classifier)
    assert all(result.ok for result in replay_golden(classifier))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--target-recall", "0.9"), 2, "needs --output FILE, or --in-place"),
        (("--target-recall", "0.9", "--in-place", "--output", "x"), 2, "contradict"),
        (("--in-place",), 1, "nothing is asked for"),
        (("--in-place", "--target-recall", "0"), 1, "above 0"),
        (("--in-place", "--prevalence", "1"), 1, "between 0 and 1"),
        (("--in-place", "--target-recall", "0.9", "--split", "test"), 1, "No picture has the split 'test'"),
    ],
)
def test_refusals(hornet, model, data, arguments, code, message):  # noqa: PLR0917 - parametrised
    """What can't be done says why, and leaves the file alone."""
    before = model.read_bytes()
    got, _, stderr = hornet("calibrate", model, data, *arguments)

    assert code == got
    assert message in " ".join(stderr.replace("│", " ").split())
    assert before == model.read_bytes()


def test_models_that_dont_fit_are_refused(hornet, make_artifact, data, tmp_path):
    """Without a training prevalence, with wrong golden answers, or with its own training pictures: refused."""
    from hornet.dataset import fingerprint, read_manifest
    from hornet.dataset.drawings import draw, encode_jpeg
    from hornet.training.contract import with_golden

    bare = make_artifact(tmp_path / "bare.onnx")
    golden = with_golden(open_artifact(bare).contract, [("bee", encode_jpeg(draw("bee", seed=1)))], [0.987])
    wrong = make_artifact(tmp_path / "wrong.onnx", golden=json.loads(golden.to_json())["golden"])
    own = make_artifact(tmp_path / "own.onnx", training={"fingerprint": fingerprint(read_manifest(data))})

    for file, flags, message in (
        (bare, ("--prevalence", "0.1"), "leave out --prevalence"),
        (wrong, ("--target-recall", "0.9"), "doesn't answer here as it did where it was made (bee)"),
        (own, ("--target-recall", "0.9"), "was trained with"),
        (tmp_path, ("--target-recall", "0.9"), "make them with 'hornet export'"),
    ):
        source = () if file.is_dir() else ("--in-place",)
        code, _, stderr = hornet("calibrate", file, data, *flags, *source)
        assert 1 == code
        assert message in stderr


def test_run_folder(hornet, make_artifact, data, tmp_path):
    """Both precisions of a run are rewritten; pictures that it learned from are refused, and nothing is written."""
    run = tmp_path / "run"
    run.mkdir()
    for name, precision in (("hornet-fp32.onnx", "float32"), ("hornet-int8.onnx", "int8")):
        make_artifact(run / name, precision=precision, training={"prevalence": 0.25})
    (run / "config.toml").write_text("")
    rows = [line.split(",") for line in data.read_text().splitlines()]
    (run / "manifest.csv").write_text(
        "\n".join([",".join(rows[0]), *(f"../{p},{label},{g},train" for p, label, g, _ in rows[1:3])]) + "\n"
    )
    before = [path.read_bytes() for path in sorted(run.glob("*.onnx"))]

    code, _, stderr = hornet("calibrate", run, data, "--target-recall", 0.9)
    assert 1 == code
    assert "trained on 1 of the 20 groups" in stderr
    assert before == [path.read_bytes() for path in sorted(run.glob("*.onnx"))]

    manifest = (run / "manifest.csv").read_text()
    (run / "manifest.csv").write_text(manifest.replace(",train", ",validation"))
    code, stdout, stderr = hornet("calibrate", run, data, "--target-recall", 0.9)
    assert 0 == code
    assert "flatter" in stderr
    assert 2 == stdout.count("absent below")
    assert (
        0
        < open_artifact(run / "hornet-int8.onnx").contract.low
        == open_artifact(run / "hornet-fp32.onnx").contract.low
    )
    assert ["config.toml", "hornet-fp32.onnx", "hornet-int8.onnx", "manifest.csv"] == sorted(
        path.name for path in run.iterdir()
    )


def test_shipped_int8_file(hornet, data, tmp_path):
    """A file that a real export quantised is moved to another prevalence and verifies."""
    packed = Path(__file__).parents[2] / "models" / "hornet-resnet18.onnx"
    model = Path(shutil.copy(packed, tmp_path / "shipped.onnx"))

    assert 0 == hornet("calibrate", model, data, "--prevalence", "0.01", "--in-place")[0]
    before, after = open_artifact(packed).contract, open_artifact(model).contract
    assert [golden.jpeg for golden in before.golden] == [golden.jpeg for golden in after.golden]
    for old, new in zip(before.golden, after.golden, strict=True):
        moved = np.log(new.probability / (1 - new.probability)) - np.log(
            old.probability / (1 - old.probability)
        )
        assert after.prior_shift == pytest.approx(moved, abs=0.2)  # int8 differs a little between processors
    assert 0 == hornet("models", "verify", model)[0]


def test_unreadable_pictures_are_told(hornet, model, data, tmp_path):
    """A picture that can't be read is left out, and the exit code says so."""
    (tmp_path / "0.png").write_bytes(b"no picture")
    code, _, stderr = hornet("calibrate", model, data, "--target-recall", 0.9, "--in-place")

    assert 3 == code
    assert "1 of the pictures could not be read" in stderr
    assert 39 == open_artifact(model).contract.quality["operating_point"]["pictures"]
