"""The exam: what its models may know, and how their answers are read."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

_BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch):
    """Import the scripts of the exam as they import each other."""
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    names = ("real_manifest", "exam_figures")
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.realdata
def test_no_exam_tests_what_its_model_learned_from(scripts, real_data):
    """No group of an exam's test part is in what its model learns from or is validated on, and each part has its classes."""
    everything = scripts.real_manifest.real_pictures()
    given = {record.name: record.group for record in everything.records}
    for exam in scripts.real_manifest.EXAMS:
        records = scripts.real_manifest.prepare(everything, exam).records
        known = {given[record.name] for record in records if record.split != "test"}
        asked = {given[record.name] for record in records if record.split == "test"}

        assert set() == known & asked
        assert {"train", "validation", "test"} == {record.split for record in records}
        assert {0, 1} == {record.label for record in records if record.split == "train"}


@pytest.mark.realdata
def test_nothing_is_learned_from_wrong_labels_and_all_are_examined(scripts, real_data):
    """Frames known to be labelled wrong are in no training part, and in the tests as they were given."""
    wrong = scripts.real_manifest.wrong_labels()
    everything = scripts.real_manifest.real_pictures()
    tested = set()
    for exam in scripts.real_manifest.EXAMS:
        for record in scripts.real_manifest.prepare(everything, exam).records:
            name = scripts.real_manifest.key(record.name)
            if record.split == "test":
                tested.add(name)

            assert record.split == "test" or name not in wrong

    assert wrong <= tested


@pytest.mark.realdata
def test_burnt_in_texts_are_masked_in_every_exam(scripts, real_data):
    """Every frame of the hive camera that an exam has carries the masks of both burnt-in texts."""
    everything = scripts.real_manifest.real_pictures()
    for exam in scripts.real_manifest.EXAMS:
        frames = [
            record
            for record in scripts.real_manifest.prepare(everything, exam).records
            if record.source == "hivecam"
        ]

        assert all(record.masks == scripts.real_manifest.HIVECAM_TEXTS for record in frames)


def test_places_within_half_a_place_of_a_box_are_inside(scripts):
    """A place counts as pointing at a box if its centre is in it or at most half a place away."""
    inside = scripts.exam_figures._inside([(0.5, 0.25, 0.6, 0.5)], (4, 4))

    expected = np.zeros((4, 4), dtype=bool)
    expected[0:3, 1:3] = True  # centres at 1/8, 3/8, 5/8, 7/8; half a place is 1/8
    assert expected.tolist() == inside.tolist()


def _answers(probabilities):
    labels = np.array([0, 1] * 30)
    records = tuple(SimpleNamespace(source="web", group=f"g{i // 2}") for i in range(60))
    return SimpleNamespace(records=records, labels=labels, probabilities=np.asarray(probabilities))


def test_the_difference_of_equal_answers_is_zero_without_width(scripts):
    """Two precisions that answer alike differ by 0, and resamples agree."""
    answers = _answers(np.random.default_rng(0).random(60))

    found = scripts.exam_figures.difference(answers, answers)

    assert {"web": {"value": 0.0, "low": 0.0, "high": 0.0}} == found


def test_the_difference_has_the_sign_of_what_was_lost(scripts):
    """A first model that ranks at random where the second ranks rightly has lost AUC, beyond noise."""
    right = np.array([0.1, 0.9] * 30)

    found = scripts.exam_figures.difference(_answers(np.random.default_rng(0).random(60)), _answers(right))

    assert found["web"]["high"] < 0
    assert found["web"]["low"] <= found["web"]["value"] <= found["web"]["high"]
