"""Rows as Parquet."""

import gc
import io
import subprocess
import sys

import pytest
from pyarrow import parquet

from hornet.classifier import Failure, Prediction
from hornet.errors import MissingExtra
from hornet.inference.parquet import ROW_GROUP, ParquetSink
from hornet.inference.sinks import open_sink


def prediction(source, probability=0.5):
    return Prediction(source, "present", probability, (0.0, 0.0))


def written(answers):
    stream = io.BytesIO()
    sink = open_sink("parquet", stream)
    for answer in answers:
        sink.write(answer)
    sink.finish()
    return stream.getvalue()


def rows(data):
    return parquet.read_table(io.BytesIO(data)).to_pylist()


def test_content():
    """The columns are those of every format, missing values null, probabilities with six decimals."""
    answers = [
        prediction("é, b.jpg", 0.9312044),
        Failure("bad.jpg", "missing", "no such file"),
        prediction("\udcff"),
    ]

    assert [
        {"path": "é, b.jpg", "label": "present", "probability": 0.931204, "error": None},
        {"path": "bad.jpg", "label": None, "probability": None, "error": "missing: no such file"},
        {"path": "\\udcff", "label": "present", "probability": 0.5, "error": None},
    ] == rows(written(answers))


def test_types():
    """Columns keep their types even where all values are missing, or there is no row at all."""
    for answers in ([], [Failure("a", "missing", "b")]):
        schema = parquet.read_schema(io.BytesIO(written(answers)))

        assert [("path", "string"), ("label", "string"), ("probability", "double"), ("error", "string")] == [
            (name, str(kind)) for name, kind in zip(schema.names, schema.types, strict=True)
        ]


def test_row_groups():
    """Row groups are cut by place, all rows are there in order, and the same rows are the same bytes."""
    answers = [prediction(f"{number}.jpg") for number in range(2 * ROW_GROUP + 5)]
    data = written(answers)
    found = parquet.ParquetFile(io.BytesIO(data))

    assert [ROW_GROUP, ROW_GROUP, 5] == [found.metadata.row_group(at).num_rows for at in range(3)]
    assert [answer.source for answer in answers] == found.read()["path"].to_pylist()
    assert data == written(answers)


def test_half_a_document_is_none():
    """A sink that is dropped ends no document: a reader can't take half the rows for all of them."""
    stream = io.BytesIO()
    sink = ParquetSink(stream)
    sink.write(prediction("a.jpg"))
    del sink
    gc.collect()

    assert b"PAR1" == stream.getvalue()


def test_full_disk():
    """A full disk is the operating system's error, once."""

    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() + len(data) > 100:
                raise OSError(28, "No space left on device")
            return super().write(data)

    sink = ParquetSink(Full())
    sink.write(prediction("a.jpg"))
    with pytest.raises(OSError, match="No space left"):
        sink.finish()
    del sink
    gc.collect()


def test_missing_package(monkeypatch):
    """Without pyarrow the message names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"--format parquet.*hornet-detector\[parquet\]"):
        open_sink("parquet", io.BytesIO())


def test_pandas_stays_out():
    """Writing Parquet doesn't load pandas, which pyarrow does for lists wherever it is installed."""
    script = (
        "import io, sys; from hornet.classifier import Prediction; from hornet.inference.sinks import open_sink;"
        "sink = open_sink('parquet', io.BytesIO()); sink.write(Prediction('a', 'absent', 0.5, (0.0, 0.0)));"
        "sink.finish(); print([name for name in ('pandas', 'torch', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert "[]\n" == done.stdout
