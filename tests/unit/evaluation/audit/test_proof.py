"""The audit says so first: shortcuts that are there are named, and none where there are none."""

import importlib.util
import sys
from pathlib import Path

import pytest

from hornet.dataset import load_dataset
from hornet.evaluation.audit import PARTS, audit

_PARTS = [part for part in PARTS if part.name in {"shortcuts", "text"}]


def script(name):
    """Import a script of the benchmarks, whose drawings these tests share."""
    path = Path(__file__).parents[4] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clocks(tmp_path_factory):
    """Return 60 pictures whose clock tells the label, and what the audit says of them."""
    made = script("clock_shortcut").write_clocks(tmp_path_factory.mktemp("clocks"), 60, lying=False)
    return made, audit(made.dataset, parts=_PARTS)


def test_a_clock_that_tells_the_label_is_named_with_its_place(clocks):
    """Presence in the morning, absence in the afternoon: the corner tells, and the clock's rectangle is reported."""
    made, result = clocks
    found = {finding.name: finding.facts for finding in result.findings}
    (x0, y0, x1, y1), (left, top, right, bottom) = made.box, found["burnt-in-text"]["masks"][0]

    assert {"corner", "burnt-in-text"} == set(found)
    assert "bottom right" == found["corner"]["corner"]
    assert found["corner"]["low"] > 0.65
    assert 1 == len(found["burnt-in-text"]["masks"])
    assert left <= x0 < x1 <= right
    assert top <= y0 < y1 <= bottom
    assert 0.5 < script("clock_shortcut").overlap(made.box, (left, top, right, bottom))


def test_masked_clocks_tell_nothing(clocks):
    """With the rectangle that it reported as a mask, the audit finds no shortcut any more."""
    made, result = clocks
    masks = [tuple(box) for box in result.findings[-1].facts["masks"]]

    assert () == audit(made.dataset, masks=masks, parts=_PARTS).findings


@pytest.mark.parametrize(("kind", "count"), [("few", 120), ("visits", 60), ("camera", 48)])
def test_clean_drawings_raise_no_alarm(kind, count, tmp_path):
    """Labels that nothing but the insect tells, from photos, visits and a fixed camera, are no finding."""
    dataset = script("audit_false_alarms").write_clean(tmp_path, kind, 5, pictures=count)

    assert () == audit(dataset, parts=_PARTS).findings


@pytest.mark.realdata
def test_the_fixed_cameras_give_themselves_away(real_data):
    """Three real cameras: day and hour tell the label, names and clocks are burnt in, and days must stay together."""
    whole = load_dataset(real_data)
    frames = [i for i, record in enumerate(whole.records) if record.source == "hivecam"]
    result = audit(whole.select(frames[::2]), parts=_PARTS)
    found = {finding.name: finding.facts for finding in result.findings}
    left, right = found["burnt-in-text"]["masks"]

    assert {"metadata", "burnt-in-text", "leakage"} <= set(found)
    assert found["metadata"]["auc_groups"] < 0.65 < found["metadata"]["auc_random"]
    assert "day" == found["leakage"]["proposed"]
    assert (0.0, 0.0, 0.0, 1.0) == (left[0], left[1], right[1], right[2])
    assert left[2] >= 0.11
    assert right[0] <= 0.762
    assert min(left[3], right[3]) >= 0.035
    assert max(left[3], right[3]) < 0.08
