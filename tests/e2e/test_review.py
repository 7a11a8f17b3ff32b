"""``hornet review`` in a real browser: answers by keyboard, skip, undo, kill -9, languages, phone, themes."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
#: The tiny model is unsure of greys, the more the less red they are; red and blue are clear.
COLOURS = {
    "a": (127, 120, 120),
    "b": (130, 120, 120),
    "c": (134, 120, 120),
    "d": (255, 0, 0),
    "e": (0, 0, 255),
}


@pytest.fixture(scope="module")
def model(make_artifact, tmp_path_factory):
    return make_artifact(tmp_path_factory.mktemp("model") / "tiny.onnx", low=0.4, high=0.6)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of five pictures whose order by doubt is that of their names, and a file that is none."""
    folder = tmp_path / "cam"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (300, 200), colour).save(folder / f"{name}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def start(model, folder):
    """Return a function that starts a review of the folder; it returns the process and its address."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HORNET_")}
    running = []

    def run(*arguments):
        command = [
            sys.executable,
            "-m",
            "hornet",
            "review",
            folder,
            "--model",
            model,
            "--no-browser",
            *arguments,
        ]
        process = subprocess.Popen(
            [str(part) for part in command],
            env=kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def visit(open_guarded, shown):
    """Return a function that opens the page; nothing may complain, nothing may leave this machine."""

    def open_page(address, **settings):
        page = open_guarded(address, timeout=20_000, **{"locale": "en-GB"} | settings)
        shown(page)
        return page

    return open_page


@pytest.fixture
def press(shown):
    """Return a function that presses a key and waits for the picture at a place, or for the end (None)."""

    def press_key(page, key, place):
        page.keyboard.press(key)
        if place is None:
            page.wait_for_selector("#end:not([hidden])")
        else:
            shown(page, place)

    return press_key


def rows(manifest):
    with manifest.open(encoding="utf-8", newline="") as file:
        return [(row["path"], row["label"]) for row in csv.DictReader(file)]


def test_by_keyboard_alone(start, visit, press, shown, folder):
    """Present, absent, skip and undo by single keys; each answer is in the manifest at once; Done ends the command."""
    process, address = start("--json", folder / "told.json")
    page = visit(address)
    manifest = folder / "reviewed.csv"
    press(page, "p", 2)
    first = rows(manifest)
    press(page, "a", 3)
    press(page, "s", 4)
    press(page, "u", 3)
    press(page, "Backspace", 2)
    undone = rows(manifest)
    press(page, "1", 3)
    press(page, "s", 4)
    press(page, "p", 5)
    press(page, "0", None)
    page.get_by_role("button", name="Show the skipped ones again (1)").click()
    shown(page, 3)
    press(page, "a", None)
    page.locator("#end").get_by_role("button", name="Done").click()
    page.get_by_text("You can close this page.").wait_for()
    _, said = process.communicate(timeout=20)

    assert [("a.png", "present")] == first == undone
    assert [
        ("a.png", "present"),
        ("b.png", "present"),
        ("c.png", "absent"),
        ("d.png", "present"),
        ("e.png", "absent"),
    ] == sorted(rows(manifest))
    assert 3 == process.returncode  # a picture that can't be read was told
    assert "not shown:" in said
    assert "5 answers (+5 now): 3 present, 2 absent" in said
    assert f"next: hornet retrain {manifest}" in said
    assert '"present": 3' in (folder / "told.json").read_text()


def test_killed_and_resumed(start, visit, press, folder):
    """After kill -9 every answer is there, and the same command shows what is left; answers can be changed."""
    process, address = start()
    page = visit(address)
    press(page, "p", 2)
    press(page, "a", 3)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    page.keyboard.press("p")
    page.locator("#problem").get_by_text("answer: it has ended").wait_for()
    kept = rows(folder / "reviewed.csv")
    again, address = start()
    other = visit(address)
    place = other.locator("#place").inner_text()
    press(other, "ArrowLeft", 2)
    given = other.locator("#given").inner_text()
    press(other, "p", 3)
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=20)

    assert [("a.png", "present"), ("b.png", "absent")] == kept
    assert ("Picture 3 of 5", "Your answer: no hornet") == (place, given)
    assert [("a.png", "present"), ("b.png", "present")] == rows(folder / "reviewed.csv")
    assert 3 == again.returncode


def test_reasons_map_and_zoom(start, visit):
    """Each picture says why; the map lies exactly over the picture, also zoomed, and goes with the next key."""
    _, address = start()
    page = visit(address)
    reasons = page.locator("#reasons").inner_text()
    size = page.locator("#picture").bounding_box()
    page.keyboard.press("h")
    page.wait_for_selector("#layer:not([hidden])")
    for _ in range(3):
        page.keyboard.press("+")
    boxes = [page.locator(f"#{name}").bounding_box() for name in ("picture", "layer")]
    page.locator("#stage").focus()
    before = page.evaluate("document.querySelector('#stage').scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('#stage').scrollLeft > {before}")
    place = page.locator("#place").inner_text()
    page.keyboard.press("h")
    page.wait_for_selector("#layer", state="hidden")

    assert "The program is unsure about it." == reasons
    assert boxes[0] == boxes[1]
    assert 3 == pytest.approx(boxes[0]["width"] / size["width"], rel=0.01)
    assert "Picture 1 of 5" == place


def test_no_answer_without_a_look(start, visit, press, folder):
    """A picture that is gone can't be answered, only skipped; a held key answers once; single keys can be turned off."""
    _, address = start()
    page = visit(address)
    (folder / "c.png").unlink()
    press(page, "p", 2)
    page.keyboard.press("a")
    page.locator("#blank").wait_for()
    page.keyboard.press("p")
    press(page, "s", 4)
    page.keyboard.press("?")
    page.get_by_label("Single keys answer").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('#place').textContent.startsWith('Picture 3 ')")
    # Held down: the browser repeats the key without an up between.
    press(page, "ArrowRight", 4)
    page.locator("#help-open").click()
    page.get_by_label("Single keys answer").check()
    page.keyboard.press("Escape")
    page.keyboard.down("a")
    page.keyboard.down("a")
    page.wait_for_function("() => document.querySelector('#place').textContent.startsWith('Picture 5 ')")
    page.keyboard.up("a")

    assert [("a.png", "present"), ("b.png", "absent"), ("d.png", "absent")] == sorted(
        rows(folder / "reviewed.csv")
    )


def test_words(start, visit):
    """A French browser begins in French, English is a click away; both languages have the same texts, well set."""
    _, address = start()
    page = visit(address, locale="fr-CH")
    french = page.locator("main").inner_text()
    wrong = page.evaluate("""async () => {
        const { french } = await import('./static/french.js')
        const { english } = await import('./static/english.js')
        const values = { answered: 1, all: 2, present: 1, absent: 1, skipped: 1, number: 1, label: 'present', count: 6, of: 8,
            verdict: 'absent', chance: 'c', share: '9', name: 'n', factor: 1.5, left: 1, message: 'm' }
        const texts = (from) => Object.entries(from).flatMap(([key, text]) =>
            typeof text === 'object' ? texts(text) : [[key, typeof text === 'function' ? text(values) : text]])
        const keys = (from) => texts(from).map(([key]) => key).join()
        return texts(french).filter(([, text]) => /[ \\w][;!?»]|«[^\\u00a0]|[^\\u00a0]:|'|undefined/.test(text) && text !== '?')
            .concat(texts(english).filter(([, text]) => /undefined/.test(text)))
            .concat(keys(french) === keys(english) ? [] : [['keys']])
    }""")
    page.get_by_role("button", name="English").click()

    assert "Pourquoi cette photo" in french
    assert [] == wrong
    assert "Why this picture" in page.locator("main").inner_text()
    assert "Look through pictures" == page.title()


@pytest.mark.parametrize(
    "settings",
    [{"color_scheme": "light"}, PHONE | {"color_scheme": "dark", "locale": "fr-FR"}],
    ids=["desk", "phone"],
)
def test_nothing_stands_in_anybodys_way(start, visit, settings):
    """Axe finds nothing on the sheet, in the help and at the end; at 360 px nothing sticks out and fingers find 44 px."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    _, address = start()
    page = visit(address, **settings)
    found: list[tuple[str, str]] = []
    small: list[str] = []

    def look():
        found.extend(
            (one["id"], one["nodes"][0]["html"][:120]) for one in axe.Axe().run(page).response["violations"]
        )
        small.extend(
            page.evaluate(
                """() => [...document.querySelectorAll('button')].filter(one => one.getClientRects().length
                    && one.getBoundingClientRect().height < 44).map(one => one.id)"""
            )
        )

    page.locator("#heatmap").click()
    page.wait_for_selector("#layer:not([hidden])")
    look()
    page.locator("#help-open").click()
    look()
    page.locator("#help-close").click()
    for _ in COLOURS:
        page.locator("#skip").click()
    page.wait_for_selector("#end:not([hidden])")
    look()

    assert [] == found
    assert [] == small
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_heard(start, visit):
    """What changes is said: what was kept, which picture is next and why; focus stays where it was."""
    _, address = start()
    page = visit(address)
    page.locator("#absent").click()
    page.wait_for_function("() => document.querySelector('#status').textContent.includes('Picture 2')")

    assert (
        "Kept: no hornet. Picture 2 of 5. The program is unsure about it."
        == page.locator("#status").inner_text()
    )
    assert "absent" == page.evaluate("document.activeElement.id")


def test_a_batch(start, visit, press, folder):
    """With --batch a few pictures are shown, and the next batch only when this one has its answers."""
    process, address = start("--batch", 2)
    page = visit(address)
    first = page.locator("#place").inner_text()
    press(page, "p", 2)
    press(page, "p", None)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    _, address = start("--batch", 2)
    page = visit(address)
    tally = page.locator("#tally").inner_text()
    with contextlib.suppress(OSError):
        answered = {path for path, _ in rows(folder / "reviewed.csv")}

    assert "Picture 1 of 2" == first
    assert tally.startswith("0 of 2 pictures answered")
    assert page.locator("#facts bdi").inner_text().rpartition("/")[2] not in answered
