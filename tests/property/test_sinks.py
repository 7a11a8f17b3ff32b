"""Rows come back from every format, for any name and message."""

import csv
import io
import json

from hypothesis import example, given
from hypothesis import strategies as st

from hornet.classifier import Failure, Prediction
from hornet.inference.sinks import open_sink, printable

# Everything a file name may hold on any system, lone surrogates among it.
NAMES = st.text(st.characters(blacklist_characters="\0", codec=None))
ANSWERS = st.lists(
    st.one_of(
        st.builds(Failure, NAMES, st.sampled_from(["missing", "unreadable"]), st.text(max_size=20)),
        st.builds(
            lambda name, label, probability: Prediction(name, label, probability, (0.0, 0.0)),
            NAMES,
            st.sampled_from(["absent", "present", "unsure"]),
            st.floats(0, 1),
        ),
    ),
    max_size=8,
)


def written(form, answers):
    stream = io.BytesIO()
    sink = open_sink(form, stream)
    for answer in answers:
        sink.write(answer)
    sink.finish()
    return stream.getvalue()


def expected(answers):
    """Return the values of each row, missing ones None."""
    return [
        (answer.source, None, None, f"{answer.code}: {answer.message}")
        if isinstance(answer, Failure)
        else (answer.source, answer.label, float(f"{answer.probability:.6f}"), None)
        for answer in answers
    ]


@given(ANSWERS)
def test_json_comes_back(answers):
    """JSON and JSON lines lose nothing, not even lone surrogates."""
    lines = [json.loads(line) for line in written("jsonl", answers).decode("utf-8").split("\n") if line]

    assert expected(answers) == [tuple(row.values()) for row in lines]
    assert lines == json.loads(written("json", answers))


@given(ANSWERS)
@example([Failure("a\rb", "missing", '"'), Failure("", "missing", ",")])
def test_csv_comes_back(answers):
    """CSV is valid UTF-8 and comes back; only lone surrogates show as escapes."""
    rows = list(csv.reader(io.StringIO(written("csv", answers).decode("utf-8"), newline="")))

    def text(value):
        return "" if value is None else str(value).encode("utf-8", "backslashreplace").decode()

    assert ["path", "label", "probability", "error"] == rows[0]
    assert [
        (text(path), text(label), probability, text(error))
        for path, label, probability, error in expected(answers)
    ] == [(row[0], row[1], float(row[2]) if row[2] else None, row[3]) for row in rows[1:]]


@given(NAMES, st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_printable_is_harmless(name, encoding):
    """Whatever a name holds, a terminal gets printable characters that it knows."""
    text = printable(name, encoding)

    assert text.isprintable()
    assert text == text.encode(encoding).decode(encoding)
