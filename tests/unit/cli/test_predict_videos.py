"""``hornet predict`` on videos: rows, columns, and what else is made of them."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from hornet.cli import main


@pytest.fixture
def run(monkeypatch, capfdbinary, tiny_model):
    """Return a function that runs ``hornet predict`` and gives (exit code, stdout, stderr)."""

    def run_predict(*arguments):
        monkeypatch.setattr(sys, "argv", ["hornet", "predict", *arguments, "--model", str(tiny_model)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfdbinary.readouterr()
        return int(caught.value.code or 0), out.decode(), err.decode()

    return run_predict


@pytest.fixture
def clips(tmp_path, monkeypatch, make_clip):
    """Make, in the working folder, a clip that turns red in its third second, a broken one, and a picture."""
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    make_clip("clips/a.mp4", 40, colour=lambda number: (200, 0, 0) if number >= 20 else (0, 0, 200))
    Path("clips/b.mp4").write_bytes(b"no video")
    Image.new("RGB", (40, 30), (255, 0, 0)).save("clips/c.png")
    return tmp_path


LABELS = [
    (str(Path("clips", name)), label)
    for name, label in [
        ("a.mp4#t=0.000", "absent"),
        ("a.mp4#t=1.000", "absent"),
        ("a.mp4#t=2.000", "present"),
        ("a.mp4#t=3.000", "present"),
        ("b.mp4", ""),
        ("c.png", "present"),
    ]
]


def test_rows(run, clips):
    """A clip is a row a second with the time in its path; a broken one is a row that says why."""
    code, out, err = run("clips")
    rows = list(csv.DictReader(io.StringIO(out)))

    assert (3, "3 present, 2 absent, 1 failed\n") == (code, err)
    assert ["path", "label", "probability", "error"] == list(rows[0])
    assert LABELS == [(row["path"], row["label"]) for row in rows]
    assert rows[4]["error"].startswith("unreadable: no video that can be read here")


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_columns(run, clips, form):
    """With --every rows also name the video and the second; what is no frame has neither."""
    code, _, _ = run("clips", "--every", "2s", "-o", f"rows.{form}")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(Path("rows.csv").read_text(encoding="utf-8"))))
        rows = [row | {"time": float(row["time"]) if row["time"] else None} for row in rows]
    elif form == "json":
        rows = json.loads(Path("rows.json").read_bytes())
    elif form == "jsonl":
        rows = [json.loads(line) for line in Path("rows.jsonl").read_bytes().splitlines()]
    else:
        from pyarrow import parquet

        rows = parquet.read_table("rows.parquet").to_pylist()

    assert 3 == code
    assert ["path", "label", "probability", "error", "video", "time"] == list(rows[0])
    video = str(Path("clips/a.mp4"))
    assert [(video, 0.0), (video, 2.0), (None, None), (None, None)] == [
        (row["video"] or None, row["time"]) for row in rows
    ]


def test_heatmaps(run, clips):
    """Each frame's heatmap is a file of its own, named after it."""
    run("clips/a.mp4", "--heatmaps", "maps", "--every", "2s")

    assert ["a.mp4#t=0.000.png", "a.mp4#t=2.000.png"] == sorted(
        path.name for path in Path("maps/clips").iterdir()
    )


def test_resume(run, clips, monkeypatch):
    """A run over clips that was stopped goes on with the next frame, and ends with the same bytes."""
    options = ("clips", "--every", "500ms", "--batch", "2", "--workers", "1")
    run(*options, "-o", "whole.csv")
    from hornet.inference import clips as module

    load, count = module.Clip.load, 0

    def stop(self, frame):
        nonlocal count
        count += 1
        if count == 6:
            raise KeyboardInterrupt
        return load(self, frame)

    with monkeypatch.context() as patch:
        patch.setattr(module.Clip, "load", stop)
        assert 130 == run(*options, "-o", "rows.csv", "--resume")[0]
    code, _, err = run(*options, "-o", "rows.csv", "--resume")

    assert 3 == code
    assert err.startswith("going on after 4 answers")
    assert Path("whole.csv").read_bytes() == Path("rows.csv").read_bytes()


def test_another_interval_is_not_mixed(run, clips, monkeypatch):
    """A journal of another --every is refused, with what differs."""
    from hornet.inference import clips as module

    def stop(self, frame):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.Clip, "load", stop)
        run("clips/c.png", "clips", "-o", "rows.csv", "--resume", "--batch", "1", "--workers", "1")
    code, _, err = run("clips/c.png", "clips", "-o", "rows.csv", "--resume", "--batch", "1", "--every", "5s")

    assert 1 == code
    assert "--every was not given and is 5s" in err


def test_sorting_leaves_clips_alone(run, clips):
    """Frames aren't sorted, and that is said; pictures beside them are."""
    code, _, err = run("clips/a.mp4", "clips/c.png", "--sort-into", "sorted")

    assert 0 == code
    assert "1 copied, 4 frames of videos" in err
    assert Path("sorted/present/clips/c.png").is_file()


def test_megadetector(run, clips):
    """MegaDetector's format has no place for frames: folders' clips are skipped, named ones say what to do."""
    _, out, err = run("clips", "clips/a.mp4", "--format", "megadetector")
    images = json.loads(out)["images"]

    assert ["clips/c.png", "clips/a.mp4"] == [image["file"] for image in images]
    assert "use another format" in images[1]["failure"]
    assert "2 files of other kinds skipped" in err


@pytest.mark.parametrize("every", ["soon", "1ms", "-1s", "nan"])
def test_times_that_are_none(run, clips, every):
    """A time that can't be read, or is too short, is wrong usage."""
    code, _, err = run("clips", f"--every={every}")

    assert 2 == code
    assert "--every" in err
