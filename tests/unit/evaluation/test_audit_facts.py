"""An audit's JSON in words."""

from pathlib import Path

import pytest
from PIL import Image

from hornet.dataset import Record
from hornet.evaluation.audit import Finding, Probe
from hornet.evaluation.audit_facts import audit_facts


@pytest.fixture
def records(tmp_path):
    """Return two pictures, the second of which is gone."""
    Image.new("RGB", (400, 300), (10, 200, 10)).save(tmp_path / "a.png")
    return [Record(name, tmp_path / name, 1) for name in ("a.png", "gone.png")]


def test_sentences_are_said_in_both_languages(records):
    """Findings and probes of this version are put into words anew; French spaces don't break."""
    facts = {
        "auc": 0.9,
        "low": 0.8,
        "high": 1.0,
        "chance": 0.5,
        "pictures": 3,
        "of": 4,
        "masks": [[0, 0, 1, 0.1]],
    }
    finding = Finding("corner", facts, ("a.png", "gone.png", "unknown.png"))
    passed = Probe("border", auc=0.5, low=0.4, high=0.6, n=9, groups=9, found=False)
    told = audit_facts({"findings": [finding.to_dict()], "probes": [passed.to_dict()]}, records)
    (found,), (probe,) = told.findings, told.passed

    assert isinstance(found.sentence, dict)
    assert finding.sentence("en") == found.sentence["en"]
    assert finding.sentence("fr") == " ".join(found.sentence["fr"].split())
    assert " :" not in found.sentence["fr"]
    assert isinstance(probe, dict)
    assert passed.sentence("en") == probe["en"]
    assert 0.75 == found.share
    assert [("a.png", ((0, 0, 1, 0.1),), (288, 216))] == [(p.name, p.boxes, p.size) for p in found.pictures]
    assert (
        ()
        == audit_facts({"findings": [finding.to_dict()]}, records, with_pictures=False).findings[0].pictures
    )


def test_another_version_speaks_for_itself():
    """Facts that this version can't read leave the sentence that was written with them."""
    document = {
        "findings": [{"name": "leakage", "sentence": "Old words.", "facts": {}}, {"name": "unheard-of"}],
        "notes": [{"kind": "odd", "sentence": "Odd."}],
        "short": True,
    }
    told = audit_facts(document, [Record("a", Path("a"), 1)])

    assert ["Old words.", "unheard-of"] == [found.sentence for found in told.findings]
    assert [1.0, 1.0] == [found.share for found in told.findings]
    assert ("Odd.",) == told.notes
    assert told.short
