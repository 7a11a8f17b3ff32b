"""`hornet models` lists, shows, compares, verifies, promotes, rolls back and moves."""

from __future__ import annotations

import base64
import json

import pytest
from typer.testing import CliRunner

from hornet.checksums import write_sums
from hornet.classifier import Classifier
from hornet.cli import models
from hornet.cli.common import Exit
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.errors import ArtifactIncompatible, ArtifactMissing, ConfigError
from hornet.registry import Registry


def invoke(*arguments):
    """Run `hornet models ...`; errors raised on purpose come through."""
    result = CliRunner().invoke(models.app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def golden_model(make_artifact, tmp_path):
    """Return a function that writes an artifact whose golden example expects what it answers, plus an error."""

    def make(error=0.0):
        jpeg = encode_jpeg(draw("hornet", seed=1, size=(32, 24)))
        answer = Classifier.open(make_artifact(tmp_path / "plain.onnx")).predict(jpeg).probability
        example = {"name": "a hornet", "jpeg": base64.b64encode(jpeg).decode(), "probability": answer + error}
        return make_artifact(tmp_path / "golden.onnx", golden=[example])

    return make


def test_verify_passes_a_file_that_answers_the_same(golden_model):
    """Each golden example is listed as ok, and the exit code is 0."""
    result = invoke("verify", golden_model())

    assert Exit.DONE == result.exit_code
    assert result.stdout.startswith("ok ")
    assert "a hornet" in result.stdout


def test_verify_fails_a_file_that_answers_otherwise(golden_model):
    """A difference beyond the tolerance is named, and the exit code is 1."""
    result = invoke("verify", golden_model(error=0.01))

    assert Exit.FAILED == result.exit_code
    assert "DIFFERS" in result.stdout
    assert "a hornet" in result.stderr


def test_verify_as_json(golden_model):
    """The same as JSON: expected, got and tolerance of each example."""
    result = invoke("verify", golden_model(error=0.01), "--json", "-")

    document = json.loads(result.stdout)
    assert document["ok"] is False
    (example,) = document["golden"]
    assert 0.01 == pytest.approx(example["expected"] - example["got"], abs=1e-6)
    assert 1e-4 == example["tolerance"]


def test_verify_without_golden_examples_is_an_error(tiny_model):
    """Nothing to replay proves nothing."""
    with pytest.raises(ArtifactIncompatible, match="no golden examples"):
        invoke("verify", tiny_model)


def test_show_prints_the_whole_contract(golden_model):
    """Every field is a line; pictures are only counted."""
    result = invoke("show", golden_model())

    assert Exit.DONE == result.exit_code
    for line in ("size: (8, 8)", "temperature: 1.0", "licence: Apache-2.0", "golden.0.name: a hornet"):
        assert line in result.stdout
    assert "golden.0.jpeg: " in result.stdout
    assert len(result.stdout) < 2500


def test_show_as_json_has_the_files_hash(tiny_model):
    """As JSON: the contract, with size and hash of the file."""
    document = json.loads(invoke("show", tiny_model, "--json", "-").stdout)

    assert tiny_model.stat().st_size == document["bytes"]
    assert 64 == len(document["sha256"])
    assert [8, 8] == document["size"]


def test_show_of_a_missing_file_is_an_error(tmp_path):
    """A file that isn't there is named."""
    with pytest.raises(ArtifactMissing, match=r"gone\.onnx"):
        invoke("show", tmp_path / "gone.onnx")


def test_list_always_has_the_packed_model(monkeypatch, tiny_model):
    """With an empty registry the packed model is the champion."""
    monkeypatch.setattr("hornet.registry.packed_path", lambda: tiny_model)
    write_sums([tiny_model], tiny_model.parent)

    result = invoke("list")

    (line,) = result.stdout.splitlines()
    assert line.startswith("* packed")
    assert "float32 8x8" in line


def test_list_without_packed_model_says_so(monkeypatch):
    """An installation without a model still lists it, as missing."""
    monkeypatch.setattr("hornet.registry.packed_path", lambda: None)

    assert "not in this installation" in invoke("list").stdout


def test_list_marks_the_champion_and_shows_damage(monkeypatch, make_artifact, tmp_path):
    """Champion and challengers are listed with their notes; a damaged file is listed too."""
    monkeypatch.setattr("hornet.registry.packed_path", lambda: None)
    registry = Registry()
    first = registry.add(
        make_artifact(tmp_path / "a.onnx", temperature=1.0), parent="packed", note="better", record={}
    )
    second = registry.add(
        make_artifact(tmp_path / "b.onnx", temperature=2.0), parent=first.id, note="worse", record={}
    )
    registry.promote(first.id)
    registry.model_path(second.id).write_bytes(b"rubbish")

    rows = json.loads(invoke("list", "--json", "-").stdout)

    assert ["packed", first.id, second.id] == [row["id"] for row in rows]
    assert [False, True, False] == [row["champion"] for row in rows]
    assert "better" in rows[1]["about"]
    assert "unusable" in rows[2]["about"]
    assert rows[2]["path"] is None


def test_list_tells_the_quality_on_test_pictures(monkeypatch, make_artifact, tmp_path):
    """An artifact that carries its test AUC shows it."""
    quality = {"test": {"overall": {"metrics": {"roc_auc": {"value": 0.9312}}}}}
    path = make_artifact(tmp_path / "a.onnx", quality=quality)
    write_sums([path], tmp_path)
    monkeypatch.setattr("hornet.registry.packed_path", lambda: path)

    assert "test AUC 0.9312" in invoke("list").stdout


def test_rollback_returns_to_the_champion_before(make_artifact, tmp_path):
    """One step back at a time, down to the packed model; then there is nothing to roll back."""
    registry = Registry()
    entries = [
        registry.add(
            make_artifact(tmp_path / f"{t}.onnx", temperature=t), parent="packed", note="", record={}
        )
        for t in (1.0, 2.0)
    ]
    for entry in entries:
        registry.promote(entry.id)

    assert f"champion: {entries[0].id}\n" == invoke("rollback").stdout
    assert {"champion": "packed"} == json.loads(invoke("rollback", "--json", "-").stdout)
    with pytest.raises(ConfigError, match="no earlier champion"):
        invoke("rollback")


@pytest.fixture
def kept(make_artifact, tmp_path):
    """Return two entries of the registry, of which the second is less sure."""
    registry = Registry()
    return [
        registry.add(
            make_artifact(tmp_path / f"{t}.onnx", temperature=t),
            parent="packed",
            note="",
            record={"fingerprint": f"data {t}"},
        )
        for t in (1.0, 2.0)
    ]


def test_promote_then_show_the_champion(kept):
    """A promoted challenger is the champion, and show tells its contract and how it came about."""
    first, second = kept

    assert f"champion: {second.id}\n" == invoke("promote", second.id[:6]).stdout
    shown = json.loads(invoke("show", "--json", "-").stdout)
    assert (second.sha256, 2.0) == (shown["sha256"], shown["temperature"])
    assert "data 2.0" == shown["registry"]["record"]["fingerprint"]
    assert (
        "data 1.0"
        == json.loads(invoke("show", first.id, "--json", "-").stdout)["registry"]["record"]["fingerprint"]
    )
    assert {"champion": "packed"} == json.loads(invoke("promote", "packed", "--json", "-").stdout)


def test_diff_tells_what_differs_and_nothing_else(kept):
    """Two models that differ by their temperature differ in that line; a model doesn't differ from itself."""
    first, second = kept

    assert "temperature: 1.0 -> 2.0\n" == invoke("diff", first.id, second.id).stdout
    differs = json.loads(invoke("diff", first.id, second.id, "--json", "-").stdout)["differs"]
    assert {"temperature": [1.0, 2.0]} == differs
    assert "they say the same" in invoke("diff", first.id, first.id).stderr


def test_export_and_import(kept, tmp_path, monkeypatch):
    """What was exported here is imported there, and can be promoted."""
    first, _ = kept
    assert first.id in invoke("export", first.id, tmp_path / "m.zip").stdout
    monkeypatch.setenv("HORNET_REGISTRY", str(tmp_path / "elsewhere"))

    assert first.id in invoke("import", tmp_path / "m.zip").stdout
    assert f"champion: {first.id}\n" == invoke("promote", first.id).stdout


def test_long_arrays_are_told_by_their_digest(make_artifact, red_and_blue, tmp_path):
    """What is long is shown as its length and digest, so that two models with other distances still differ."""
    means = red_and_blue["means"]
    other = {**red_and_blue, "means": means[4:8] + means[:4] + means[8:]}  # 4 characters are 3 bytes
    first, second = (
        make_artifact(tmp_path / f"{number}.onnx", novelty=novelty)
        for number, novelty in enumerate((red_and_blue, other))
    )
    shown = invoke("show", first).stdout
    differs = json.loads(invoke("diff", first, second, "--json", "-").stdout)["differs"]

    assert len(shown) < 3000
    assert "novelty.basis: " in shown
    assert ["novelty.means"] == list(differs)
