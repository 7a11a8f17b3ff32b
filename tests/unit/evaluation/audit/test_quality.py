"""Pictures on which little can be seen are noted, each under one kind."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from hornet.dataset import load_dataset
from hornet.dataset.drawings import draw
from hornet.evaluation.audit import PARTS, audit
from hornet.evaluation.audit.quality import blur_effect


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return 2 x 12 drawings that are large enough."""
    folder = tmp_path_factory.mktemp("large")
    for name, label in (("presence", "hornet"), ("absence", "wasp")):
        (folder / name).mkdir()
        for number in range(12):
            draw(label, seed=number, size=(160, 120)).save(folder / name / f"{number}.png")
    return folder


def _notes(folder):
    parts = [part for part in PARTS if part.name == "quality"]
    return {note.kind: note for note in audit(load_dataset(folder), parts=parts).notes}


def test_ordinary_drawings_are_not_noted(folder):
    """Large enough, neither dark nor bright, equally sharp."""
    assert {} == _notes(folder)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("tiny", lambda picture: picture.resize((100, 75))),
        ("blank", lambda picture: Image.new("RGB", picture.size, (90, 120, 80))),
        ("dark", lambda picture: picture.point(lambda level: level // 6)),
        ("bright", lambda picture: picture.point(lambda level: 235 + level // 13)),
        ("blurred", lambda picture: picture.filter(ImageFilter.GaussianBlur(8))),
    ],
)
def test_a_spoiled_picture_is_noted(folder, kind, spoil):
    """Under what it is, with its name, in words."""
    file = folder / "presence" / "3.png"
    with Image.open(file) as picture:
        spoiled = spoil(picture)
    spoiled.save(file)
    notes = _notes(folder)

    assert {kind: ("presence/3.png",)} == {name: note.pictures for name, note in notes.items()}
    assert "presence/3.png" in notes[kind].sentence()


def test_blur_takes_nothing_from_what_is_blurred():
    """The effect grows with blur, is the same for a darker picture, and sees blur along one direction."""
    picture = draw("hornet", seed=1, size=(160, 120)).convert("L")
    levels = [
        blur_effect(np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)))) for radius in (0, 1, 2, 4)
    ]
    sharp = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    # Noise from column to column, a slope from row to row.
    smeared = np.tile(sharp[:1] // 2, (64, 1)) + np.arange(0, 128, 2, dtype=np.uint8)[:, None]

    assert sorted(levels) == levels
    assert 0 < levels[0] < 0.5 < levels[-1] < 1
    assert blur_effect(sharp) == pytest.approx(blur_effect(sharp // 2), abs=0.02)
    assert 0.1 < blur_effect(sharp) < 0.12  # one neighbour of nine is left
    assert 0.9 < blur_effect(smeared)
