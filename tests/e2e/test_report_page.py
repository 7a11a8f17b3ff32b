"""The report as people see it: in a browser, on a phone and at a desk, light and dark, in both languages."""

from dataclasses import replace

import pytest

from hornet.classifier import Classifier
from hornet.dataset import load_dataset
from hornet.dataset.drawings import draw
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.facts import AuditFacts, AuditFinding
from hornet.evaluation.gather import facts_of_evaluation
from hornet.evaluation.illustrations import thumbnail
from hornet.evaluation.report import write_report

LONG = "a-name-without-any-place-to-break-it-" * 6


@pytest.fixture(scope="module")
def report(make_artifact, tmp_path_factory):
    """Return a report with every section, on drawn pictures, one of which has a very long name."""
    folder = tmp_path_factory.mktemp("report")
    lines = ["path,label,group,source,camera,species,captured_at"]
    for i in range(24):
        label = ("absent", "present")[i % 2]
        name = f"{i or LONG}.jpg"
        draw(label, seed=i, size=(160, 120)).save(folder / name)
        lines.append(
            f"{name},{label},g{i // 2},s{i % 2},c{i % 3},{label} sp.,2024-08-{1 + i % 9:02}T1{i % 9}:00:00"
        )
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    classifier = Classifier.open(make_artifact(folder / "model.onnx", low=0.4, high=0.6), threads=1)
    dataset = load_dataset(folder / "manifest.csv")
    result = evaluate(classifier, dataset, strata=("camera",), resamples=50)
    facts = facts_of_evaluation(classifier, result, dataset, title="A report", commands=(f"hornet {LONG}",))
    quality = facts.qualities["all"]
    example = thumbnail(dataset.records[0], boxes=[(0.1, 0.1, 0.6, 0.2)])
    assert example is not None
    session = {
        "kwh": 0.1,
        "kg_co2": 0.1,
        "seconds": 3,
        "country": "FRA",
        "parts": {"cpu": {"how": "measured"}},
    }
    lost = {"epsilon": 2, "quality": quality, "accuracy_lost": quality["metrics"]["accuracy"]}
    rival = {"name": LONG, "quality": quality, "parameters": 10, "operations": 1e9, "milliseconds": 2.0}
    facts = replace(
        facts,
        audit=AuditFacts((AuditFinding("burnt-in-text", "A date is burnt in.", (example,)),), ("Border.",)),
        epochs=[
            {"phase": phase, "train_loss": 0.7, "validation_loss": 0.6, "validation_auc": 0.8, "lr": rate}
            for phase, rate in (("head", 0.01), ("full", 0.001))
        ],
        failures=[{"path": LONG, "error": f"unreadable: {LONG}"}],
        attacks=[{"attack": "one step", "clean": quality, "attacked": [lost]}],
        rivals={"rivals": [rival]},
        corruptions={
            "clean": quality, "severities": [1, 2], "mean": quality["metrics"],
            "by_corruption": {"fog": {"mean": quality["metrics"]}},
        },
        energy={"training": [session]},
        settings={"weights": LONG},
        fingerprint="f" * 64,
    )  # fmt: skip
    write_report(folder / "report.html", facts)
    return folder / "report.html"


@pytest.fixture
def visit(browser, report):
    """Return a function that opens the report as somebody does."""
    opened = []

    def open_page(width=360, **settings):
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        opened.append(context)
        page = context.new_page()
        page.goto(report.as_uri())
        return page

    yield open_page
    for context in opened:
        context.close()


def test_every_section_is_there(visit):
    """The page has all of its sections, and each is reached by a link."""
    page = visit(width=1280, locale="en-GB")
    names = page.eval_on_selector_all("section", "all => all.map(one => one.id)")
    links = page.eval_on_selector_all("nav .en a, nav.en a, .en nav a", "all => all.map(one => one.hash)")

    assert 19 == len(names)
    assert [f"#{name}" for name in names] == links


@pytest.mark.parametrize("language", ["English", "Français"])
def test_a_phone_needs_no_sideways_scrolling(visit, language):
    """At 360 px nothing sticks out of the page, whatever files are called; tables scroll by themselves."""
    page = visit(locale="en-GB")
    page.get_by_text(language, exact=True).click()
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")

    assert 360 == page.evaluate("document.documentElement.scrollWidth")
    out = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(one => !one.closest('.wide, pre')
            && one.getBoundingClientRect().right > 361).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert [] == out


@pytest.mark.parametrize(
    ("width", "language", "scheme", "paper"),
    [(1280, "English", "light", "rgb(253, 252, 250)"), (360, "Français", "dark", "rgb(25, 23, 21)")],
)
def test_nothing_stands_in_anybodys_way(visit, width, language, scheme, paper):
    """Contrast, names, headings, tables and language marks pass axe's rules, in both themes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(width=width, color_scheme=scheme, locale="en-GB")
    page.get_by_text(language, exact=True).click()
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
    found = axe.Axe().run(page)

    assert [] == [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]
    ]
    assert paper == page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_language_changes_without_a_script_too(visit, scripts):
    """One language is seen at a time; the switch works by click and by keyboard, with and without scripts."""
    page = visit(locale="en-GB", java_script_enabled=scripts)
    english, french = (
        page.get_by_text("Figures and intervals").last,
        page.get_by_text("Chiffres et intervalles").last,
    )
    assert english.is_visible()
    assert not french.is_visible()
    page.get_by_text("Français", exact=True).click()
    assert french.is_visible()
    assert not english.is_visible()
    page.keyboard.press("ArrowLeft")
    assert english.is_visible()


def test_a_french_browser_begins_in_french(visit):
    """The language of the browser is taken first, and the page says which one it is in."""
    page = visit(locale="fr-FR")

    assert "fr" == page.evaluate("document.documentElement.lang")
    assert page.get_by_text("Pires erreurs").last.is_visible()


def test_nothing_is_fetched_and_nothing_complains(browser, report):
    """The page asks for nothing but itself, and the browser has nothing to say against it."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    context.close()

    assert {"file", "data"} >= set(asked)
    assert [] == said
    assert min(widths) > 100


def test_it_prints(visit):
    """On paper there is one language, black on white, without switch and links."""
    page = visit(width=1280, color_scheme="dark", locale="en-GB")
    page.emulate_media(media="print")

    assert not page.get_by_text("Français", exact=True).is_visible()
    assert not page.locator("nav").first.is_visible()
    assert page.get_by_text("Figures and intervals").last.is_visible()
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert "rgb(28, 25, 23)" == ink
