"""Reading back what predict wrote."""

import math

import pytest

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError
from hornet.inference.sinks import open_sink
from hornet.review.results import locate, read_results

ANSWERS = (
    Prediction("a, b.jpg", "present", 0.75, (0.0, 1.0)),
    Failure("bad.jpg", "unreadable", 'it says "no"'),
    Prediction("caf\udce9.jpg", "unsure", 0.5, (0.0, 0.0)),
)


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_every_format_comes_back(form, tmp_path):
    """Rows of each format give path, verdict, probability and error, in their order."""
    path = tmp_path / f"rows.{form}"
    with path.open("wb") as file:
        sink = open_sink(form, file)
        for answer in ANSWERS:
            sink.write(answer)
        sink.finish()
    rows = read_results(path)

    assert ["a, b.jpg", "bad.jpg"] == [row.path for row in rows[:2]]
    assert ["present", "", "unsure"] == [row.label for row in rows]
    assert 0.75 == rows[0].probability
    assert math.isnan(rows[1].probability)
    assert 'unreadable: it says "no"' == rows[1].error
    (tmp_path / "caf\udce9.jpg").write_bytes(b"")
    assert str(tmp_path / "caf\udce9.jpg") == locate(rows[2], path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.csv", b"path,label\na.jpg,present\n", "has no probability"),
        ("rows.csv", b"path,label,probability\n", "has no row"),
        ("rows.csv", b"path,label,probability\na.jpg,maybe,0.5\n", "row 1: 'maybe' with '0.5' is no verdict"),
        ("rows.csv", b"path,label,probability\na.jpg,present,nan\n", "is no verdict"),
        ("rows.csv", b"path,label,probability\na.jpg,present\n", "row 2 hasn't as many fields"),
        ("rows.csv", b"path,label,probability,captured_at\na.jpg,present,1,May\n", "'May' is no time"),
        ("rows.json", b'{"images": []}', "not an array of rows"),
        ("rows.json", b"[1, ", "is no list of results"),
        ("rows.jsonl", b"[]\n", "not an array of rows"),
        ("rows.parquet", b"PAR1", "is no list of results"),
    ],
)
def test_other_files_are_told(name, content, says, tmp_path):
    """What is no result of predict is refused with the reason and what to name instead."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_results(tmp_path / name)

    assert says in str(caught.value)
