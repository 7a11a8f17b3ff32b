"""The catalogue of texts, and how each language writes numbers."""

import re
import string
from pathlib import Path

import hornet.evaluation
from hornet.evaluation.metrics import Estimate
from hornet.evaluation.words import TEXTS, WORDS, Words, said, typeset

ENGLISH, FRENCH = Words("en"), Words("fr")
NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
ALIKE = {
    "AUC",
    "F1",
    "test",
    "validation",
    "AUC {auc}.",
    "source",
    "{n} min",
    "{provenance}",
    "Copies",
    "rival",
}


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_say_the_same_with_the_same_fields():
    """Every text is there in both languages, with equal fields, and French isn't a copy of the English."""
    untidy = [text for pair in TEXTS.values() for text in pair if text != " ".join(text.split()) or not text]

    assert [] == untidy
    assert [] == [key for key, (english, french) in TEXTS.items() if fields(english) != fields(french)]
    assert ALIKE == {english for english, french in TEXTS.values() if english == french}


def test_french_is_typeset():
    """No line can break before high punctuation or a per cent sign, and apostrophes are curved."""
    texts = [typeset(french) for _, french in TEXTS.values()]
    bad = re.compile(
        " [;:!?%\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}]|\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK} |'"
    )

    assert [] == [text for text in texts if bad.search(text)]
    assert "Quoi\u202f? «\u00a0Non\u00a0»\u00a0: 5\u00a0%" == typeset("Quoi ? « Non » : 5 %")


def test_every_key_that_is_asked_for_is_there():
    """Keys in the code are keys of the catalogue."""
    asked = set()
    for path in (Path(hornet.evaluation.__file__).parent).rglob("*.py"):
        if path.parent.name != "words":
            asked |= set(re.findall(r"(?:words|w|said)\(\"([a-z_.]+)\"", path.read_text("utf-8")))

    assert len(asked) > 50
    assert set() == asked - set(TEXTS)


def test_numbers():
    """French has decimal commas, thin spaces from 10 000 on, and a space before the per cent sign."""
    assert ("0.984", "0,984") == tuple(w.number(0.984) for w in WORDS)
    assert ("1,234", "1234") == tuple(w.count(1234) for w in WORDS)
    assert ("12,345", f"12{NARROW}345") == tuple(w.count(12345) for w in WORDS)
    assert ("12.5%", f"12,5{NO_BREAK}%") == tuple(w.percent(0.125, 1) for w in WORDS)
    assert ("0%", f"0{NO_BREAK}%") == tuple(w.percent(0.0) for w in WORDS)
    assert f"5{NO_BREAK}à{NO_BREAK}10{NO_BREAK}%" == FRENCH.percents(0.05, 0.1)
    assert f"5%{NO_BREAK}to{NO_BREAK}10%" == ENGLISH.percents(0.05, 0.1)


def test_plurals():
    """Zero is plural in English and singular in French."""
    assert ["0 pictures", "1 picture", "2 pictures"] == [ENGLISH.counted("pictures", n) for n in (0, 1, 2)]
    assert ["0 image", "1 image", "2 images"] == [FRENCH.counted("pictures", n) for n in (0, 1, 2)]


def test_estimates():
    """A figure comes with its interval, or with why there is none."""
    known = Estimate(0.5, 0.25, 0.75, "wilson")

    assert f"0,500 (0,250{NO_BREAK}à{NO_BREAK}0,750)" == FRENCH.estimate(known)
    assert FRENCH.estimate(known) == FRENCH.estimate(known.to_dict())
    assert f"50% (25%{NO_BREAK}to{NO_BREAK}75%)" == ENGLISH.share(known)
    assert "0.500" == ENGLISH.estimate(Estimate(0.5))
    missing = Estimate(None, reason="no picture shows a hornet")
    assert "\N{EN DASH} (aucune image ne montre de frelon)" == FRENCH.estimate(missing)
    assert "\N{EN DASH}" == FRENCH.estimate(missing, brief=True) == FRENCH.share(missing)
    assert "" == FRENCH.estimate(None)


def test_texts_of_others():
    """A text in one language is said in both, one in two in its own."""
    assert "free" == FRENCH.say("free")
    assert "libre" == FRENCH.say({"en": "free", "fr": "libre"})
    assert "free" == FRENCH.say({"en": "free"})
    assert {"en": "Robustness", "fr": "Robustesse"} == said("section.robustness")
