"""From a folder or results to pictures in their order, and answers in a manifest."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import load_dataset, read_manifest
from hornet.errors import ConfigError, ImageMissing
from hornet.review.answers import Answers
from hornet.review.gather import gather


def _names(session):
    return [shown.candidate.path.name for shown in session.pictures]


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_doubtful_first(begin):
    """Unsure pictures come first and say why; sure ones come last and say that nothing stands out."""
    session = begin()

    assert ["grey.png", "violet.png"] == _names(session)[:2]
    assert [{"code": "unsure"}] == session.describe(0)["reasons"]
    assert [{"code": "rest"}] == session.describe(3)["reasons"]
    assert ("unsure", None) == (session.describe(0)["verdict"], session.describe(0)["label"])


def test_an_answer_is_a_row(begin, tmp_path, folder):
    """Each answer is a row with path from the manifest, label, source, time and camera; training's reader takes it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Apiscope", "Apiscope 3"
    exif.get_ifd(0x8769)[0x9003] = "2024:08:01 10:31:07"
    Image.new("RGB", (40, 30), (120, 120, 121)).save(folder / "grey.jpg", exif=exif)
    session = begin()
    for at, label in enumerate(["absent", "present", "absent"]):
        session.answer(at, label)
    rows = _rows(tmp_path / "out.csv")
    taken = next(row for row in rows if row["path"] == "cam/grey.jpg")

    assert {"cam/grey.png", "cam/grey.jpg", "cam/violet.png"} == {row["path"] for row in rows}
    assert {"cam"} == {row["source"] for row in rows}
    assert ("2024-08-01T10:31:07", "Apiscope 3") == (taken["captured_at"], taken["camera"])
    assert 3 == len(load_dataset(tmp_path / "out.csv"))


def test_taken_back(begin, tmp_path):
    """An answer that is taken back leaves no row; a changed one has one row; before is told."""
    session = begin()

    assert None is session.answer(0, "present")
    assert "present" == session.answer(0, "absent")
    assert ["absent"] == [row["label"] for row in _rows(tmp_path / "out.csv")]
    session.answer(0, None)
    assert not (tmp_path / "out.csv").exists()


def test_earlier_rows_stay(begin, tmp_path, folder):
    """Rows, columns and splits that were in the manifest stay; a row of a shown picture gets its label and no more."""
    text = "path,label,split,nest\nelsewhere.jpg,present,test,7\ncam/grey.png,,train,8\n"
    (tmp_path / "out.csv").write_text(text)
    session = begin()
    session.answer(_names(session).index("grey.png"), "absent")
    kept = (tmp_path / "out.csv").read_text()
    session.answer(_names(session).index("grey.png"), None)

    assert text.replace("cam/grey.png,,", "cam/grey.png,absent,") == kept
    assert text == (tmp_path / "out.csv").read_text()


def test_a_batch_goes_on_and_then_the_next(begin, tmp_path):
    """A batch that was left is finished first, with the same pictures; then a new one begins; answers say which."""
    whole = _names(begin(batch=3))
    session = begin(batch=3)
    session.answer(0, "present")
    again = begin(batch=3)
    answered = again.state()["labels"]
    for at in range(3):
        again.answer(at, "absent")
    last = begin(batch=3)
    last.answer(0, "present")

    assert whole == _names(again)
    assert ["present", None, None] == answered
    assert 1 == len(last)
    assert not set(whole) & set(_names(last))
    assert ["1", "1", "1", "2"] == [row["review_batch"] for row in _rows(tmp_path / "out.csv")]


def test_results_say_the_verdict(begin, folder, tmp_path):
    """Verdicts and columns are those of the results; what isn't there, is no picture, or is an address is told."""
    (folder / "text.jpg").write_bytes(b"no picture")
    rows = [
        "path,label,probability,error,captured_at,group",
        "red.png,absent,0.100000,,2024-08-01T10:00:00,nest-4",
        "red.png,absent,0.100000,,,",
        "gone.png,present,0.900000,,,",
        "text.jpg,present,0.900000,,,",
        "bad.png,,,unreadable: damaged,,",
        "https://example.org/a.jpg,present,0.900000,,,",
    ]
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    session = begin(source=folder / "rows.csv")
    session.answer(0, "present")
    row = _rows(tmp_path / "out.csv")[0]

    assert ["red.png"] == _names(session)
    assert ("absent", 0.1) == (session.describe(0)["verdict"], session.describe(0)["probability"])
    assert ("nest-4", "2024-08-01T10:00:00") == (row["group"], row["captured_at"])


def test_failures_are_named(folder, classifier):
    """A damaged picture is no candidate and has its reason; a folder without pictures is an error."""
    (folder / "text.jpg").write_bytes(b"no picture")
    found = gather(folder, classifier, lambda _: None)
    (folder / "empty").mkdir()

    assert ["text.jpg"] == [failure.source.rpartition("/")[2] for failure in found.failures]
    assert (4, 512) == found.embedding.shape
    with pytest.raises(ConfigError, match="no picture to look at"):
        gather(folder / "empty", classifier, lambda _: None)


def test_a_picture_that_is_gone(begin, folder, tmp_path):
    """A picture that was removed meanwhile can't be shown or answered, but its answer can be taken back."""
    session = begin()
    session.answer(0, "present")
    session.answer(1, "present")
    shutil.rmtree(folder)
    for call in (session.picture, session.layer, lambda at: session.answer(at, "absent")):
        with pytest.raises(ImageMissing):
            call(0)
    session.answer(0, None)

    assert 1 == len(read_manifest(tmp_path / "out.csv", check_files=False))


def test_what_browsers_cant_show(begin, folder):
    """A TIFF comes as PNG with the same pixels; PNG and JPEG come as they are; the layer has the picture's shape."""
    Image.new("RGB", (40, 20), (120, 120, 125)).save(folder / "scan.tif")
    session = begin()
    at = _names(session).index("scan.tif")
    data, kind = session.picture(at)
    (folder / "got.png").write_bytes(data)
    (folder / "layer.png").write_bytes(session.layer(at))
    with Image.open(folder / "got.png") as got, Image.open(folder / "layer.png") as layer:
        assert "image/png" == kind
        assert (np.asarray(got) == (120, 120, 125)).all()
        assert ((40, 20), "RGBA") == (layer.size, layer.mode)
    plain = _names(session).index("red.png")
    assert ((folder / "red.png").read_bytes(), "image/png") == session.picture(plain)


def test_one_reviewer_at_a_time(begin, tmp_path):
    """A second session on one manifest is refused and told what to do."""
    begin()
    with pytest.raises(ConfigError, match="another hornet review is writing"):
        Answers(tmp_path / "out.csv")


def test_a_place_that_takes_nothing(tmp_path):
    """A manifest that can't be written is told before anybody answers."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="can't write"):
        Answers(tmp_path / "file" / "out.csv")
