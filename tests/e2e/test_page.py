"""The page of ``hornet serve`` in a real browser: upload, languages, keyboard, phone, themes, CSV, history."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
ENGLISH = {"locale": "en-GB"}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
KEY = "correct-horse-battery"
COLOURS = {"present": (255, 0, 0), "absent": (0, 0, 255), "unsure": (90, 90, 90)}
LONG = "a-name-without-any-place-to-break-it-" * 5


@pytest.fixture(scope="module")
def start(make_artifact, tmp_path_factory):
    """Return a function that starts a server with the given variables and returns its address."""
    folder = tmp_path_factory.mktemp("page")
    model = make_artifact(folder / "tiny.onnx", low=0.4, high=0.6)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HORNET_")}
    running = []

    def run(served=model, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "hornet", "serve", "--port", "0", "--model", str(served)],
            env=kept | {"PYTHONPATH": str(ROOT), "HORNET_WORKERS": "1"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().decode().strip()

    yield run
    for process in running:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def address(start):
    """Return the address of a server with a place to report to and a low limit on bytes."""
    return start(HORNET_REPORT_URL="https://example.org/report", HORNET_MAX_PICTURE_BYTES="100000")


@pytest.fixture
def visit(open_guarded, address):
    """Return a function that opens the page as somebody does; nothing may complain, nothing may leave the server."""

    def open_page(url=address, **settings):
        return open_guarded(url, timeout=60_000, allowed=("blob:", "data:"), **ENGLISH | settings)

    return open_page


def picture(name="red.png", colour=(255, 0, 0), size=(60, 40), form="PNG"):
    """Return a plain picture as Playwright hands files over."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form)
    return {"name": name, "mimeType": f"image/{form.lower()}", "buffer": file.getvalue()}


def verdicts():
    """Return a picture for each verdict."""
    return [picture(f"{label}.png", colour) for label, colour in COLOURS.items()]


def give(page, *files):
    """Choose files and wait until all have an answer."""
    page.set_input_files("#files", list(files))
    page.wait_for_selector("#progress", state="hidden")


def cards(page):
    """Return the classes of all cards, in order: verdicts and failures."""
    return [
        name.removeprefix("card ")
        for name in page.eval_on_selector_all(".card", "all => all.map(one => one.className)")
    ]


def test_each_verdict_has_words_and_what_to_do(visit):
    """Present, absent and unsure are said in words, with a probability, a map to slide, and what to do next."""
    page = visit()
    give(page, *verdicts())
    titles = page.locator(".card h3").all_inner_texts()

    assert ["present", "absent", "unsure"] == cards(page)
    assert ["Asian hornet!", "No Asian hornet seen", "Not sure"] == titles
    assert "Chance of a hornet: 50%" in page.locator(".unsure").inner_text()
    assert "more than 99%" in page.locator(".present").inner_text()
    links = page.locator(".card a").all()
    assert ["Report it (new tab)", "Ask or report (new tab)"] == [link.text_content() for link in links]
    assert {"https://example.org/report"} == {link.get_attribute("href") for link in links}
    assert page.locator("#status").inner_text().endswith("All done: 3 pictures.")


def test_what_was_never_seen_gets_a_sentence_and_no_number(
    visit, start, make_artifact, red_and_blue, tmp_path
):
    """A picture unlike anything seen is unsure in plain words, in both languages and in the list; no number beside."""
    model = make_artifact(tmp_path / "m.onnx", novelty=red_and_blue)
    page = visit(start(model))
    give(page, picture("white.png", (255, 255, 255)), picture("red.png"))
    card = page.locator(".card.unsure")

    assert ["unsure", "present"] == cards(page)
    assert "The program has never seen a picture like this one." in card.inner_text()
    assert "%" not in card.inner_text().replace("40% visible", "")
    assert (0, 1) == (card.locator(".meter").count(), page.locator(".present .meter").count())
    page.click("[data-language=fr]")
    assert "image comme celle-ci. Alors il ne " in card.inner_text()
    page.click("#history summary")
    assert "image comme celle-ci" in page.locator("#past").inner_text()


def test_the_map_lies_over_the_picture(visit):
    """The map has the place and size of the picture, and the slider makes it more or less visible, also by keys."""
    page = visit()
    give(page, picture(size=(300, 200)))
    # Both at once: the page may still be scrolling to the answer.
    over, under = page.eval_on_selector_all(
        ".stack img", "all => [...all].reverse().map(one => one.getBoundingClientRect().toJSON())"
    )
    slider = page.get_by_label("Where the program looked")
    slider.focus()
    page.keyboard.press("Home")
    hidden = page.eval_on_selector(".layer", "one => getComputedStyle(one).opacity")
    page.keyboard.press("End")

    assert under == over
    assert ("0", "1") == (hidden, page.eval_on_selector(".layer", "one => getComputedStyle(one).opacity"))
    assert "100% visible" == slider.get_attribute("aria-valuetext")


def test_bad_files_spoil_nothing(visit):
    """What is no picture, or too large, has a card that says so; the others are answered."""
    page = visit()
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    large = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": bytes(100_001)}
    give(page, text, picture(), large)
    words = page.locator(".card").all_inner_texts()

    assert ["failed", "present", "failed"] == cards(page)
    assert "is no picture, or it is damaged" in words[0]
    assert "too large: up to 0 MB and 50 megapixels" in words[2]


def test_many_pictures(visit):
    """Thirty pictures in one go are all answered, in their order, with a count."""
    page = visit()
    colours = [COLOURS["present"], COLOURS["absent"]] * 15
    give(page, *(picture(f"{at}.png", colour, (8, 8)) for at, colour in enumerate(colours)))

    assert ["present", "absent"] * 15 == cards(page)
    assert page.locator("#tally").inner_text().startswith("30 of 30 pictures looked at · Asian hornet: 15")


def test_pasted_and_dropped(visit):
    """A picture that is pasted, or dropped anywhere, is looked at like a chosen one."""
    page = visit()
    page.evaluate("""async () => {
        const canvas = document.createElement('canvas')
        canvas.getContext('2d').fillStyle = 'red'
        canvas.getContext('2d').fillRect(0, 0, 300, 150)
        const blob = await new Promise(resolve => canvas.toBlob(resolve))
        for (const name of ['paste', 'drop']) {
            const data = new DataTransfer()
            data.items.add(new File([blob], name + '.png', { type: 'image/png' }))
            document.body.dispatchEvent(name === 'paste'
                ? new ClipboardEvent(name, { clipboardData: data, bubbles: true })
                : new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }))
        }
    }""")
    page.wait_for_selector("#progress", state="hidden")

    assert ["present", "present"] == cards(page)


def test_a_picture_that_browsers_cant_show(visit):
    """A TIFF is drawn by the server, with its map, where the browser can't show it."""
    page = visit()
    give(page, picture("scan.tif", form="TIFF"))
    page.wait_for_function("() => document.querySelector('.stack img')?.naturalWidth > 100")

    assert ["present"] == cards(page)
    assert "with the places that speak for a hornet" in page.locator(".stack img").get_attribute("alt")


def test_results_as_csv(visit):
    """The file has the columns of predict; a name that a spreadsheet would calculate is only text."""
    page = visit()
    text = {"name": "notes, old.txt", "mimeType": "text/plain", "buffer": b"hello"}
    give(page, picture("=1+1.png"), text)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save results (CSV)").click()
    rows = list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))

    assert ["path", "label", "probability", "error"] == rows[0]
    assert ["'=1+1.png", "present", "0.999955", ""] == rows[1]
    assert ["notes, old.txt", "", ""] == rows[2][:3]
    assert rows[2][3].startswith("unreadable: ")


def test_languages(visit):
    """A French browser begins in French; the switch changes everything at once, and is remembered."""
    page = visit(locale="fr-CH")
    give(page, *verdicts())
    french = page.locator("main").inner_text()
    page.get_by_role("button", name="English").click()
    english = page.locator("main").inner_text()
    page.reload()

    assert "Frelon asiatique\u202f!" in french
    assert re.search("frelon\u00a0: plus de 99[\u00a0\u202f]%", french)  # ICU's versions differ
    assert "Asian hornet!" in english
    assert not set("éèàê") & set(english)
    assert ("en", "Is it an Asian hornet?") == (page.evaluate("document.documentElement.lang"), page.title())


def test_french_typography(visit):
    """No French sentence lets a line break before its punctuation or inside its quotes."""
    page = visit()
    wrong = page.evaluate("""async () => {
        const { french } = await import('/static/french.js')
        const { english } = await import('/static/english.js')
        const values = { days: 3, seconds: 2, megabytes: 32, megapixels: 50, share: '9 %', name: 'n', count: 2, done: 1,
            all: 2, failed: 1, present: 1, unsure: 1, reason: 'r', verdict: 'v', chance: 'c' }
        const texts = (from) => Object.entries(from).flatMap(([key, text]) =>
            typeof text === 'object' ? texts(text) : [[key, typeof text === 'function' ? text(values) : text]])
        const keys = (from) => texts(from).map(([key]) => key).join()
        return texts(french).filter(([, text]) => /[ \\w][;!?»]|«[^\\u00a0]|[^\\u00a0]:|'|undefined/.test(text))
            .concat(keys(french) === keys(english) ? [] : [['keys']])
    }""")

    assert [] == wrong


def test_keyboard_only(visit, tmp_path):
    """By keyboard alone: choose, look, slide, clear; focus is seen and never lost."""
    page = visit()
    # The browser hands over its dialogs once somebody listens, which on a busy machine may be after the key.
    page.on("filechooser", lambda _: None)
    page.locator("body").press("Tab")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.wait_for_function("() => document.activeElement.id === 'files'")
    file = tmp_path / "red.png"
    file.write_bytes(picture()["buffer"])
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(file)
    page.wait_for_selector("#progress", state="hidden")
    outline = page.eval_on_selector("#files + label", "one => getComputedStyle(one).outlineStyle")
    found = []
    for _ in range(7):
        page.keyboard.press("Tab")
        found.append(
            page.evaluate("(document.activeElement.id || document.activeElement.tagName).split('-')[0]")
        )
    page.get_by_role("button", name="Clear results").focus()
    page.keyboard.press("Enter")

    assert "solid" == outline
    assert ["save", "clear", "look", "A", "SUMMARY", "A"] == [name for name in found if name != "camera"][:6]
    assert "files" == page.evaluate("document.activeElement.id")
    assert [] == cards(page)


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_a_phone_needs_no_sideways_scrolling(visit, language):
    """At 360 px nothing sticks out, whatever files are called; whatever is touched has 44 px."""
    page = visit(**PHONE, locale=language)
    give(page, *verdicts(), picture(f"{LONG}.png"))
    page.locator("#history summary").click()
    page.wait_for_selector("#past strong")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, .button, summary, main a, footer a, input[type=range]')]
            .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 44)
            .map(one => one.outerHTML.slice(0, 80))"""
    )

    assert 360 == page.evaluate("document.documentElement.scrollWidth")
    assert [] == small
    assert page.locator("label[for=camera]").is_visible()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_phone_goes_to_the_answers(visit, motion):
    """Whoever chose pictures on a phone sees the first answer without scrolling, and then the first of the next ones."""
    page = visit(**PHONE, reduced_motion=motion)
    for first in (1, 4):
        give(page, *verdicts())
        page.wait_for_function(
            "at => { const { top } = document.querySelectorAll('.card')[at - 1].getBoundingClientRect()\n"
            "        return 0 <= top && top < innerHeight / 2 }",
            arg=first,
        )


@pytest.mark.parametrize(
    ("settings", "paper"),
    [
        ({"color_scheme": "light", "locale": "fr-FR"}, "rgb(253, 252, 250)"),
        (PHONE | {"color_scheme": "dark"}, "rgb(25, 23, 21)"),
    ],
)
def test_nothing_stands_in_anybodys_way(visit, settings, paper):
    """Contrast, names, headings, lists and language marks pass axe's rules, in both themes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(**settings)
    give(page, *verdicts(), {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"})
    page.locator("#history summary").click()
    page.wait_for_selector("#past strong")
    found = axe.Axe().run(page)

    assert [] == [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]
    ]
    assert paper == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_history_stays_in_the_browser_until_deleted(visit):
    """What was looked at is there after a reload, with a small copy, and gone after a click."""
    page = visit()
    give(page, *verdicts())
    page.wait_for_function("() => document.querySelectorAll('#past img').length === 3")
    page.reload()
    page.locator("#history summary").click()
    page.wait_for_selector("#past img")
    kept = page.locator("#past strong").all_inner_texts()
    page.get_by_role("button", name="Delete this list").click()
    page.get_by_text("Nothing yet.").wait_for()
    page.reload()
    page.wait_for_function("() => document.querySelector('#past').textContent")

    assert {"Not sure", "No Asian hornet seen", "Asian hornet!"} == set(kept)
    assert 0 == page.locator("#past img").count()


def test_a_server_with_keys(visit, start):
    """Where a key is needed the page asks for it, says when it's wrong, and goes on by itself with the right one."""
    page = visit(start(HORNET_API_KEYS=KEY))
    page.set_input_files("#files", [picture(), picture("blue.png", (0, 0, 255))])
    for key in ("wrong", KEY):
        page.get_by_label("Key", exact=True).wait_for()
        page.get_by_label("Key", exact=True).fill(key)
        page.keyboard.press("Enter")
        if key == "wrong":
            page.get_by_text("known here. Please check it.").wait_for()
    page.wait_for_selector("#progress", state="hidden")

    assert ["absent", "present"] == sorted(cards(page))
    assert page.locator("#key").is_hidden()


def test_a_server_that_is_gone(visit):
    """When the server can't be reached the card says so, and trying again works once it is back."""
    page = visit()
    page.context.set_offline(True)
    give(page, picture())
    words = page.locator(".card").inner_text()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".card.present")

    assert "Are you online?" in words


def test_was_this_right(visit, start, tmp_path):
    """Where pictures are collected the page says so first, keeps nothing unasked, and takes back what was given."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    folder = tmp_path / "given"

    def kept():
        return sorted(entry.suffix for entry in folder.iterdir() if entry.name != ".lock")

    page = visit(start(HORNET_COLLECT=str(folder), HORNET_COLLECT_DAYS="30"), **PHONE)
    notice = page.locator("#privacy").inner_text()
    give(page, *verdicts())
    unasked = kept()
    page.locator(".present").get_by_role("button", name="No", exact=True).click()
    page.locator(".present").get_by_text("Thank you!").wait_for()
    page.locator(".unsure").get_by_role("button", name="There is a hornet").click()
    page.locator(".unsure").get_by_text("Thank you!").wait_for()
    rows = list(csv.DictReader(io.StringIO((folder / "manifest.csv").read_text())))
    given = kept()
    found = axe.Axe().run(page)
    page.locator(".present").get_by_role("button", name="Delete what I sent").click()
    page.locator(".present").get_by_text("Deleted.").wait_for()
    page.reload()
    page.locator("#history summary").click()
    page.locator("#past").get_by_role("button", name="Delete what I sent").click()
    page.wait_for_function("() => !document.querySelector('#past button')")

    assert "deleted after 30 days" in notice
    assert [] == unasked
    assert ["absent", "present"] == [row["label"] for row in rows]
    assert [".csv", ".png", ".png"] == given
    assert [] == [one["id"] for one in found.response["violations"]]
    assert 360 == page.evaluate("document.documentElement.scrollWidth")
    assert [] == kept()
