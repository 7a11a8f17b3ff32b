"""Which pictures a report shows, and its small copies."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from hornet.dataset import Record
from hornet.evaluation.facts import Answers
from hornet.evaluation.illustrations import choose_cells, choose_worst, illustrate, thumbnail


def answers(labels, probabilities, paths=None):
    names = paths or [Path(f"{i}.png") for i in range(len(labels))]
    records = tuple(Record(path.name, path, label) for path, label in zip(names, labels, strict=True))
    return Answers(records, np.array(labels), np.array(probabilities, dtype=float))


def test_the_worst_come_first():
    """Wrong answers only, the most certain first; of equal ones the name decides."""
    asked = answers([1, 0, 1, 0, 1, 0], [0.4, 0.9, 0.05, 0.9, 0.8, 0.2])

    assert [2, 1, 3, 0] == choose_worst(asked, 0.5)
    assert [2] == choose_worst(asked, 0.5, count=1)
    assert [] == choose_worst(answers([1], [0.9]), 0.5)


def test_examples_are_spread_over_their_cell():
    """Each cell gives the middles of equal parts of its ranking, and an empty one nothing."""
    asked = answers([1] * 9 + [0], [0.9, 0.8, 0.7, 0.6, 0.95, 0.85, 0.75, 0.65, 0.55, 0.1])
    chosen = choose_cells(asked, 0.5, count=3)

    assert {"tp": [0, 6, 3], "fn": [], "fp": [], "tn": [9]} == chosen
    assert {"tp": [0], "fn": [], "fp": [], "tn": []} == choose_cells(answers([1], [0.9]), 0.5)


def test_small_copies(classifier, paint, tmp_path):
    """Pictures and heatmaps are small JPEGs of the upright picture; one that has gone is left out."""
    large = Image.new("RGB", (1200, 600), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6
    large.save(tmp_path / "turned.jpg", exif=exif)
    asked = answers(
        [1, 1, 0], [0.01, 0.9, 0.2], [tmp_path / "turned.jpg", paint("a.png", 0.9), tmp_path / "no.png"]
    )
    (worst,), cells = illustrate(classifier, asked, 0.5)

    assert ("turned.jpg", 1, 0.01) == (worst.name, worst.label, worst.probability)
    assert worst.overlay is not None
    for data in (worst.image, worst.overlay):
        assert (144, 288) == worst.size == Image.open(io.BytesIO(data)).size
    assert worst.image != worst.overlay
    assert {"tp": ["a.png"], "fn": ["turned.jpg"], "fp": [], "tn": []} == {
        kind: [picture.name for picture in pictures] for kind, pictures in cells.items()
    }


def test_moments_are_written_as_people_write_them(paint):
    """What is known of a picture is told once each, day and time apart."""
    path = paint("a.png", 0.9)
    shown = thumbnail(Record(path.name, path, 1, source="a", camera="a", captured_at="2024-08-11T15:44:00"))

    assert shown is not None
    assert ("a", "2024-08-11 15:44:00") == shown.about
