"""Words for classes and splits."""

import unicodedata

import pytest

from hornet.dataset.labels import LABEL_WORDS, LABELS, parse_label, parse_split
from hornet.decision import CLASSES


def test_classes_are_those_of_verdicts():
    """Label numbers mean the same in manifests and in verdicts."""
    assert CLASSES == LABELS


@pytest.mark.parametrize("pair", LABEL_WORDS.split(", "))
def test_known_pairs(pair):
    """Each documented pair is understood, whatever its case and surrounding blanks."""
    present, absent = pair.split("/")
    if present == "1":
        assert [1, 0] == [parse_label(present), parse_label(absent)]
        return
    by_name = {parse_label(f" {word.upper()} ") for word in (present, absent)}

    assert {0, 1} == by_name
    assert 1 == parse_label(present)


def test_decomposed_accents():
    """Accents as macOS writes them, as letter and mark, are the same word."""
    decomposed = unicodedata.normalize("NFD", "Présence")

    assert decomposed != "Présence"
    assert 1 == parse_label(decomposed)


@pytest.mark.parametrize("word", ["", "hornets", "vespa", "2", "presenc"])
def test_other_words_are_no_labels(word):
    """What isn't known isn't guessed."""
    assert parse_label(word) is None


@pytest.mark.parametrize(
    ("word", "split"), [("val", "validation"), ("Train", "train"), ("TEST", "test"), ("", ""), ("dev", None)]
)
def test_splits(word, split):
    """Common words for the splits are understood."""
    assert split == parse_split(word)
