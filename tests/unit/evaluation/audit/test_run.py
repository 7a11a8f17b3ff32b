"""The audit as a whole: one look a picture, and answers that depend on nothing but the pictures."""

import json

import pytest
from PIL import Image

from hornet.dataset import load_dataset
from hornet.dataset.store import PictureStore
from hornet.evaluation.audit import NAMES, PARTS, Finding, Note, Outcome, Probe, audit
from hornet.evaluation.audit.balance import COLUMNS
from hornet.evaluation.audit.evidence import Part

QUICK = [part for part in PARTS if part.quick]


def test_clean_drawings_give_no_finding(drawn):
    """Pictures that differ, of both classes in equal number, need no mending; the JSON says so."""
    result = audit(load_dataset(drawn))
    document = json.loads(json.dumps(result.to_dict()))

    assert [] == document["findings"]
    assert (24, 12, 12) == (document["pictures"], document["present"], document["absent"])


def test_unreadable_pictures_are_listed_with_their_reason(folder, finding):
    """A truncated file and one that is no picture are named; the others are audited."""
    good = sorted((folder / "presence").glob("*.jpg"))
    good[0].write_bytes(good[0].read_bytes()[:300])
    good[1].write_text("no picture")
    found = finding(folder, "unreadable")

    assert (2, 24) == (found.facts["pictures"], found.facts["of"])
    assert ("presence/presence_0000.jpg", "presence/presence_0001.jpg") == found.pictures
    assert {"unreadable": 2} == found.facts["reasons"]
    assert "2 pictures of 24 can't be read" in found.sentence()


def test_order_of_rows_changes_nothing(folder):
    """The same pictures in another order give the same audit."""
    (folder / "presence" / "presence_0003.jpg").write_text("no picture")
    dataset = load_dataset(folder)
    turned = dataset.select(reversed(range(len(dataset))))

    assert audit(dataset).to_dict() == audit(turned).to_dict()


def test_every_picture_is_measured_once_as_the_network_sees_it(folder):
    """A part gets each readable picture with its masks filled, its size as stored upright, and its bytes."""
    Image.new("RGB", (1000, 500), "white").save(folder / "presence" / "large.png")
    seen = {}

    def measure(shot):
        seen[shot.record.name] = (shot.size, shot.view.shape, shot.view[0, 0].tolist(), len(shot.data) > 0)
        return shot.view.mean()

    def judge(evidence):
        kept = evidence.measures("mean")
        return Outcome(notes=(Note("blank", {"pictures": len(kept), "of": 25, "examples": []}),))

    result = audit(load_dataset(folder), masks=[(0, 0, 0.5, 0.5)], parts=[Part("mean", judge, measure)])

    assert 25 == len(seen)
    assert 25 == result.notes[0].facts["pictures"]
    assert ((500, 1000), (192, 384, 3), [124, 116, 104], True) == seen["presence/large.png"]


def test_kept_views_change_nothing_but_the_time(folder, tmp_path):
    """A second audit reads the views of the first, and says the same."""
    store = PictureStore(tmp_path / "store")
    dataset = load_dataset(folder)
    first = audit(dataset, parts=QUICK, store=store)
    count = store.usage()[0]

    assert count == 24
    assert first.to_dict() == audit(dataset, parts=QUICK, store=store).to_dict()
    assert count == store.usage()[0]


_MEMBER = {"path": "a.jpg", "label": "present", "split": "test"}
_SETS = {"pictures": 2, "sets": 1, "of": 9, "identical": 2, "examples": [[_MEMBER, _MEMBER]]}


def test_probes_that_do_too_well_are_findings(folder):
    """A probe that found something is listed among the findings, in the order of the names; all are probes."""
    good = Probe("colour", 0.52, 0.4, 0.6, 24, 24, found=False)
    bad = Probe("border", 0.9, 0.8, 1.0, 24, 24, found=True, facts={"width": 8})

    def judge(evidence):
        return Outcome((), (bad, good))

    def copies(evidence):
        return Outcome((Finding("duplicate", _SETS),))

    result = audit(load_dataset(folder), parts=[Part("p", judge), Part("d", copies)])
    document = result.to_dict()

    assert ["duplicate", "border"] == [each["name"] for each in document["findings"]]
    assert [("colour", False), ("border", True)] == [(p["name"], p["found"]) for p in document["probes"]]
    assert 8 == document["findings"][1]["facts"]["width"]
    assert "AUC 0.90" in document["findings"][1]["sentence"]
    assert "not enough" in good.sentence()


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_sentence(name, language):
    """Each finding says something in both languages, on one line, from the facts of its kind."""
    facts = {
        **_SETS,
        "alike": 1,
        "divided": 1,
        "groups": ["g"],
        "related": 1,
        "ungrouped": 1,
        "kin": ["day 2019-01-01"],
        "column": "day",
        "values": [{"value": "2019-01-01", "present": 0, "absent": 90}],
        "count": 1,
        "auc": 0.9,
        "low": 0.8,
        "high": 1.0,
        "chance": 0.5,
        "masks": [[0.7, 0, 1, 0.1]],
        "places": [
            {
                "box": [0.7, 0, 1, 0.1],
                "changes": True,
                "height": 480,
                "width": 640,
                "camera": "c",
                "pictures": 2,
            }
        ],
    }
    if name == "unreadable":
        facts["examples"] = [{"path": "a.jpg", "error": "unreadable: the file is empty"}]
        facts["reasons"] = {"unreadable": 2}
    text = Finding(name, facts).sentence(language)

    assert 40 < len(text)
    assert "\n" not in text


def test_unknown_names_are_refused():
    """Names are promised to scripts, so nobody invents one in passing."""
    with pytest.raises(ValueError, match="sharpness"):
        Finding("sharpness", {})


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_has_advice(column, language):
    """An imbalance names the column's values, in either number, and says what to do."""
    value = {"value": "somewhere", "present": 0, "absent": 90}
    one, two = (
        Finding(
            "imbalance", {"column": column, "count": n, "values": [value] * n, "pictures": 90 * n, "of": 300}
        )
        for n in (1, 2)
    )
    texts = [finding.sentence(language) for finding in (one, two)]

    assert all("somewhere" in text and "hornet " in text for text in texts)
    assert [True, True] == [text.startswith(str(n)) for n, text in enumerate(texts, start=1)]
