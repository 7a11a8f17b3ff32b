"""What EXIF tells."""

import io

import numpy as np
import pytest
from PIL import Image

from hornet.captures import exif_of
from hornet.dataset import Record, traces
from hornet.dataset.likeness import thumbnail
from hornet.dataset.store import PictureStore
from hornet.dataset.traces import fill_records, read_traces


def jpeg(taken="", make="", model="", changed=""):
    """Return a JPEG with these EXIF tags."""
    exif = Image.Exif()
    for tag, text in ((0x010F, make), (0x0110, model), (0x0132, changed)):
        if text:
            exif[tag] = text
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (
            {"taken": "2019:09:16 13:58:06", "make": "Canon", "model": "Canon EOS 80D"},
            ("2019-09-16T13:58:06", "Canon EOS 80D"),
        ),
        ({"make": "Apple", "model": "iPhone 12"}, ("", "Apple iPhone 12")),
        ({"taken": "0000:00:00 00:00:00"}, ("", "")),
        ({"taken": "1980:01:01 00:00:00"}, ("", "")),
        ({"changed": "2019:09:16 13:58:06"}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_exif(tags, expected):
    """Time of capture and camera are read; clocks that were never set and dates of changes are not."""
    assert expected == exif_of(jpeg(**tags))


def test_damaged_exif_spoils_nothing():
    """A block that makes no sense is no time and no camera."""
    data = bytearray(jpeg(taken="2019:09:16 13:58:06", make="Canon"))
    start = data.index(b"Exif\0\0") + 6
    data[start + 4 : start + 8] = b"\xff\xff\xff\x7f"

    assert ("", "") == exif_of(bytes(data))


def test_what_fills_a_record(tmp_path):
    """The manifest's word comes first, then EXIF, then the name; a picture that can't be read has its name."""
    (tmp_path / "20200101_101010.jpg").write_bytes(jpeg(taken="2019:09:16 13:58:06", make="Canon"))
    (tmp_path / "20200102_101010.jpg").write_bytes(b"no picture")
    records = [
        Record("20200101_101010.jpg", tmp_path / "20200101_101010.jpg", 1),
        Record(
            "20200101_101010.jpg", tmp_path / "20200101_101010.jpg", 1, captured_at="2001-01-01", camera="x"
        ),
        Record("20200102_101010.jpg", tmp_path / "20200102_101010.jpg", 1),
    ]
    told: list[str] = []
    traces = read_traces(records, live=told.append)

    assert [("2019-09-16T13:58:06", "Canon"), ("2001-01-01", "x"), ("2020-01-02T10:10:10", "")] == [
        (record.captured_at, record.camera) for record in fill_records(records, traces)
    ]
    assert traces[2].error.startswith("unreadable: ")
    assert traces[2].thumbnail is None
    assert 3 == len(told)


def test_a_kept_thumbnail_is_not_decoded_again(tmp_path, monkeypatch):
    """The second reading of a picture only looks at its EXIF; a changed picture is decoded anew."""
    file, store = tmp_path / "a.jpg", PictureStore(tmp_path / "store")
    file.write_bytes(jpeg(taken="2019:09:16 13:58:06"))
    record, decoded = Record("a.jpg", file, 0), []

    def counted(data):
        decoded.append(data)
        return thumbnail(data)

    monkeypatch.setattr(traces, "thumbnail", counted)

    first, second = (read_traces([record], live=lambda _: None, store=store)[0] for _ in range(2))
    file.write_bytes(jpeg(make="Canon"))
    third = read_traces([record], live=lambda _: None, store=store)[0]

    assert 2 == len(decoded)
    assert "2019-09-16T13:58:06" == first.captured_at == second.captured_at
    np.testing.assert_array_equal(np.asarray(first.thumbnail), np.asarray(second.thumbnail))
    assert "Canon" == third.camera
