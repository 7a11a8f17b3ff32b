"""``hornet predict``: flags, formats, exit codes, messages."""

import io
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from hornet.cli import main


@pytest.fixture
def run(monkeypatch, capfdbinary, tiny_model):
    """Return a function that runs ``hornet predict`` and gives (exit code, stdout, stderr)."""

    def run_predict(*arguments, stdin=b"", model=True):
        options = ["--model", str(tiny_model)] if model else []
        monkeypatch.setattr(sys, "argv", ["hornet", "predict", *arguments, *options])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfdbinary.readouterr()
        return int(caught.value.code or 0), out.decode(), err.decode()

    return run_predict


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Make some pictures in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics/sub").mkdir(parents=True)
    Image.new("RGB", (40, 30), (255, 0, 0)).save("pics/red.png")
    Image.new("RGB", (40, 30), (0, 0, 255)).save("pics/sub/blue.png")
    return tmp_path


RED = "pics/red.png,present,0.999955,\n"
BLUE = f"{Path('pics/sub/blue.png')},absent,0.000045,\n"
HEADER = "path,label,probability,error\n"


def test_csv_in_a_pipe(run, pictures):
    """Outside a terminal rows are CSV on stdout and the summary goes to stderr."""
    (pictures / "pics/notes.txt").touch()
    rows = (HEADER + RED + BLUE).replace("pics/red", str(Path("pics/red")))

    assert (0, rows, "1 present, 1 absent; 1 file of another kind skipped\n") == run("pics")


def test_quiet(run, pictures):
    """With --quiet nothing is on stderr."""
    assert (0, HEADER + RED, "") == run("pics/red.png", "-q")


def test_failures_are_rows(run, pictures):
    """A bad picture is a row with its error; the rest goes on; exit code 3."""
    (pictures / "bad.jpg").write_bytes(b"nothing")
    code, out, err = run("bad.jpg", "none.jpg", "pics/red.png")

    assert 3 == code
    assert ["bad.jpg,,,unreadable", "none.jpg,,,missing"] == [
        line.replace('"', "").partition(": ")[0] for line in out.splitlines()[1:3]
    ]
    assert out.endswith(RED)
    assert "1 present, 0 absent, 2 failed\n" == err


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json(run, pictures, form):
    """JSON is an array, JSON lines are objects, both with the same keys."""
    _, out, _ = run("pics/red.png", "none.jpg", "--format", form)
    rows = json.loads(out) if form == "json" else [json.loads(line) for line in out.splitlines()]

    assert [
        {"path": "pics/red.png", "label": "present", "probability": 0.999955, "error": None},
        {"path": "none.jpg", "label": None, "probability": None, "error": "missing: no such file"},
    ] == rows


def test_table(run, pictures):
    """A table can be asked for in a pipe."""
    _, out, _ = run("pics/red.png", "--format", "table")

    assert "path          label    probability\npics/red.png  present     0.999955\n" == out


def test_table_on_a_terminal(run, pictures, monkeypatch):
    """On a terminal rows are a table."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    code, out, _ = run("pics/red.png")

    assert (0, True) == (code, out.startswith("path          label    probability\n"))


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("o.csv", HEADER),
        ("o.json", "[\n"),
        ("o.JSONL", '{"'),
        ("o.ndjson", '{"'),
        ("o.txt", "path  "),
        ("o", HEADER),
    ],
)
def test_output_file(run, pictures, name, start):
    """The extension of --output gives the format; nothing is on stdout."""
    code, out, _ = run("pics/red.png", "-o", name)

    assert (0, "") == (code, out)
    assert (pictures / name).read_text(encoding="utf-8").startswith(start)


def test_format_beats_extension(run, pictures):
    """--format holds whatever the file's extension."""
    run("pics/red.png", "-o", "o.csv", "--format", "json")

    assert 1 == len(json.loads((pictures / "o.csv").read_text(encoding="utf-8")))


def test_output_dash_is_stdout(run, pictures):
    """A dash means stdout."""
    assert HEADER + RED == run("pics/red.png", "-o", "-")[1]


def test_threshold(run, pictures):
    """--threshold replaces the model's band."""
    assert ",absent," in run("pics/red.png", "--threshold", "1")[1]
    assert ",present," in run("pics/sub/blue.png", "--threshold", "0")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.jpg", "--threshold", "1.5"],
        ["a.jpg", "--threshold", "-0.1"],
        ["a.jpg", "--threshold", "nan"],
        ["a.jpg", "--format", "xml"],
        ["a.jpg", "--batch", "0"],
        ["a.jpg", "--workers", "0"],
        ["a.jpg", "-o", "rows.xlsx"],
        ["a.jpg", "--nonsense"],
    ],
)
def test_wrong_usage(run, pictures, arguments):
    """Wrong flags are exit code 2, a message and no traceback."""
    code, out, err = run(*arguments)

    assert (2, "") == (code, out)
    assert "Traceback" not in err
    assert "rror" in err or "Usage" in err


def test_nothing_found(run, pictures):
    """Sources without any picture are exit code 1 with advice; no output file appears."""
    (pictures / "empty").mkdir()
    (pictures / "empty/notes.txt").touch()
    code, out, err = run("empty", "-o", "rows.csv")

    assert (1, "") == (code, out)
    assert "no pictures found in empty (1 file of another kind skipped)" in err
    assert not (pictures / "rows.csv").exists()


def test_many_empty_sources_are_not_all_named(run, pictures):
    """The message stays short."""
    for name in "abcde":
        (pictures / name).mkdir()

    assert "no pictures found in a, b, c, ...; name a file" in run(*"abcde")[2]


def test_output_that_cannot_be(run, pictures):
    """A place that can't be written is exit code 1 with advice."""
    code, _, err = run("pics", "-o", "nowhere/rows.csv")

    assert 1 == code
    assert "can't write nowhere/rows.csv" in err


def test_model_that_is_not_there(run, pictures):
    """A missing model is exit code 1 with a message, and leaves no file."""
    code, out, err = run("pics", "--model", "none.onnx", "-o", "rows.csv", model=False)

    assert (1, "") == (code, out)
    assert "none.onnx" in err
    assert "Traceback" not in err
    assert ["pics"] == [path.name for path in pictures.iterdir() if "onnx" not in path.name]


def test_stdin(run, pictures):
    """Paths come on stdin, one a line or NUL-separated."""
    assert HEADER + RED == run("-", stdin=b"pics/red.png\n")[1]
    assert HEADER + RED * 2 == run("-", "-0", stdin=b"pics/red.png\0pics/red.png\0")[1]


def test_list_and_glob(run, pictures):
    """Lists and globs are expanded without a shell."""
    (pictures / "list.txt").write_text("pics/red.png\n", encoding="utf-8")

    assert HEADER + RED * 2 == run("@list.txt", "pics/r*.png")[1]


def test_heatmaps(run, pictures):
    """--heatmaps writes a picture a prediction, under the path inside the scanned folder."""
    code, _, _ = run("pics", "none.jpg", "--heatmaps", "maps", "--batch", "1", "--workers", "2")

    assert 3 == code
    assert (pictures / "maps/red.png").exists()
    assert (pictures / "maps/sub/blue.png").exists()


def test_heatmaps_inside_the_scanned_folder(run, pictures):
    """Heatmaps written into the folder that is being scanned aren't predicted, in this run or the next."""
    first = run("pics", "--heatmaps", "pics/a-maps")
    second = run("pics", "--heatmaps", "pics/a-maps")

    assert first[1] == second[1]
    assert 3 == len(second[1].splitlines())
    assert "1 folder of heatmaps skipped" in second[2]


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the file system refuses such names")
def test_undecodable_name(run, pictures):
    """A name that is no text is a row like others."""
    Path("pics/red.png").rename(os.fsdecode(b"pics/\xff.png"))

    assert "pics/\\udcff.png,present," in run("pics")[1]
    assert "pics/\udcff.png" == json.loads(run("pics/\udcff.png", "--format", "json")[1])[0]["path"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_full_disk(run, pictures):
    """A full disk is one sentence and exit code 1."""
    code, _, err = run("pics", "-o", "/dev/full")

    assert 1 == code
    assert "can't write /dev/full: No space left on device" in err
    assert "Traceback" not in err
