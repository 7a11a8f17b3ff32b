"""What predict wrote is read back, in every format; what it didn't write is refused in words."""

import io
import json

import pytest

from hornet.captures import Capture
from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError
from hornet.inference.columns import CAPTURE_COLUMNS, NOVELTY
from hornet.inference.results import Result, read_results
from hornet.inference.sinks import open_sink

ANSWERS: list[Prediction | Failure] = [
    Prediction(
        'a, "b".jpg',
        "present",
        0.75,
        (0.0, 1.0),
        novelty=0.5,
        capture=Capture("2024-08-01T10:00:00", "Canon X"),
    ),
    Prediction("c\nd.jpg", "unsure", 0.5, (0.0, 0.0), novelty=1.5, capture=Capture()),
    Failure("bad.jpg", "unreadable", "damaged", Capture("2024-08-01")),
]
EXPECTED = [
    Result('a, "b".jpg', "present", 0.75, 0.5, "2024-08-01T10:00:00", "Canon X"),
    Result("c\nd.jpg", "unsure", 0.5, 1.5),
    Result("bad.jpg", "", None, None, "2024-08-01"),
]


def write(path, form, *, further=(NOVELTY, *CAPTURE_COLUMNS)):
    """Write the answers as predict does."""
    stream = io.BytesIO()
    sink = open_sink(form, stream, further=further)
    for answer in ANSWERS:
        sink.write(answer)
    sink.finish()
    path.write_bytes(stream.getvalue())
    return path


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_every_format_comes_back(tmp_path, form):
    """The same rows come back from every format, whatever the file is called."""
    assert EXPECTED == read_results(write(tmp_path / f"rows.{form}", form))
    assert EXPECTED == read_results(write(tmp_path / "rows", form))


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_further_columns_may_be_missing(tmp_path, form):
    """Rows without novelty and time are read, too."""
    rows = read_results(write(tmp_path / f"rows.{form}", form, further=()))

    assert [None, None, None] == [row.novelty for row in rows]
    assert ["", "", ""] == [row.captured_at for row in rows]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no path, label, probability"),
        (b"path,label,probability,error\n", "holds no rows"),
        (b"path,label\na,b\n", "has no probability"),
        (b"path,label,probability,error\na.jpg,present\n", "line 2: 2 cells under 4 columns"),
        (b'path,label,probability,error\n"a.jpg,present,0.5,\n', "line"),
        (b"path,label,probability,error\na.jpg,maybe,0.5,\n", "row 1: 'maybe'"),
        (b"path,label,probability,error\na.jpg,present,,\n", "row 1: 'present' with probability None"),
        (b"path,label,probability,error\na.jpg,present,lots,\n", "'lots' is no number"),
        (b"path,label,probability,error\na.jpg,present,nan,\n", "'nan' is no number"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b'[{"path": "a"', "no JSON"),
        (b'[{"path": "a"}]', "has no label, probability"),
        (json.dumps({"info": {}, "images": []}).encode(), "MegaDetector's format"),
        (b"PAR1damaged", "damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    """What is no such file is refused, with what is wrong and what to do."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=words):
        read_results(path)


def test_missing_file(tmp_path):
    """A file that isn't there is named."""
    with pytest.raises(ConfigError, match=r"can't read .*gone\.csv"):
        read_results(tmp_path / "gone.csv")
