"""Evaluating a classifier on labelled pictures."""

import json
from pathlib import Path

import pytest
from PIL import Image

from hornet.classifier import Classifier
from hornet.dataset import Dataset, Record
from hornet.errors import ConfigError, EmptyClass, ManifestInvalid
from hornet.evaluation.evaluate import choose_split, evaluate
from hornet.evaluation.tables import format_evaluation


@pytest.fixture
def dataset(paint):
    """Return ten pictures of two sources, two cameras and two days, with one mistake of the classifier."""
    rows = [
        # label, probability, source, camera, day
        (1, 0.9, "trap", "left", "2024-08-01"),
        (0, 0.6, "trap", "left", "2024-08-01"),
        (0, 0.2, "trap", "left", "2024-08-01"),
        (1, 0.8, "trap", "left", "2024-08-02"),
        (0, 0.1, "trap", "right", "2024-08-02"),
        (1, 0.4, "trap", "right", "2024-08-02"),
        (1, 0.95, "portal", "", ""),
        (0, 0.05, "portal", "", ""),
        (1, 0.9, "portal", "", ""),
        (0, 0.5, "portal", "", ""),
    ]
    records = tuple(
        Record(
            f"{i}.png",
            paint(f"{i}.png", p),
            label,
            group=f"g{i}",
            source=source,
            camera=camera,
            captured_at=f"{day}T10:00:00" if day else "",
            extra=(("hive", "h"),),
        )
        for i, (label, p, source, camera, day) in enumerate(rows)
    )
    return Dataset(records, Path(records[0].path.parent))


def test_figures_at_the_contracts_threshold(classifier, dataset):
    """Counts follow from the decision threshold, unsure from the band, and every picture is in them."""
    result = evaluate(classifier, dataset, resamples=50)

    # 0.6 without a hornet is a false alarm, 0.4 with one is missed; 0.5 is where the band's middle lies.
    assert {"tp": 4, "fp": 2, "fn": 1, "tn": 3} == result.overall.confusion.to_dict()
    assert 3 == result.unsure
    assert ("all", 10, "group-bootstrap") == (result.split, result.overall.n, result.overall.interval)
    assert [p.probability for p in classifier.predict_batch(dataset.paths())] == result.probabilities.tolist()


def test_by_source(classifier, dataset):
    """Each source has its own figures, with its own count of groups."""
    result = evaluate(classifier, dataset, resamples=50)

    assert {"portal": (4, "ungrouped-wilson"), "trap": (6, "ungrouped-wilson")} == {
        source: (quality.groups, quality.interval) for source, quality in result.by_source.items()
    }
    assert 1.0 == result.by_source["portal"].metrics["roc_auc"].value


def test_strata(classifier, dataset):
    """Only pairs of the same camera and day count; pictures without a camera are in none."""
    result = evaluate(classifier, dataset, strata=["camera", "day"], resamples=50)

    # left on the first day: 0.9 over 0.6 and 0.2; right on the second: 0.4 over 0.1.
    assert {"value": 1.0, "low": 1.0, "high": 1.0, "method": "group-bootstrap"} == result.to_dict()[
        "within_strata"
    ]["auc"]
    assert (3, 6) == (result.overall.pairs, result.stratified)
    assert 1.0 != result.overall.metrics["roc_auc"].value
    assert {"columns": ["camera", "day"], "pairs": 3, "pictures": 6} == {
        key: value for key, value in result.to_dict()["within_strata"].items() if key != "auc"
    }


def test_strata_by_unknown_columns(classifier, dataset):
    """A stratum that nothing has is an error before any picture is predicted; the manifest's own are fine."""
    assert 25 == evaluate(classifier, dataset, strata=["hive"], resamples=10).overall.pairs
    with pytest.raises(ManifestInvalid, match="no column 'hives'"):
        evaluate(classifier, dataset, strata=["hives"])


def test_bad_pictures_are_reported(classifier, dataset):
    """A picture that can't be read is in no figure, but in the failures."""
    dataset.records[0].path.write_bytes(b"no picture")
    result = evaluate(classifier, dataset, resamples=10)
    document = result.to_dict()

    assert ["0.png"] == [failure.source for failure in result.failures]
    assert (9, 10) == (document["overall"]["n"], document["pictures"])
    assert document["failures"][0]["error"].startswith("unreadable: ")
    assert "0.png" not in [record.name for record in result.records]


def test_nothing_readable(classifier, dataset):
    """If no picture can be read there is nothing to measure, and the first reason is told."""
    for record in dataset.records:
        record.path.write_bytes(b"")
    with pytest.raises(EmptyClass, match=r"None of the 10 .* 0.png"):
        evaluate(classifier, dataset)


def test_masks_of_single_pictures(classifier, paint):
    """A record's mask is filled before the picture is predicted."""
    path = paint("red.png", 0.99)
    whole = Record("a", path, 1)
    covered = Record("b", path, 0, masks=((0.0, 0.0, 1.0, 1.0),))
    result = evaluate(classifier, Dataset((whole, covered), path.parent), resamples=10)

    assert 0.98 < result.probabilities[0]
    assert result.probabilities[1] == classifier.predict(path, masks=covered.masks).probability < 0.9


def test_batches_and_workers_dont_matter(classifier, dataset):
    """The figures are the same for any batch size and number of workers."""
    first = evaluate(classifier, dataset, resamples=20).to_dict()

    assert first == evaluate(classifier, dataset, resamples=20, batch_size=3, workers=1).to_dict()
    assert first == json.loads(json.dumps(first, allow_nan=False))


def test_progress(classifier, dataset):
    """Progress counts every picture."""
    seen = []
    evaluate(classifier, dataset, resamples=10, progress=lambda done, total: seen.append((done, total)))

    assert [(i, 10) for i in range(1, 11)] == seen


def test_which_split():
    """Test where there is one, else everything; or what was asked for."""
    records = tuple(
        Record(str(i), Path(str(i)), i % 2, split=s) for i, s in enumerate(["train", "test", "test"])
    )
    data = Dataset(records, Path())

    assert ("test", 2) == (choose_split(data, None)[0], len(choose_split(data, None)[1]))
    assert ("all", 1) == (choose_split(data.subset("train"), None)[0], len(data.subset("train")))
    assert 3 == len(choose_split(data, "all")[1])
    with pytest.raises(EmptyClass, match="No picture has the split 'validation'; found test, train"):
        choose_split(data, "validation")
    with pytest.raises(ConfigError, match="no split 'dev'"):
        choose_split(data, "dev")


def test_unlabelled_pictures_are_refused(classifier, paint):
    """What has no label can't be measured."""
    path = paint("a.png", 0.5)
    with pytest.raises(ManifestInvalid, match="no label"):
        evaluate(classifier, Dataset((Record("a", path, None),), path.parent))


def test_novel_pictures_are_counted_by_class(make_artifact, red_and_blue, tmp_path):
    """Pictures beyond the novelty limit are counted by class and are unsure; the figures are of all probabilities."""
    red, white = (tmp_path / f"{name}.png" for name in ("red", "white"))
    Image.new("RGB", (20, 20), (255, 0, 0)).save(red)
    Image.new("RGB", (20, 20), (255, 255, 255)).save(white)
    labelled = [(red, 1), (white, 1), (white, 0), (red, 0), (white, 0)]
    records = tuple(Record(f"{i}.png", path, label) for i, (path, label) in enumerate(labelled))
    model = Classifier.open(make_artifact(tmp_path / "m.onnx", novelty=red_and_blue, low=0.1, high=0.1))

    plain, flipped = (
        evaluate(model, Dataset(records, tmp_path), resamples=10, tta=tta) for tta in ("none", "flip")
    )
    expected = {"absent": {"beyond": 2, "pictures": 3}, "present": {"beyond": 1, "pictures": 2}}
    assert expected == plain.novel() == flipped.novel()
    assert (3, 3) == (plain.unsure, flipped.unsure)
    assert expected == plain.to_dict()["novelty"]
    assert {"tp": 2, "fp": 3, "fn": 0, "tn": 0} == plain.overall.confusion.to_dict()
    assert (
        "Beyond the novelty limit, and so unsure whatever the probability: 1 of 2 pictures with a hornet "
        "(50.0%, 9.5% to 90.5%), 2 of 3 pictures without (66.7%, 20.8% to 93.9%)."
    ) in format_evaluation(plain)


def test_models_of_before_count_no_novel_pictures(classifier, dataset):
    """Where the model can't tell, nothing is said of novelty."""
    result = evaluate(classifier, dataset, resamples=10)

    assert result.novel() is None
    assert "novelty" not in format_evaluation(result)
