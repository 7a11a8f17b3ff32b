"""``hornet summarize``: tables, drawing, JSON, and what it says of drift."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hornet.cli import app
from hornet.cli.common import Exit
from hornet.errors import ConfigError


def invoke(*arguments):
    """Run `hornet summarize ...`; errors raised on purpose come through."""
    result = CliRunner().invoke(app, ["summarize", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def rows(tmp_path):
    """Write rows of two sites, 60 pictures each, all novel in the second."""
    lines = ["path,label,probability,error,novelty,captured_at,camera"]
    for number in range(120):
        site, label = ("a", "absent") if number < 60 else ("b", "unsure")
        novelty = 0.3 + 0.01 * (number % 60) if site == "a" else 2.0
        if number % 6 == 0:
            label = "present"
        lines.append(
            f"hives/{site}/{number}.jpg,{label},{number / 120:.6f},,{novelty},2024-08-01T{9 + number % 6:02d}:30:00,"
        )
    path = tmp_path / "season.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def knowing(make_artifact, red_and_blue, half_red, tmp_path):
    """Return the tiny artifact with a reference: even probabilities, and novelties from 0.2 to 0.9."""
    return make_artifact(tmp_path / "m.onnx", novelty=red_and_blue, reference=half_red)


def test_tables_tell_rates(rows, knowing):
    """People read totals, a table each by hour, day and site, and what is unlike anything seen."""
    text = invoke(rows, "--model", knowing).stdout

    assert "120 pictures: 20 present, 50 unsure, 50 absent; 0 without a verdict\n" in text
    assert "hornets per picture: 0.167 (" in text
    assert "09          20       20       0  1.000 (" in text
    assert "2024-08-01       120       20      50  0.167 (" in text
    assert "b           60       10      50  0.167 (" in text
    assert "unlike anything the model was trained with: 60 of 120 pictures" in text


def test_drift_is_told_with_its_limit(rows, knowing):
    """Probabilities like the reference's are within chance, novelties of another kind are beyond, in words and in JSON."""
    text = invoke(rows, "--model", knowing).stdout
    document = json.loads(invoke(rows, "--model", knowing, "--json", "-").stdout)

    assert "probabilities of 120 pictures: drift 0." in text
    assert "within what chance explains" in text
    assert "another kind of picture" in text
    assert [("probability", False), ("novelty", True)] == [
        (one["quantity"], one["beyond"]) for one in document["drift"]
    ]
    assert {"beyond": 60, "pictures": 120} == document["novel"]
    assert [20] * 6 == [rate["pictures"] for rate in document["activity"]["by_hour"]]


def test_models_of_before_say_so(rows, tiny_model):
    """A model without a reference still gives activity, and says why it gives no drift."""
    result = invoke(rows, "--model", tiny_model)

    assert Exit.DONE == result.exit_code
    assert "tiny.onnx holds no reference" in result.stdout


def test_without_novelty_and_time_it_says_what_to_do(tmp_path, knowing):
    """Rows of a plain predict are summarized, with the flags that would tell more."""
    path = tmp_path / "plain.csv"
    path.write_text(
        "path,label,probability,error\na.jpg,present,0.9,\nb.jpg,,,unreadable: x\n", encoding="utf-8"
    )
    text = invoke(path, "--model", knowing).stdout

    assert "without a time of day: 1, without a date: 1; 'hornet predict --exif' adds those of EXIF" in text
    assert "predict with --unknown" in text
    assert "too few pictures to tell" in text


def test_drawing_is_written_whole(rows, knowing, tmp_path):
    """--svg writes a drawing beside the tables."""
    result = invoke(rows, "--model", knowing, "--svg", tmp_path / "season.svg")
    text = (tmp_path / "season.svg").read_text(encoding="utf-8")

    assert Exit.DONE == result.exit_code
    assert text.startswith("<svg ")
    assert text.endswith("</svg>\n")
    assert "Asian hornets in season.csv" in text


def test_no_rows_is_an_error(tmp_path):
    """A file that predict didn't write is refused."""
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="has no path"):
        invoke(tmp_path / "x.csv")
