"""Report and card."""

import base64
import hashlib
import io
import itertools
import re
from collections import Counter, defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hornet.dataset import Dataset, Record
from hornet.evaluation.facts import (
    Answers,
    AuditFacts,
    AuditFinding,
    DataRow,
    Facts,
    Illustration,
    data_rows,
)
from hornet.evaluation.metrics import reliability, summarize
from hornet.evaluation.report import model_card, render_report, write_report
from hornet.evaluation.report.page import SCRIPT

EVIL = "<script>alert('x & y')</script>|\n# heading"
EVIL_NAME = '"><img src=x onerror=alert(1)>.jpg'


def jpeg(colour):
    """Return a small picture."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(stream, "JPEG")
    return stream.getvalue()


def illustration(name, label, probability):
    """Return a picture as a report shows it."""
    return Illustration(
        name, label, probability, jpeg((90, 60, 20)), jpeg((200, 60, 20)), (32, 24), ("Vespa crabro", EVIL)
    )


@pytest.fixture(scope="module")
def facts():
    """Return facts with everything in them, and hostile text wherever text comes from outside."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    scores = np.clip(0.5 + 0.25 * (2 * labels - 1) + generator.normal(0, 0.2, 60), 0, 1)
    quality = summarize(labels, scores, threshold=0.4, groups=list(range(60)), resamples=50).to_dict()
    few = summarize(labels[:8], scores[:8], threshold=0.4, strata=[0] * 8, resamples=50).to_dict()
    records = tuple(
        Record(
            f"{i}-{EVIL_NAME}", Path("x"), int(label), source=(EVIL, "b")[i % 2], species=EVIL,
            camera=f"c{i % 3}", captured_at=f"2024-08-{1 + i % 5:02}T{6 + i % 7:02}:00:00",
        )
        for i, label in enumerate(labels)
    )  # fmt: skip
    session = {
        "kwh": 0.002, "kg_co2": 0.0001, "seconds": 61.8, "country": EVIL,
        "parts": {"cpu": {"how": "measured"}, "gpu": {"how": "none"}, "memory": {"how": "estimated"}},
    }  # fmt: skip
    return Facts(
        title=f"hornet {EVIL}",
        headline="test",
        qualities={"validation": few, "test": quality, EVIL: few},
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
        precisions={
            "float32": {"file": EVIL, "megabytes": 44.0, "sha256": "e" * 64},
            "int8": {"file": "i", "megabytes": 11.5},
        },
        commands=[f"hornet train data --out {EVIL}"],
        created="2024-09-01 00:00 UTC",
        duration_s=90.0,
        software={"torch": "2.9"},
        licence="Apache-2.0",
        provenance=EVIL,
        rights=["The pictures stay with their authors."],
        warnings=["One camera only.", {"en": "Mind it.", "fr": "Attention."}],
        answers=Answers(records, labels, scores),
        worst=[illustration(EVIL_NAME, 0, 0.99)],
        cells={"tp": [illustration("found.jpg", 1, 0.9)], "fn": []},
        audit=AuditFacts(
            (
                AuditFinding(
                    "burnt-in-text",
                    {"en": f"A date {EVIL}", "fr": f"Une date {EVIL}"},
                    (replace(illustration(EVIL_NAME, None, None), overlay=None, boxes=((0, 0, 0.5, 0.1),)),),
                ),
                AuditFinding("new-kind", EVIL),
            ),
            passed=(f"border {EVIL}",),
        ),
        epochs=[
            {"phase": "head", "epoch": 1.0, "train_loss": 0.7, "validation_loss": 0.6, "lr": 0.001},
            {"phase": "full", "epoch": 1.0, "train_loss": 0.4, "validation_loss": 0.5, "lr": 0.0001},
        ],
        attacks=[
            {
                "attack": EVIL,
                "clean": quality,
                "attacked": [{"epsilon": 2, "quality": few, "accuracy_lost": few["metrics"]["accuracy"]}],
            }
        ],
        rivals={
            "rivals": [
                {"name": EVIL, "quality": quality, "parameters": 1000, "operations": 2e9, "milliseconds": 1.5}
            ]
        },
        energy={"training": [session], "thousand_predictions": session},
    )


class Checker(HTMLParser):
    """Checks that tags are closed in order, and collects their names and what they load."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.loads: list[str] = []
        self.headings: list[str] = []
        self.attributes: set[str] = set()
        self.language: list[str] = []
        self.told: dict[str, Counter[str]] = defaultdict(Counter)

    def handle_starttag(self, tag, attrs):
        """Remember a tag that must be closed, and what it loads."""
        self.handle_startendtag(tag, attrs)
        if tag not in {"meta", "img", "input", "br"}:
            self.open.append(tag)
            self.language.append(dict(attrs).get("class") or "")

    def handle_startendtag(self, tag, attrs):
        """Remember a tag."""
        self.seen.add(tag)
        for language in {"en", "fr"} & set(self.language):
            self.told[language][tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.loads += [value for name, value in attrs if name in {"src", "href", "action"}]
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(tag)

    def handle_endtag(self, tag):
        """Check that the last open tag is closed first."""
        assert tag == self.open.pop()
        self.language.pop()


def read(text):
    """Return what a parser sees."""
    checker = Checker()
    checker.feed(text)
    checker.close()
    return checker


def test_report_is_one_sound_file(facts, tmp_path):
    """The report is well-formed, loads nothing from anywhere, runs one script, its own, and allows no other."""
    path = tmp_path / "run" / "report.html"
    write_report(path, facts)
    text = path.read_text("utf-8")
    seen = read(text)
    allowed = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

    assert [] == seen.open
    assert [] == [load for load in seen.loads if not load.startswith(("data:image/jpeg;base64,", "#"))]
    assert [SCRIPT] == re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'" in text
    )
    assert {"svg", "table", "style", "main", "img", "nav"} <= seen.seen
    assert "url(" not in text
    assert "@import" not in text
    assert "onerror" not in seen.attributes
    assert len(text) < 400_000


def test_headings_and_links(facts):
    """Headings go down one level at a time, every link leads to a section, tables have captions."""
    text = render_report(facts)
    levels = [int(tag[1]) for tag in read(text).headings]

    assert (1, 1) == (levels[0], levels.count(1))
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets == set(re.findall(r'<section id="([^"]+)"', text))
    assert text.count("<table") == text.count("<caption>")
    assert text.count("<img") == len(re.findall(r'<img [^>]*alt="[^"]+"', text)) == 5


def test_report_tells_everything(facts):
    """Verdict, figures, confusion, curves, slices, pictures, thresholds, data, files and repetition are there, twice."""
    text = render_report(facts)
    quality = facts.qualities["test"]
    f1, hits = quality["metrics"]["f1"]["value"], quality["confusion"]["tp"]
    for part in (
        f"{f1:.3f}", f"{f1:.3f}".replace(".", ","), f"<strong>{hits}</strong>",
        "On pictures it has not seen, it finds", "Sur des images qu\N{RIGHT SINGLE QUOTATION MARK}il n",
        "Don&#x27;t believe these figures yet. The audit found: burnt-in text.", "Ne croyez pas encore ces chiffres. L",
        "7 pairs", "0.3000", "0,3000", "12.5%", "f" * 64, "e" * 64, "11,5", "hornet train data --out",
        "1.5\N{NO-BREAK SPACE}min", "One camera only.", "Mind it.", "Attention.", "Vespa crabro", "2/255",
        "61,8\N{NO-BREAK SPACE}s", "Burnt-in text", "Texte incrusté", "Learning rate",
        "prefers-color-scheme: dark", "width=device-width",
    ):  # fmt: skip
        assert part in text


def test_both_languages_tell_the_same(facts):
    """Whatever English shows, French does: as many tables, rows, charts and headings."""
    told = read(render_report(facts)).told

    assert {"table", "tr", "td", "svg", "path", "circle", "p", "li", "h2", "h3"} <= set(told["en"])
    assert told["en"] == told["fr"]


def test_pictures_are_in_the_report_once_and_never_in_the_card(facts):
    """Each picture is embedded once for both languages; the card embeds none."""
    text = render_report(facts)

    assert 5 == text.count("data:image/jpeg;base64,")
    assert '<rect x="0.0" y="0.0" width="50.0" height="10.0"/>' in text
    assert "data:image" not in model_card(facts)
    assert "small copies of pictures" not in render_report(replace(facts, worst=(), cells={}, audit=None))


def test_hostile_text_stays_text(facts):
    """No text from outside becomes markup, in the report or in the card."""
    text = render_report(facts)
    assert 1 == text.count("<script")
    assert "<img src=x" not in text
    assert "&lt;script&gt;" in text
    card = model_card(facts)
    assert "<script" not in card
    assert "\n# heading" not in card


def test_undecodable_names(facts, tmp_path):
    """A file name that is no UTF-8 is shown as an escape."""
    write_report(tmp_path / "r.html", replace(facts, failures=[{"path": "abeill\udce9.jpg", "error": "x"}]))

    assert "abeill\\udce9.jpg" in (tmp_path / "r.html").read_text("utf-8")


def test_the_least_facts():
    """A title and figures are enough; what isn't known is left out, and that nobody audited is said."""
    quality = summarize([1, 0], [0.9, 0.1], threshold=0.5).to_dict()
    least = Facts(title="m", headline="test", qualities={"test": quality})
    text = render_report(least)

    assert "By source" not in text
    assert '<figure class="chart">' not in text
    assert "weren&#x27;t audited" in text
    assert [] == read(text).open
    assert model_card(least).startswith("# m\n")
    assert "By source" not in model_card(least)


def test_a_single_class_and_a_single_epoch(facts):
    """Pictures of one class, and a training of one epoch, break nothing."""
    quality = summarize([0, 0], [0.1, 0.9], threshold=0.5).to_dict()
    records = tuple(Record(name, Path(name), 0) for name in "ab")
    one = replace(
        facts, qualities={"test": quality}, answers=Answers(records, np.zeros(2, int), np.array([0.1, 0.9])),
        epochs=facts.epochs[:1],
    )  # fmt: skip
    text = render_report(one)

    assert [] == read(text).open
    assert 'id="curves"' not in text
    assert 'id="training"' in text


def test_an_operating_point_is_told_with_its_bounds(facts):
    """What calibrate promised, and the expert's work, stand in the report; without it, calibrate is named."""
    share = {"hits": 95, "n": 100, "bound": 0.912}
    point = {
        "recall": share,
        "false_alarms": {"hits": 1, "n": 200, "bound": 0.0235},
        "prevalence": 0.02,
        "unsure": 12.5,
        "alarms": 24.0,
    }
    page = render_report(replace(facts, low=0.5, high=0.5, point=point))

    assert "95 of 100 hornets aren&#x27;t called absent (surely at least 91.2%)" in page
    assert "20 of them with a hornet, 12.5 would be unsure" in page
    assert "One threshold: nothing is unsure." not in page
    assert "One threshold: nothing is unsure." in render_report(replace(facts, low=0.5, high=0.5))


def test_what_the_audit_says_is_set_as_prose(facts):
    """A finding begins with a capital, and flags stand together as code; names with dashes stay as they are."""
    found = AuditFinding(
        "corner", "a corner tells (a--b.jpg): mask it (--mask auto, or `hornet train --mask 0,0,1,0.1`).", ()
    )
    page = render_report(replace(facts, audit=AuditFacts((found,), passed=("the border: nothing.",))))

    assert (
        "<p>A corner tells (a--b.jpg): mask it (<code>--mask</code> auto, or <code>hornet train --mask 0,0,1,0.1</code>).</p>"
        in page
    )
    assert "<li>The border: nothing.</li>" in page


def test_the_card_says_that_nobody_looked_for_shortcuts(facts):
    """A quick audit that found nothing is no clean bill: the card says how little was looked at."""
    cards = [model_card(replace(facts, audit=AuditFacts((), short=short))) for short in (True, False)]

    assert [True, False] == ["Only a quick look" in card for card in cards]
    assert all("Nothing suspicious was found." in card for card in cards)


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


def test_many_slices_and_failures_are_cut(facts):
    """Of many cameras those with the most pictures are shown, of many failures the first, and both say so."""
    labels = np.array([0, 1] * 40)
    records = tuple(
        Record(f"{i}", Path("x"), int(label), camera="busy" if i < 10 else f"camera{i}")
        for i, label in enumerate(labels)
    )
    failures = [{"path": f"broken{i}.jpg", "error": "unreadable"} for i in range(103)]
    text = render_report(replace(facts, answers=Answers(records, labels, labels * 0.5), failures=failures))

    assert '<th scope="row">busy</th><td>10</td>' in text
    assert "Only the 24 with the most pictures are shown, of 71." in text
    assert "broken99.jpg" in text
    assert "broken100.jpg" not in text
    assert "And more: 3." in text
