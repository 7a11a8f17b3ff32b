"""Figures on corrupted pictures."""

import hashlib
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import Dataset, Record
from hornet.errors import DatasetError
from hornet.evaluation.corruptions import at_reference, corrupt
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.metrics import Estimate
from hornet.evaluation.plots import save_figure
from hornet.evaluation.robustness import AVERAGED, measure_corruptions
from hornet.evaluation.robustness_report import draw_examples, format_corruptions, plot_corruptions
from hornet.images import decode, preprocess

CHOSEN: dict[str, Any] = {"corruptions": ["brightness", "noise"], "severities": [5, 1], "resamples": 100}


@pytest.fixture
def dataset(tmp_path):
    """Return 24 pictures in 12 groups, of several sizes: the redder the more hornet, and some of the others too."""
    generator = np.random.default_rng(1)
    records = []
    for i in range(24):
        noise = generator.integers(0, 90, (20 + i, 50 - i, 3))
        noise[..., 0] += 3 * i if i % 2 else i
        path = tmp_path / f"{i}.png"
        Image.fromarray(noise.astype(np.uint8)).save(path)
        masks = ((0.0, 0.0, 0.5, 0.2),) if i % 3 == 0 else ()
        records.append(Record(path.name, path, i % 2, group=f"g{i // 2}", masks=masks))
    return Dataset(tuple(records), tmp_path)


@pytest.fixture
def result(classifier, dataset):
    """Return what two corruptions do in two severities."""
    return measure_corruptions(classifier, evaluate(classifier, dataset, resamples=100), **CHOSEN)


def test_answers_are_those_of_pictures_corrupted_one_by_one(classifier, dataset, result):
    """Decoded, brought to scale, corrupted by content, masked, resized: the same as by hand."""
    rule = classifier.contract.pixel_rule
    for (name, severity), got in result.probabilities.items():
        expected = []
        for record in dataset.records:
            data = record.path.read_bytes()
            image = at_reference(decode(data, rule=rule), 8)
            image = corrupt(image, name, severity, content=hashlib.sha256(data).digest())
            expected.append(classifier.run(preprocess(image, rule, masks=record.masks)[None]).probability[0])

        assert expected == pytest.approx(got, abs=1e-6)


def test_neither_batches_nor_workers_nor_other_corruptions_matter(classifier, dataset, result):
    """Answers depend on the seed, the picture and the corruption alone."""
    evaluation = evaluate(classifier, dataset, resamples=10)
    alone = measure_corruptions(
        classifier, evaluation, corruptions=["noise"], severities=[5], batch_size=1, workers=3, resamples=10
    )
    other = measure_corruptions(
        classifier, evaluation, corruptions=["noise"], severities=[5], resamples=10, seed=1
    )
    expected = result.probabilities["noise", 5]

    assert expected == pytest.approx(alone.probabilities["noise", 5], abs=1e-6)
    assert not np.allclose(expected, other.probabilities["noise", 5], atol=1e-4)


def test_means_are_means_and_shares_are_of_the_clean_figure(result):
    """Each is what can be computed from the single figures; its interval lies around it."""
    assert (1, 5) == result.severities
    for figure in AVERAGED:
        single = {key: quality.metrics[figure].value for key, quality in result.qualities.items()}
        assert np.mean(list(single.values())) == pytest.approx(result.mean[figure].value)
        assert np.mean([single["noise", 1], single["noise", 5]]) == pytest.approx(
            result.means["noise"][figure].value
        )
    area, kept = result.mean["roc_auc"], result.kept["roc_auc"]
    assert area.value / result.clean.metrics["roc_auc"].value == pytest.approx(kept.value)
    assert area.low < area.value < area.high
    assert kept.low < kept.value < kept.high
    assert "group-bootstrap" == area.method


def test_masks_are_filled_after_the_corruption(classifier, dataset):
    """Of a picture that is masked altogether no corruption is seen."""
    records = [Record(r.name, r.path, r.label, masks=((0.0, 0.0, 1.0, 1.0),)) for r in dataset.records]
    evaluation = evaluate(classifier, Dataset(tuple(records), dataset.root), resamples=10)
    found = measure_corruptions(classifier, evaluation, **CHOSEN)

    for probabilities in found.probabilities.values():
        assert evaluation.probabilities.tolist() == probabilities.tolist()


def test_a_figure_that_is_nowhere_defined_says_why(classifier, dataset):
    """Hornets alone have a recall, but no AUC and no share of false alarms."""
    hornets = dataset.select(range(1, 24, 2))
    found = measure_corruptions(classifier, evaluate(classifier, hornets, resamples=10), **CHOSEN)

    assert found.mean["recall"].value is not None
    assert "not defined in 4 of 4 cases: every picture shows a hornet" == found.mean["false_alarms"].reason
    assert "not defined in 5 of 5 cases: all pictures are of one class" == found.kept["roc_auc"].reason


def test_a_picture_that_vanishes_is_told(classifier, dataset):
    """A file that could be read when it was evaluated, and no more, ends it with its name."""
    evaluation = evaluate(classifier, dataset, resamples=10)
    dataset.records[3].path.unlink()

    with pytest.raises(DatasetError, match="3.png could be read a moment ago: no such file"):
        measure_corruptions(classifier, evaluation, **CHOSEN)


def test_text_and_json_tell_the_same(result):
    """Every condition has its line, in order, with its figures; means come first."""
    lines = format_corruptions(result).splitlines()
    document = result.to_dict()
    rows = [line.split() for line in lines if line.startswith(("noise ", "brightness "))]

    assert "12 groups" not in lines[0]
    assert "Corrupted, 24 pictures, at a short side of 8 px and threshold 0.500" in lines[0]
    assert [["brightness"], ["noise"]] == [row[:1] for row in rows[:2]]
    assert [list(pair) for pair in itertools.product(("brightness", "noise"), "15")] == [
        row[:2] for row in rows[2:]
    ]
    single = document["by_corruption"]["noise"]["severities"]["5"]["metrics"]["roc_auc"]
    assert f"{single['value']:.3f}" == rows[-1][2]
    assert f"{document['by_corruption']['noise']['mean']['roc_auc']['value']:.3f}" == rows[1][1]
    assert ([1, 5], 8, 0) == (document["severities"], document["reference_px"], document["seed"])
    assert {"roc_auc", "f1", "recall"} == set(document["kept"])


def test_the_plot_has_a_panel_a_corruption(result, tmp_path, monkeypatch):
    """Each panel has three curves from the clean pictures to the highest severity."""
    drawn = []

    def keep(figure, file):
        drawn.append(figure)
        save_figure(figure, file)

    monkeypatch.setattr("hornet.evaluation.robustness_report.save_figure", keep)
    file = plot_corruptions(result, tmp_path / "new" / "plots")

    assert b"\x89PNG" == file.read_bytes()[:4]
    assert ["brightness", "noise"] == [axis.get_title() for axis in drawn[0].axes]
    for axis in drawn[0].axes:
        assert 3 == len(axis.containers)
        assert [0, 1, 5] == [round(x) for x in axis.containers[0].lines[0].get_xdata()]


def test_examples_show_every_condition(dataset, tmp_path):
    """A line a corruption, a column a severity beside the picture as it is; each of them at its place."""
    file = draw_examples(dataset.records[10].path, ["fog", "jpeg"], [1, 5], tmp_path / "new")
    data = dataset.records[10].path.read_bytes()  # 40 x 30 px
    clean = at_reference(decode(data), 160)
    with Image.open(file) as sheet:
        sheet.load()

    assert (80 + 3 * 213, 2 * 160) == sheet.size
    assert clean.tobytes() == sheet.crop((80, 160, 293, 320)).tobytes()
    fog = corrupt(clean, "fog", 5, content=hashlib.sha256(data).digest())
    assert fog.tobytes() == sheet.crop((506, 0, 719, 160)).tobytes()


@pytest.mark.parametrize("low", [0.4, 0.5])
def test_intervals_of_no_width_are_explained(result, low):
    """They aren't certainty, and the text says so where there is one."""
    even = dict.fromkeys(AVERAGED, Estimate(0.5, 0.4, 0.6))
    qualities = {key: replace(quality, metrics=even) for key, quality in result.qualities.items()}
    one = qualities["noise", 5]
    qualities["noise", 5] = replace(one, metrics={**even, "recall": Estimate(0.5, low, 0.5)})

    assert (low == 0.5) == (
        "An interval of no width" in format_corruptions(replace(result, qualities=qualities))
    )
