"""Activity: rates per picture, in the right hour, day and site, with intervals that know of clusters."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from hornet.evaluation.intervals import wilson
from hornet.inference.activity import clustered_interval, measure_activity
from hornet.inference.activity_svg import draw_activity
from hornet.inference.results import Result


def result(path, label="absent", at="", camera=""):
    """Return a row."""
    return Result(path, label, 0.5 if label else None, None, at, camera)


SEASON = [
    result("hives/a/1.jpg", "present", "2024-08-01T14:03:00"),
    result("hives/a/2.jpg", "absent", "2024-08-01T14:05:00"),
    result("hives/a/IMG_20240802_090000.jpg", "unsure"),
    result("hives/b/1.jpg", "present", "2024-08-02T14:30:00"),
    result("hives/b/2.jpg", "absent", "2024-08-04"),
    result("hives/b/3.jpg", "absent"),
    result("hives/b/bad.jpg", ""),
]


def test_rates_are_hornets_per_picture():
    """Each hour, day and site has its pictures and its hornets; the unsure are pictures and no hornets."""
    found = measure_activity(SEASON)

    def table(rates):
        return [(rate.name, rate.present, rate.pictures, rate.unsure) for rate in rates]

    assert [("09", 0, 1, 1), ("14", 2, 3, 0)] == table(found.hours)
    assert [("2024-08-01", 1, 2, 0), ("2024-08-02", 1, 2, 1), ("2024-08-04", 0, 1, 0)] == table(found.days)
    assert [("a", 1, 3, 1), ("b", 1, 3, 0)] == table(found.sites)
    assert ("all", 2, 6, 1) == table([found.total])[0]
    assert (1, 2, 1) == (found.failed, found.timeless, found.dayless)


@pytest.mark.parametrize(
    ("wanted", "rows", "expected"),
    [
        ("auto", [result("x/1.jpg", camera="A"), result("x/2.jpg", camera="B")], ["A", "B"]),
        ("auto", [result("cam2_1.jpg"), result("2.jpg")], ["cam2", "unknown"]),
        ("camera", [result("a/1.jpg", camera="A"), result("b/2.jpg")], ["A", "unknown"]),
        ("folder", [result("x/y/1.jpg"), result("x/y/2.jpg")], ["y"]),
        ("folder", [result("/data/x/1.jpg"), result("/data/y/z/2.jpg")], ["x", "y/z"]),
        ("folder", [result("1.jpg"), result("/data/y/2.jpg")], [".", "data/y"]),
    ],
)
def test_sites(wanted, rows, expected):
    """A site is the folder below what all have in common, or the camera that EXIF or the name says."""
    assert sorted(expected) == [rate.name for rate in measure_activity(rows, wanted).sites]


def test_nothing_judged():
    """Rows that all failed have no rate, and still make a table and a drawing."""
    found = measure_activity([result("a.jpg", "")])

    assert found.total is None
    assert found.to_dict()["failed"] == 1
    assert "no picture has a verdict" in draw_activity(found, "x")


def test_interval_of_independent_pictures_is_wilsons():
    """Where each picture is a cluster, the interval is close to Wilson's."""
    hits = np.random.default_rng(1).random(400) < 0.2
    got = clustered_interval([(int(hit), 1) for hit in hits])

    assert wilson(int(hits.sum()), 400) == pytest.approx(got, abs=2e-3)


def test_interval_of_equal_clusters_is_that_of_the_clusters():
    """Twenty pictures of the same thing are one witness."""
    clusters = [(20, 20)] * 10 + [(0, 20)] * 30
    low, high = clustered_interval(clusters)

    assert wilson(10, 40) == pytest.approx((low, high), abs=0.01)
    assert (0.0, wilson(0, 5)[1]) == pytest.approx(clustered_interval([(0, 20)] * 5))


def test_intervals_hold_what_they_promise():
    """With hornets that come in visits, the interval holds the true rate in about 95 of 100 seasons; Wilson's doesn't."""
    generator = np.random.default_rng(2)
    held = plain = 0
    for _ in range(400):
        visited = generator.random(60) < 0.3
        clusters = [(int(generator.binomial(12, 0.5 if visit else 0.0)), 12) for visit in visited]
        low, high = clustered_interval(clusters)
        held += low <= 0.15 <= high
        low, high = wilson(sum(hits for hits, _ in clusters), 720)
        plain += low <= 0.15 <= high

    assert 0.92 < held / 400 < 0.985
    assert plain / 400 < 0.85


def test_drawing_is_whole_and_harmless():
    """The drawing is well-formed, has a bar for each rate, shows gaps between days, and no name breaks out of it."""
    rows = [*SEASON, result('hives/<b>&"\x1b/1.jpg', "present", "2024-08-01T03:00:00")]
    found = measure_activity(rows)
    text = draw_activity(found, "<Season>")
    root = ET.fromstring(text)

    bars = [one for one in root.iter() if one.get("class") in {"bar", "few"}]
    assert len(found.hours) + len(found.days) + len(found.sites) == len(bars)
    assert "2024-08-03" in text
    assert "\x1b" not in text
    assert not re.search(r"(?:nan|inf)[\"A-Z,]", text)
