"""Figures by species."""

import pytest

from hornet.dataset import Dataset, Record
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import summarize
from hornet.evaluation.slices import most_mistaken, slice_quality
from hornet.evaluation.tables import format_evaluation


def _slice(labels, called, groups=None):
    scores = [0.9 if one else 0.1 for one in called]
    return slice_quality(summarize(labels, scores, threshold=0.5, groups=groups, resamples=200))


def test_figures_are_those_that_one_class_allows():
    """Hornets have a recall, look-alikes a share of false alarms, and only both together an F1."""
    hornets, lookalikes, both = (
        _slice([1] * 4, [1, 1, 1, 0]),
        _slice([0] * 4, [1, 0, 0, 0]),
        _slice([1, 0], [1, 1]),
    )

    assert {"recall": 0.75} == {name: e.value for name, e in hornets.metrics.items()}
    assert {"false_alarms": 0.25} == {name: e.value for name, e in lookalikes.metrics.items()}
    assert {"recall": 1.0, "false_alarms": 1.0, "f1": pytest.approx(2 / 3)} == {
        name: e.value for name, e in both.metrics.items()
    }


@pytest.mark.parametrize(("label", "name"), [(1, "recall"), (0, "false_alarms")])
@pytest.mark.parametrize("called", [0, 1])
def test_what_never_happened_has_an_interval_with_a_trial_a_group(label, name, called):
    """40 pictures of 20 groups with one answer are 20 trials; resampling alone would give no width."""
    estimate = _slice([label] * 40, [called] * 40, [i // 2 for i in range(40)]).metrics[name]

    assert (*wilson(20 * called, 20), "wilson-of-groups") == (estimate.low, estimate.high, estimate.method)


def test_intervals_resample_groups_where_answers_differ():
    """Copies within groups bring no certainty."""
    called = [i % 4 == 0 for i in range(20)]
    alone = _slice([0] * 20, called).metrics["false_alarms"]
    copied = _slice([0] * 100, [c for c in called for _ in range(5)], [i // 5 for i in range(100)])

    assert (alone.low, alone.high) == pytest.approx(
        (copied.metrics["false_alarms"].low, copied.metrics["false_alarms"].high)
    )


def test_the_most_mistaken_look_alike_isnt_a_small_slice_unless_there_is_no_other():
    """The share decides; 1 of 2 pictures doesn't beat 5 of 20, hornets and nameless pictures don't count."""
    many, few = _slice([0] * 20, [1] * 5 + [0] * 15), _slice([0, 0], [1, 0])
    clean, hornets = _slice([0] * 20, [0] * 20), _slice([1] * 20, [1] * 20)

    assert most_mistaken({"wasp": many, "bee": few, "fly": clean, "hornet": hornets, "": few}) == "wasp"
    assert most_mistaken({"bee": few, "fly": clean}) == "bee"
    assert most_mistaken({"fly": clean, "": many}) is None


@pytest.fixture
def dataset(paint, tmp_path):
    """Return hornets and two look-alikes; one of ten wasps and both bees are called present."""
    rows = (
        [("hornet", 1, 0.9)] * 10
        + [("wasp", 0, 0.6)]
        + [("wasp", 0, 0.1)] * 9
        + [("bee", 0, 0.8)] * 2
        + [("", 0, 0.1)]
    )
    records = tuple(
        Record(f"{i}", paint(f"{i}.png", p), label, group=f"g{i}", species=species)
        for i, (species, label, p) in enumerate(rows)
    )
    return Dataset(records, tmp_path)


def test_evaluation_tells_species_in_text_and_json(classifier, dataset):
    """Hornets come first, then by false alarms; small slices are marked; the worst look-alike is named."""
    result = evaluate(classifier, dataset, resamples=100)
    lines = format_evaluation(result).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("species"))
    document = result.to_dict()

    assert ["hornet", "bee", "wasp", "(none)"] == [line.split()[0] for line in lines[first + 1 : first + 5]]
    assert "F1" not in lines[first]
    assert "2*" in lines[first + 2]
    assert "0.100 (0.000 to 0.300)" in lines[first + 3]
    assert lines[first + 6] == "Mistaken most: wasp, 1 of 10 called present; 1 of the 3 false alarms."
    assert ("wasp", {"hornet", "wasp", "bee", ""}) == (document["most_mistaken"], set(document["by_species"]))
    assert document["by_species"]["bee"]["small"]
    assert {"tp": 0, "fp": 1, "fn": 0, "tn": 9} == document["by_species"]["wasp"]["confusion"]


def test_without_species_there_are_no_slices(classifier, paint, tmp_path):
    """Pictures of which nobody says what they show have no table."""
    records = tuple(Record(f"{i}", paint(f"{i}.png", 0.9), i) for i in (0, 1))
    result = evaluate(classifier, Dataset(records, tmp_path), resamples=20)

    assert {} == result.by_species
    assert "species" not in format_evaluation(result)
