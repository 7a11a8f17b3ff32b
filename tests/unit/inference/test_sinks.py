"""Sinks: the same rows in four formats."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError
from hornet.inference.columns import NOVELTY
from hornet.inference.megadetector import About
from hornet.inference.sinks import COLUMNS, open_sink, printable


def prediction(source, label="present", probability=0.5):
    return Prediction(source, label, probability, (0.0, 0.0))


ANSWERS = [
    prediction("a.jpg", "present", 0.9312044),
    prediction("é, b.jpg", "absent", 1e-9),
    Failure("bad.jpg", "unreadable", 'damaged: "x"'),
    prediction('new\nline\rand "quote".jpg', "unsure", 0.5),
    prediction("\udcff.jpg", "absent", 0.25),
]


def written(form, answers, **options):
    """Return the bytes of a whole document."""
    stream = io.BytesIO()
    sink = open_sink(form, stream, **options)
    for answer in answers:
        sink.write(answer)
    sink.finish()
    return stream.getvalue()


def test_csv():
    """CSV is UTF-8 with newlines as line ends, six decimals, empty for missing, quoted where needed."""
    assert (
        b"path,label,probability,error\n"
        b"a.jpg,present,0.931204,\n"
        b'"\xc3\xa9, b.jpg",absent,0.000000,\n'
        b'bad.jpg,,,"unreadable: damaged: ""x"""\n'
        b'"new\nline\rand ""quote"".jpg",unsure,0.500000,\n'
        b"\\udcff.jpg,absent,0.250000,\n"
    ) == written("csv", ANSWERS)


def test_csv_comes_back():
    """A CSV reader gets back what was written; bytes that are no text show as escapes."""
    rows = list(csv.DictReader(io.StringIO(written("csv", ANSWERS).decode(), newline="")))

    assert list(COLUMNS) == list(rows[0])
    assert [a.source.replace("\udcff", "\\udcff") for a in ANSWERS] == [row["path"] for row in rows]
    assert {"path": "bad.jpg", "label": "", "probability": "", "error": 'unreadable: damaged: "x"'} == rows[2]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_loses_nothing(form):
    """JSON gives back every name, even bytes that are no text; missing values are null."""
    text = written(form, ANSWERS).decode()
    rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]

    assert [answer.source for answer in ANSWERS] == [row["path"] for row in rows]
    assert [list(COLUMNS)] * 5 == [list(row) for row in rows]
    assert {"path": "a.jpg", "label": "present", "probability": 0.931204, "error": None} == rows[0]
    assert {
        "path": "bad.jpg",
        "label": None,
        "probability": None,
        "error": 'unreadable: damaged: "x"',
    } == rows[2]


def test_json_layout():
    """An array holds one object a line; JSON lines are the same objects."""
    objects = written("jsonl", ANSWERS[:2])

    assert b"[\n" + objects.rstrip(b"\n").replace(b"\n", b",\n") + b"\n]\n" == written("json", ANSWERS[:2])
    assert b'"probability": 0.000000,' in objects
    assert "é".encode() in objects


@pytest.mark.parametrize(
    ("form", "expected"), [("csv", b"path,label,probability,error\n"), ("json", b"[]\n"), ("jsonl", b"")]
)
def test_nothing(form, expected):
    """Without rows a document is still valid."""
    assert expected == written(form, [])


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_rows_are_seen_at_once(form):
    """Each row reaches the reader before the next is computed."""
    raw = io.BytesIO()
    sink = open_sink(form, io.BufferedWriter(raw))
    sink.write(ANSWERS[0])

    assert b"0.931204" in raw.getvalue()


def test_plain_table():
    """A table outside a terminal has aligned columns, no colour, and harmless names."""
    expected = """\
path                        label    probability
a.jpg                       present     0.931204
é, b.jpg                    absent      0.000000
bad.jpg                     unreadable: damaged: "x"
new\\nline\\rand "quote".jpg  unsure      0.500000
\\udcff.jpg                  absent      0.250000
"""

    assert expected == written("table", ANSWERS).decode()


def terminal(width=60, **options):
    return Console(file=io.StringIO(), force_terminal=True, width=width, highlight=False, **options)


def shown(console, answers):
    sink = open_sink("table", io.BytesIO(), console=console)
    for answer in answers:
        sink.write(answer)
    sink.finish()
    return console.file.getvalue()


def test_terminal_table():
    """On a terminal verdicts are coloured; names and messages can't send escape sequences."""
    evil = [prediction("\x1b[31mred\x07\u202egpj.exe"), Failure("x", "missing", "\x1b]0;title\x07")]
    text = shown(terminal(color_system="standard"), evil)

    assert "\x1b[1;31mpresent" in text
    assert "\\x1b[31mred\\x07\\u202egpj.exe" in text
    assert "missing: \\x1b]0;title\\x07" in text
    assert not {"\x07", "\u202e", "\x1b]"} & set(text)


def test_no_colour(monkeypatch):
    """NO_COLOR is obeyed."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    assert "31m" not in shown(terminal(), ANSWERS)


def test_names_are_not_markup():
    """Square brackets in names are themselves."""
    assert "[bold]x[/bold] [link=file:///]" in shown(
        terminal(), [prediction("[bold]x[/bold] [link=file:///]")]
    )


def test_long_names():
    """A long path is neither cut nor folded, and doesn't push the other rows out of the terminal."""
    long = "folder/" * 30 + "a.jpg"
    text = shown(terminal(width=60, color_system=None), [prediction(long), prediction("b.jpg")])
    heading, first, second = text.splitlines()

    assert first.startswith(long + "  present")
    assert len(heading) <= 60
    assert heading.index("label") == second.index("present")


def test_wide_characters():
    """Columns are aligned by what characters take on the screen."""
    lines = written("table", [prediction("蜂.jpg"), prediction("bee.jpg")]).decode().splitlines()

    assert lines[1].index("present") + 1 == lines[2].index("present")


def test_long_tables_are_printed_as_they_come():
    """After the rows that decide the widths, each row is printed when it comes."""
    stream = io.BytesIO()
    sink = open_sink("table", stream)
    for number in range(99):
        sink.write(prediction(f"{number}.jpg"))
    assert b"" == stream.getvalue()
    sink.write(prediction("99.jpg"))
    assert 101 == len(stream.getvalue().splitlines())
    sink.write(prediction("a-longer-name.jpg"))
    sink.finish()

    assert b"a-longer-name.jpg  present     0.500000" == stream.getvalue().splitlines()[-1]


def test_printable_fits_the_terminal():
    """What a terminal's encoding doesn't know shows as an escape."""
    assert "\\xe9 \\u8702" == printable("é 蜂", "ascii")
    assert "é \\u8702" == printable("é 蜂", "latin-1")
    assert "plain" == printable("plain", "ascii")


KNOWN = [
    Prediction("a.jpg", "present", 0.9, (0.0, 0.0), novelty=0.12345),
    Prediction("b.jpg", "unsure", 0.9, (0.0, 0.0), novelty=3.0),
    Failure("bad.jpg", "unreadable", "damaged"),
]


def test_novelty_comes_after_the_usual_columns():
    """If it is asked for, novelty is the last column, with four decimals, and empty where there is no answer."""
    assert (
        b"path,label,probability,error,novelty\n"
        b"a.jpg,present,0.900000,,0.1235\n"
        b"b.jpg,unsure,0.900000,,3.0000\n"
        b"bad.jpg,,,unreadable: damaged,\n"
    ) == written("csv", KNOWN, further=[NOVELTY])


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet"])
def test_every_format_tells_the_same_novelty(form):
    """JSON, JSON lines and Parquet have the same numbers, and null where there is none."""
    data = written(form, KNOWN, further=[NOVELTY])
    if form == "parquet":
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
    else:
        rows = json.loads(data) if form == "json" else [json.loads(line) for line in data.splitlines()]

    assert ["path", "label", "probability", "error", "novelty"] == list(rows[0])
    assert [0.1235, 3.0, None] == [row["novelty"] for row in rows]


def test_table_shows_novelty():
    """People see it right of the probability."""
    lines = written("table", KNOWN, further=[NOVELTY]).decode().splitlines()

    assert "path     label    probability   novelty" == lines[0]
    assert "a.jpg    present     0.900000    0.1235" == lines[1]


def test_megadetector_has_no_place_for_novelty():
    """The format of others gets no column that it doesn't know."""
    with pytest.raises(ConfigError, match="no place for novelty"):
        open_sink("megadetector", io.BytesIO(), about=About("hornet.onnx", 0.25, 0.75), further=[NOVELTY])
