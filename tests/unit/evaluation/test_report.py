"""Report and card."""

import itertools
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hornet.dataset import Dataset, Record
from hornet.evaluation.facts import DataRow, Facts, data_rows, verdict
from hornet.evaluation.metrics import reliability, summarize
from hornet.evaluation.report import model_card, render_report, write_report

EVIL = "<script>alert('x & y')</script>|\n# heading"


@pytest.fixture(scope="module")
def facts():
    """Return facts with everything in them, and hostile text wherever text comes from outside."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    scores = np.clip(0.5 + 0.25 * (2 * labels - 1) + generator.normal(0, 0.2, 60), 0, 1)
    quality = summarize(labels, scores, threshold=0.4, groups=list(range(60)), resamples=50).to_dict()
    few = summarize(labels[:8], scores[:8], threshold=0.4, strata=[0] * 8, resamples=50).to_dict()
    return Facts(
        title=f"hornet {EVIL}",
        headline="test",
        qualities={"validation": few, "test": quality},
        by_source={EVIL: few, "": quality},
        within_strata={
            "columns": ["camera", EVIL],
            "auc": few["metrics"]["stratified_auc"],
            "pairs": 7,
            "pictures": 8,
        },
        reliability=reliability(labels, scores),
        decision_threshold=0.4,
        low=0.3,
        high=0.6,
        temperature=1.25,
        unsure=0.125,
        failures=[{"path": EVIL, "error": "unreadable: " + EVIL}],
        data=[DataRow(EVIL, "train", 3, 4, 5)],
        fingerprint="f" * 64,
        settings={"lr": 0.001, "weights": EVIL, "none": None},
        precisions={"float32": {"bytes": 44_000_000, "auc": 0.95}, "int8": {"bytes": 11_000_000}},
        commands=["hornet train data --out run"],
        created="2024-09-01T00:00:00Z",
        duration_s=90.0,
        software={"torch": "2.9"},
        licence="Apache-2.0",
        provenance=EVIL,
        rights=["The pictures stay with their authors."],
        warnings=["One camera only."],
    )


class Checker(HTMLParser):
    """Checks that tags are closed in order, and collects their names and what they load."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.loads: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        """Remember a tag that must be closed, and what it loads."""
        self.handle_startendtag(tag, attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Remember a tag."""
        self.seen.add(tag)
        self.loads += [value for name, value in attrs if name in {"src", "href", "action"}]

    def handle_endtag(self, tag):
        """Check that the last open tag is closed first."""
        assert tag == self.open.pop()


def test_report_is_one_sound_file(facts, tmp_path):
    """The report is well-formed, loads nothing from anywhere and runs no script."""
    path = tmp_path / "run" / "report.html"
    write_report(path, facts)
    text = path.read_text("utf-8")
    checker = Checker()
    checker.feed(text)

    assert [] == checker.open
    assert [] == checker.loads
    assert "script" not in checker.seen
    assert {"svg", "table", "style", "main"} <= checker.seen
    assert "url(" not in text
    assert "@import" not in text


def test_report_tells_everything(facts):
    """Verdict, figures, confusion, sources, thresholds, data, files, limits and repetition are there."""
    text = render_report(facts)
    quality = facts.qualities["test"]
    for part in (
        "ranks a picture with a hornet above one without in",
        f"{quality['metrics']['f1']['value']:.3f}",
        f"<td>{quality['confusion']['tp']}</td>",
        "ungrouped",
        "7 pairs",
        "0.3000",
        "12.5%",
        "f" * 64,
        "11000000",
        "hornet train data --out run",
        "training took 1.5 min",
        "One camera only.",
        "prefers-color-scheme: dark",
        "width=device-width",
    ):
        assert part in text


def test_hostile_text_stays_text(facts):
    """No text from outside becomes markup, in the report or in the card."""
    assert "<script" not in render_report(facts)
    assert "&lt;script&gt;" in render_report(facts)
    card = model_card(facts)
    assert "<script" not in card
    assert "\n# heading" not in card


def test_undecodable_names(facts, tmp_path):
    """A file name that is no UTF-8 is shown as an escape."""
    write_report(tmp_path / "r.html", replace(facts, failures=[{"path": "abeill\udce9.jpg", "error": "x"}]))

    assert "abeill\\udce9.jpg" in (tmp_path / "r.html").read_text("utf-8")


def test_the_least_facts():
    """A title and figures are enough; what isn't known is left out."""
    quality = summarize([1, 0], [0.9, 0.1], threshold=0.5).to_dict()
    least = Facts(title="m", headline="test", qualities={"test": quality})

    assert "By source" not in render_report(least)
    assert "<svg" not in render_report(least)
    assert model_card(least).startswith("# m\n")
    assert "By source" not in model_card(least)


@pytest.mark.parametrize(
    ("labels", "scores", "headline", "parts"),
    [
        (
            [1, 1, 0],
            [0.9, 0.2, 0.1],
            "test",
            ["that it didn't learn from", "100.0% of pairs", "finds 50%", "100% of its"],
        ),
        ([1, 0], [0.1, 0.1], "validation", ["that they flatter it", "50.0% of pairs", "finds 0%"]),
        ([0, 0], [0.1, 0.1], "test", ["all pictures are of one class: ranking can't be measured."]),
        ([0, 0], [0.1, 0.1], "all", ["On 2 pictures (all; 2 groups), all pictures"]),
    ],
)
def test_verdict(labels, scores, headline, parts):
    """The verdict says on what, how good, and what can't be said."""
    quality = summarize(labels, scores, threshold=0.5, resamples=20).to_dict()
    text = verdict(Facts(title="m", headline=headline, qualities={headline: quality}))
    for part in parts:
        assert part in text


def test_card_tables_hold(facts):
    """Every row of a table in the card has as many cells as its head."""
    rows = [line.replace("\\|", "") for line in model_card(facts).splitlines()]
    for above, below in itertools.pairwise(rows):
        if above.startswith("|") and below.startswith("|"):
            assert above.count("|") == below.count("|")


def test_data_rows():
    """Pictures are counted by source and split, unlabelled ones left out."""

    def record(name, label, source, split, group=""):
        return Record(name, Path(name), label, group=group, source=source, split=split)

    records = (
        record("a", 1, "trap", "test"),
        record("b", 0, "trap", "train", "g"),
        record("c", 1, "trap", "train", "g"),
        record("d", 1, "portal", "train"),
        record("e", None, "portal", "train"),
    )
    expected = (
        DataRow("portal", "train", 1, 0, 1),
        DataRow("trap", "train", 1, 1, 1),
        DataRow("trap", "test", 1, 0, 1),
    )

    assert expected == data_rows(Dataset(records, Path()))
