"""Each probe finds the shortcut that it is named for, in pictures that show nothing else unusual."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from hornet.dataset import Dataset, Record
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.evaluation.audit import PARTS, audit

_SHORTCUTS = [part for part in PARTS if part.name == "shortcuts"]
_COUNT = 48


@pytest.fixture(scope="module")
def drawings():
    """Return drawings in which nothing but the insect tells the label; every other one is a presence."""
    return [draw(("bee", "hornet")[i % 2], seed=i, size=(160, 120)) for i in range(_COUNT)]


@pytest.fixture
def audited(drawings, tmp_path):
    """Return a function that writes the drawings, spoiled by label, and audits them for shortcuts."""

    def run(spoil=lambda image, _: image, record=lambda record, _: record, pad=lambda _: 0):
        records = []
        for i, image in enumerate(drawings):
            path = tmp_path / f"{i:03d}.jpg"
            path.write_bytes(encode_jpeg(spoil(image.copy(), i % 2), quality=70 + i * 5 % 23))
            with path.open("ab") as file:
                file.write(b"\0" * pad(i))
            records.append(record(Record(path.name, path, i % 2), i))
        return audit(Dataset(tuple(records), tmp_path), parts=_SHORTCUTS)

    return run


def warm(image, label):
    """Return a picture in the light of the evening, or of noon."""
    levels = np.asarray(image, np.float32) * ((1.15, 1.0, 0.8) if label else (0.85, 1.0, 1.2))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def framed(image, label):
    """Return a picture with a light frame, or a dark one."""
    width, height = image.size
    ImageDraw.Draw(image).rectangle(
        (0, 0, width - 1, height - 1), outline="white" if label else "black", width=3
    )
    return image


def signed(image, label):
    """Return a picture with letters of 8 px at the top right, or without."""
    if label:
        pen = ImageDraw.Draw(image)
        pen.text((image.width - 4, 4), "ACME", (255, 255, 255), ImageFont.load_default(8), anchor="ra")
    return image


def shaken(image, label):
    """Return a picture that is blurred, or not."""
    return image.filter(ImageFilter.GaussianBlur(2)) if label else image


@pytest.mark.parametrize(
    ("name", "spoil"), [("colour", warm), ("border", framed), ("corner", signed), ("blur", shaken)]
)
def test_pixels_that_tell_the_label_are_named(name, spoil, audited):
    """The light, a frame, a small text in a corner and a shaken camera are each found by the probe for it."""
    result = audited(spoil)
    found = {finding.name: finding for finding in result.findings}

    assert name in found
    assert found[name].facts["auc"] > 0.9
    assert {0, 1} == {int(picture[:3]) % 2 for picture in found[name].pictures}


@pytest.mark.parametrize(
    ("clue", "fact"),
    [
        ("camera", lambda i: {"camera": ("ramp", "garden")[(i % 2) ^ (i % 11 == 0)]}),
        ("day", lambda i: {"captured_at": f"2024-08-{1 + i // 4 + 13 * (i % 2):02d}"}),
        (
            "hour",
            lambda i: {"captured_at": f"2024-08-{1 + i // 4:02d}T{7 + 8 * (i % 2) + i % 3:02d}:{i:02d}:00"},
        ),
    ],
)
def test_what_needs_no_pixel_is_named(clue, fact, audited):
    """The camera, the day and the hour that tell the label are metadata, and the clue is named."""
    result = audited(record=lambda record, i: replace(record, **fact(i)))
    found = {finding.name: finding.facts for finding in result.findings}

    assert {"metadata"} == set(found) - {"leakage"}
    assert clue == found["metadata"]["clues"][0]["clue"]


def test_drawings_that_are_not_spoiled_are_not_named(audited):
    """The same pictures, as they are, give no finding and no note."""
    result = audited()

    assert ((), ()) == (result.findings, tuple(n for n in result.notes if n.kind != "left-out"))


def test_files_of_unlike_size_are_a_note(audited):
    """A size that tells the label is told with both medians, and is no finding: an insect takes bytes as well."""
    result = audited(pad=lambda i: 40_000 * (i % 2))
    note = next(note for note in result.notes if note.kind == "file-size")

    assert () == result.findings
    assert 0.8 < note.facts["low"]
    assert 39_000 < note.facts["medians"]["present"] - note.facts["medians"]["absent"] < 41_000
    assert " kB" in note.sentence()
    assert " ko" in note.sentence("fr")
