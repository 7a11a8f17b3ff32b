"""The words for the two classes and the three splits that people use."""

from __future__ import annotations

import unicodedata

from hornet.dataset.records import TEST, TRAIN, VALIDATION

#: Index = class number. The same words as the verdicts'; a test holds the two together.
LABELS = ("absent", "present")

#: Compared without case and composed (NFC).
_LABELS = {
    "absent": 0,
    "absence": 0,
    "no_hornet": 0,
    "pas_frelon": 0,
    "0": 0,
    "present": 1,
    "presence": 1,
    "présence": 1,
    "présent": 1,
    "hornet": 1,
    "frelon": 1,
    "1": 1,
}
_SPLITS = {
    "": "",
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}

#: For messages: what is understood, in the order people look for it.
LABEL_WORDS = "presence/absence, présence/absence, present/absent, hornet/no_hornet, frelon/pas_frelon, 1/0"


def parse_label(text: str) -> int | None:
    """Return the class number of a word, or None if it isn't one of the known words.

    macOS writes accents decomposed, spreadsheets capitalise: neither matters.
    """
    return _LABELS.get(_plain(text))


def parse_split(text: str) -> str | None:
    """Return ``train``, ``validation``, ``test`` or the empty split, or None for another word."""
    return _SPLITS.get(_plain(text))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()
