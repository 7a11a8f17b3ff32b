"""``hornet predict``: flags, formats, exit codes, messages."""

import csv
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
        ("o.parquet", "PAR1"),
        ("o", HEADER),
    ],
)
def test_output_file(run, pictures, name, start):
    """The extension of --output gives the format; nothing is on stdout."""
    code, out, _ = run("pics/red.png", "-o", name)

    assert (0, "") == (code, out)
    assert (pictures / name).read_text(encoding="utf-8", errors="replace").startswith(start)


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
        ["a.jpg", "--resume"],
        ["a.jpg", "--dry-run"],
        ["a.jpg", "--sort-into", "sorted", "--sort-by", "magic"],
        ["a.jpg", "--resume", "-o", "-"],
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


def test_megadetector(run, pictures):
    """Timelapse's format names the model and its thresholds; --threshold replaces them there, too."""
    code, out, _ = run("pics/red.png", "none.jpg", "--format", "megadetector", "--threshold", "0.25")
    document = json.loads(out)

    assert 3 == code
    assert ("tiny.onnx", 0.25) == (
        document["info"]["detector"],
        document["info"]["detector_metadata"]["typical_detection_threshold"],
    )
    assert ["pics/red.png", "none.jpg"] == [image["file"] for image in document["images"]]


def test_parquet_on_a_terminal(run, pictures, monkeypatch):
    """Bytes aren't thrown at a terminal."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert (2, "") == run("pics/red.png", "--format", "parquet")[:2]


def test_parquet_without_its_extra(run, pictures, monkeypatch):
    """A missing package is one sentence with the command that mends it, and leaves no file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run("pics/red.png", "-o", "rows.parquet")

    assert (1, False) == (code, (pictures / "rows.parquet").exists())
    assert "pip install 'hornet-detector[parquet]'" in err
    assert "Traceback" not in err


def stopped(run, pictures, monkeypatch, *arguments, after=1):
    """Run with --resume -o rows.csv, interrupted when some rows have been written."""
    from hornet.inference.sinks import _Csv

    write = _Csv.write
    written: list[object] = []

    def interrupted(self, answer):
        if len(written) == after:
            raise KeyboardInterrupt
        written.append(answer)
        write(self, answer)

    with monkeypatch.context() as patch:
        patch.setattr(_Csv, "write", interrupted)
        return run(*arguments, "-o", "rows.csv", "--resume", "--batch", "1", "--workers", "1")


def test_resume(run, pictures, monkeypatch):
    """After Ctrl-C the same command goes on; a finished run leaves no journal."""
    code, _, err = stopped(run, pictures, monkeypatch, "pics")

    assert 130 == code
    assert "answers are kept in rows.csv.journal; the same command goes on from there" in err
    assert not (pictures / "rows.csv").exists()
    code, _, err = run("pics", "-o", "rows.csv", "--resume", "--batch", "1")
    assert (0, True) == (code, err.startswith("going on after "))
    assert HEADER + RED + BLUE == (pictures / "rows.csv").read_text(encoding="utf-8")
    assert not (pictures / "rows.csv.journal").exists()


def test_resume_with_another_model(run, pictures, monkeypatch, make_artifact, tmp_path):
    """Another model, or another setting, is refused with what differs, and the journal stays."""
    stopped(run, pictures, monkeypatch, "pics")
    other = make_artifact(tmp_path / "other.onnx", gain=9.0)
    rest = ("pics", "-o", "rows.csv", "--resume")
    model = run(*rest, "--batch", "1", "--model", str(other), model=False)
    batch = run(*rest, "--batch", "2")

    assert (1, True) == (model[0], "the model's SHA-256 was" in model[2])
    assert (1, True) == (batch[0], "--batch was 1 and is 2. Repeat the settings" in batch[2])
    assert 0 == run(*rest, "--batch", "1", "--workers", "2", "--format", "json")[0]


def test_pictures_that_change_between_sessions(run, pictures, monkeypatch):
    """A picture that changed is predicted anew, one that came is predicted, one that went has no row."""
    Image.new("RGB", (40, 30), (255, 0, 0)).save("pics/gone.png")
    stopped(run, pictures, monkeypatch, "pics", after=2)
    (pictures / "pics/gone.png").unlink()
    Image.new("RGB", (41, 30), (0, 0, 255)).save("pics/red.png")
    Image.new("RGB", (40, 30), (255, 0, 0)).save("pics/new.png")
    run("pics", "-o", "rows.csv", "--resume", "--batch", "1")

    assert ["new.png,present", "red.png,absent", "blue.png,absent"] == [
        Path(line).name.rpartition(",0.")[0] for line in (pictures / "rows.csv").read_text().splitlines()[1:]
    ]


def test_picture_that_vanishes_before_it_is_read(run, pictures, monkeypatch):
    """A picture that goes between the scan and the reading is a row that says so."""
    from hornet.inference.records import look_at

    def remove(source):
        seen = look_at(source)
        if source.name.endswith("blue.png"):
            Path(source.name).unlink()
        return seen

    monkeypatch.setattr("hornet.inference.resuming.look_at", remove)
    code, _, _ = run("pics", "-o", "rows.csv", "--resume")

    assert 3 == code
    assert "blue.png,,,missing: no such file\n" in (pictures / "rows.csv").read_text()


def test_resume_with_heatmaps(run, pictures, monkeypatch):
    """Heatmaps of both sessions have the names that those of one have; other files' folders are refused."""
    (pictures / "other/sub").mkdir(parents=True)
    Image.new("RGB", (40, 30), (255, 0, 0)).save("other/red.png")
    options = ("pics", "other", "--heatmaps", "maps")
    stopped(run, pictures, monkeypatch, *options, after=2)
    run(*options, "-o", "rows.csv", "--resume", "--batch", "1")

    assert ["maps/red-2.png", "maps/red.png", "maps/sub/blue.png"] == sorted(
        path.relative_to(pictures).as_posix() for path in Path(pictures / "maps").rglob("*.png")
    )
    code, _, err = run("pics", "--heatmaps", "pics", "-o", "o.csv", "--resume")
    assert (1, True) == (code, "name a new or empty folder" in err)
    assert not (pictures / "o.csv.journal").exists()


def test_a_journal_is_not_overlooked(run, pictures, monkeypatch):
    """Without --resume a run begins anew, says that it could go on, and leaves the journal."""
    stopped(run, pictures, monkeypatch, "pics")
    code, _, err = run("pics", "-o", "rows.csv")

    assert (0, True) == (code, "rows.csv.journal is of a run that was stopped: --resume would go on" in err)
    assert (pictures / "rows.csv.journal").exists()


def test_complete_journal(run, pictures, monkeypatch):
    """A run that ended between its last answer and its output needs no picture any more."""

    def locked(source, target):
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", locked)
        code, _, err = run("pics", "-o", "rows.csv", "--resume")
    assert (1, True) == (code, "in use. Nothing is lost" in err)
    for path in (pictures / "pics").rglob("*.png"):
        path.unlink()

    assert 0 == run("pics", "-o", "rows.csv", "--resume")[0]
    assert HEADER + RED + BLUE == (pictures / "rows.csv").read_text(encoding="utf-8")
    assert ["pics", "rows.csv"] == sorted(path.name for path in pictures.iterdir() if "onnx" not in path.name)


@pytest.mark.skipif(sys.platform == "win32", reason="no such file there")
def test_resume_needs_a_file(run, pictures):
    """Nothing can lie beside a device."""
    code, _, err = run("pics", "--resume", "-o", os.devnull)

    assert (1, True) == (code, "is no regular file" in err)


def test_progress_is_for_terminals(run, pictures, monkeypatch):
    """A progress line is on stderr where that is a terminal and rows go elsewhere, and is taken away."""
    from hornet.cli import progress

    monkeypatch.setattr(progress, "_REDRAW_S", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = run("pics", "-o", "rows.csv")[2]

    assert "\r\x1b[K1 picture, 1 present, " in shown
    assert shown.endswith("\r\x1b[K1 present, 1 absent\n")
    assert "\x1b" not in run("pics")[2]
    assert "" == run("pics", "-o", "rows.csv", "-q")[2]


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.png"))


def test_sort_into(run, pictures):
    """Pictures are copied under their verdicts; sorting again finds them in place, and no scan meets them."""
    first = run("pics", "--sort-into", "pics/sorted")
    second = run("pics", "--sort-into", "pics/sorted")

    assert (0, first[1]) == (first[0], second[1])
    assert ["absent/sub/blue.png", "present/red.png"] == below("pics/sorted")
    assert "sorted into pics/sorted: 2 copied\n" in first[2]
    assert "sorted into pics/sorted: 0 copied, 2 already there\n" in second[2]


def test_sort_by_move_with_failures(run, pictures):
    """A picture without a verdict stays where it is, and is still a row and an exit code."""
    (pictures / "pics/bad.png").write_bytes(b"damaged")
    code, _, err = run("pics", "--sort-into", "sorted", "--sort-by", "move")

    assert 3 == code
    assert "sorted into sorted: 2 moved, 1 without a verdict" in err
    assert (["bad.png"], ["absent/sub/blue.png", "present/red.png"]) == (below("pics"), below("sorted"))


def test_dry_run(run, pictures):
    """--dry-run says where pictures would go, and makes nothing."""
    code, out, err = run("pics", "--sort-into", "sorted", "--sort-by", "move", "--dry-run")
    places = Path("sorted/present/red.png"), Path("sorted/absent/sub/blue.png")

    assert (0, 3) == (code, len(out.splitlines()))
    assert (
        f"move {Path('pics/red.png')} -> {places[0]}\nmove {Path('pics/sub/blue.png')} -> {places[1]}\n"
        in err
    )
    assert "2 to move; none was touched" in err
    assert not (pictures / "sorted").exists()


def test_sorting_into_a_source(run, pictures):
    """A folder isn't sorted into itself; nothing is made."""
    before = sorted(pictures.rglob("*"))
    for folder in ("pics", "./pics", "."):
        code, out, err = run("pics", "--sort-into", folder, "--sort-by", "move")

        assert (1, "") == (code, out)
        assert f"pics lies in {folder}, which is sorted into" in err
    assert before == sorted(pictures.rglob("*"))


def test_sorting_goes_on(run, pictures, monkeypatch):
    """Stopped between two pictures, the same command moves the rest; the output has the rows of both."""
    from hornet.inference import sorting

    transfer = sorting.transfer  # type: ignore[attr-defined]
    moved: list[str] = []

    def interrupted(source, target, how):
        if moved:
            raise KeyboardInterrupt
        moved.append(source)
        transfer(source, target, how)

    options = ("pics", "--sort-into", "sorted", "--sort-by", "move", "--resume", "-o", "rows.csv")
    with monkeypatch.context() as patch:
        patch.setattr(sorting, "transfer", interrupted)
        code, _, err = run(*options)
    assert (130, True) == (code, "the same command goes on from there" in err)
    assert (["sub/blue.png"], ["present/red.png"]) == (below("pics"), below("sorted"))
    assert "--sort-by was move and is copy" in run(*options, "--sort-by", "copy")[2]
    code, _, err = run(*options)

    assert (0, True) == (code, "sorted into sorted: 2 moved" in err)
    assert ([], ["absent/sub/blue.png", "present/red.png"]) == (below("pics"), below("sorted"))
    assert HEADER + RED + BLUE == (pictures / "rows.csv").read_text(encoding="utf-8")
    assert not (pictures / "rows.csv.journal").exists()


def test_problems_of_sorting(run, pictures, monkeypatch):
    """A picture that changes before it is sorted stays, is named on stderr, and makes the exit code 3."""
    from hornet.inference.sorting import Sorter

    sort = Sorter.sort

    def change(self, journal, tell):
        for path in pictures.joinpath("pics").rglob("*.png"):
            path.write_bytes(b"changed")
        return sort(self, journal, tell)

    monkeypatch.setattr(Sorter, "sort", change)
    code, _, err = run("pics", "--sort-into", "sorted", "--sort-by", "move")

    assert 3 == code
    assert f"hornet: {Path('pics/red.png')} isn't moved: changed since it was looked at\n" in err
    assert "sorted into sorted: 0 moved, 2 left where they are\n" in err
    assert [] == below("sorted")


@pytest.fixture
def knowing(make_artifact, red_and_blue, tmp_path):
    """Return the tiny artifact as one that saw nothing but colours between red and blue."""
    return str(make_artifact(tmp_path / "knowing.onnx", novelty=red_and_blue))


def test_unknown_adds_the_novelty(run, pictures, knowing):
    """--unknown adds a column; a picture unlike anything seen is unsure with and without it."""
    Image.new("RGB", (40, 30), (255, 255, 255)).save("pics/white.png")
    _, plain, err = run("pics", "--model", knowing, model=False)
    code, told, _ = run("pics", "--model", knowing, "--unknown", "--threshold", "0.1", model=False)
    rows = list(csv.DictReader(io.StringIO(told)))

    assert "1 present, 1 absent, 1 unsure\n" == err
    assert HEADER == plain.splitlines(keepends=True)[0]
    assert 0 == code
    assert ["path", "label", "probability", "error", "novelty"] == list(rows[0])
    assert ["present", "absent", "unsure"] == [row["label"] for row in rows]
    assert [False, False, True] == [float(row["novelty"]) > 1 for row in rows]


def test_unknown_needs_a_model_that_can_tell(run, pictures):
    """A model of before says that it can't; Timelapse's format says that it has no place."""
    code, out, err = run("pics", "--unknown")

    assert (1, "") == (code, out)
    assert "can't tell what is unlike anything it has seen" in err
    assert 2 == run("pics", "--unknown", "--format", "megadetector")[0]


@pytest.fixture
def taken(pictures):
    """Make pictures that say when they were taken: by EXIF, by their name, not at all, and a damaged one."""
    exif = Image.Exif()
    exif[0x0110] = "Trap 3"
    exif.get_ifd(0x8769)[0x9003] = "2024:08:01 10:11:12"
    Path("taken").mkdir()
    Image.new("RGB", (40, 30), (255, 0, 0)).save("taken/a.jpg", exif=exif)
    Image.new("RGB", (40, 30), (0, 0, 255)).save("taken/cam2_2024-08-02_070000.png")
    Image.new("RGB", (40, 30), (0, 0, 255)).save("taken/z.png")
    Path("taken/b_20240803_080000.jpg").write_bytes(b"damaged")


EXIF_ROWS = [
    ("2024-08-01T10:11:12", "Trap 3"),
    ("2024-08-03T08:00:00", ""),
    ("2024-08-02T07:00:00", "cam2"),
    ("", ""),
]


@pytest.mark.parametrize(
    "options", [(), ("--heatmaps", "maps"), ("--batch", "1", "--workers", "2"), ("--resume",)]
)
def test_exif_adds_time_and_camera(run, taken, options):
    """--exif adds two columns, by EXIF or else by the name, for pictures that fail too, whatever else is asked for."""
    code, _, _ = run("taken", "--exif", "-o", "rows.csv", *options)
    rows = list(csv.DictReader(Path("rows.csv").read_text(encoding="utf-8").splitlines()))

    assert 3 == code
    assert ["path", "label", "probability", "error", "captured_at", "camera"] == list(rows[0])
    assert EXIF_ROWS == [(row["captured_at"], row["camera"]) for row in rows]
    assert ["present", "", "absent", "absent"] == [row["label"] for row in rows]


def test_exif_changes_no_digit(run, taken):
    """Beside the two columns the rows are those without them."""
    _, plain, _ = run("taken")
    _, told, _ = run("taken", "--exif")

    for row, more in zip(csv.DictReader(io.StringIO(plain)), csv.DictReader(io.StringIO(told)), strict=True):
        assert row == {name: more[name] for name in row}


def test_further_columns_keep_their_order(run, taken, knowing):
    """Novelty comes before time and camera, as JSON too."""
    _, out, _ = run(
        "taken/a.jpg", "--exif", "--unknown", "--format", "jsonl", "--model", knowing, model=False
    )

    assert ["path", "label", "probability", "error", "novelty", "captured_at", "camera"] == list(
        json.loads(out)
    )
