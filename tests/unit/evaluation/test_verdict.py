"""The verdict in a sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornet.dataset import Record
from hornet.evaluation.facts import (
    CAMERA,
    GROUP,
    SOURCE,
    Answers,
    AuditFacts,
    AuditFinding,
    Facts,
    relation_of,
)
from hornet.evaluation.metrics import summarize
from hornet.evaluation.shares import share
from hornet.evaluation.verdict import alarms_a_day, judge, rates_of, spoken, tell
from hornet.evaluation.words import Words

ENGLISH, FRENCH = Words("en"), Words("fr")


def make_facts(labels, scores, *, headline="test", records=None, **more):
    """Return facts of pictures that stand alone."""
    records = records or [Record(f"{i}.jpg", Path(f"{i}.jpg"), label) for i, label in enumerate(labels)]
    answers = Answers(tuple(records), np.array(labels), np.array(scores, dtype=float))
    quality = summarize(labels, scores, threshold=0.5, groups=answers.groups, resamples=200).to_dict()
    return Facts(title="m", headline=headline, qualities={headline: quality}, answers=answers, **more)


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.fixture
def good():
    """Return facts of a model that finds 36 of 40 and raises 3 false alarms in 60."""
    labels = [1] * 40 + [0] * 60
    scores = [0.9] * 36 + [0.1] * 4 + [0.8] * 3 + [0.05] * 57
    return make_facts(labels, scores)


def test_the_sentence_in_both_languages(good):
    """It says on what, how many are found, and how often it cries wolf, with intervals."""
    english, french = (plain(judge(good, words).sentence) for words in (ENGLISH, FRENCH))

    assert english.startswith("On pictures it has not seen, it finds 9 of 10 hornets (")
    assert "and cries wolf on 5 of 100 pictures without one (0% to " in english
    assert french.startswith("Sur des images qu’il n’a jamais vues, il trouve 9 frelons sur 10 (")  # noqa: RUF001
    assert "et crie au loup devant 5 images sans frelon sur 100 (0 à " in french
    assert "100 pictures, 40 with a hornet, 100 groups" in judge(good, ENGLISH).details


@pytest.mark.parametrize(
    ("relation", "words"),
    [
        (CAMERA, "On cameras it has not seen"),
        (SOURCE, "On pictures from sources it has not seen"),
        (GROUP, "On pictures it has not seen"),
        ("chosen", "On the pictures that chose its best epoch"),
        ("learned", "On pictures it learned from, which says nothing about others"),
        ("unknown", "On these pictures, it"),
    ],
)
def test_it_says_what_the_pictures_are(good, relation, words):
    """The opening names how the pictures relate to those learned from."""
    assert judge(replace(good, relation=relation), ENGLISH).sentence.startswith(words)


@pytest.mark.parametrize(
    ("headline", "words"),
    [("validation", "which flatters it"), ("train", "it learned from"), ("all", "On these pictures")],
)
def test_the_split_says_it_where_nothing_else_does(headline, words):
    """Validation pictures are never passed off as unseen ones."""
    assert words in judge(make_facts([1, 1, 0], [0.9, 0.9, 0.1], headline=headline), ENGLISH).sentence


def test_chance_is_called_chance():
    """Where the interval of the AUC holds 0.5, recall isn't praised."""
    generator = np.random.default_rng(0)
    facts = make_facts([0, 1] * 30, generator.uniform(0.4, 1, 60).tolist())
    sentence = judge(facts, ENGLISH).sentence

    assert "nothing shows that it can tell hornets from the rest" in sentence
    assert "finds" not in sentence
    assert "pile ou face" in judge(facts, FRENCH).sentence


def test_a_source_of_chance_is_named(good):
    """One source on which it guesses is told under a good verdict."""
    guess = summarize([0, 1] * 15, [0.5] * 30, threshold=0.5, resamples=50).to_dict()
    facts = replace(good, by_source={"hive <1>": guess, "portal": good.qualities["test"]})

    assert judge(facts, ENGLISH).sentence.endswith(". On pictures of hive <1> its ranking may be chance.")
    assert "its ranking" not in judge(replace(facts, by_source={"hive": guess}), ENGLISH).sentence


def test_an_audit_can_undermine_it(good):
    """Leakage and shortcuts come before the verdict, copies don't."""
    leak = AuditFinding("leakage", {"en": "7 pictures leak.", "fr": "7 images fuient."})
    copies = AuditFinding("duplicate", {"en": "Copies.", "fr": "Copies."})

    assert "" == judge(replace(good, audit=AuditFacts((copies,))), ENGLISH).doubt
    doubted = replace(good, audit=AuditFacts((copies, leak)))
    assert (
        "Don't believe these figures yet. The audit found: leakage between splits."
        == judge(doubted, ENGLISH).doubt
    )
    assert tell(doubted, FRENCH).startswith(
        "Ne croyez pas encore ces chiffres. L\N{RIGHT SINGLE QUOTATION MARK}audit a trouvé"
    )


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([0, 0, 0], [0.1, 0.1, 0.9], "it cries wolf on 1 of 3 pictures without one"),
        ([0, 0, 0], [0.1, 0.1, 0.1], "it cries wolf on none of 3 pictures without one"),
        ([0, 0, 0], [0.9, 0.9, 0.9], "it cries wolf on all 3 pictures without one"),
        ([1, 1, 1], [0.9, 0.9, 0.9], "it finds 3 of 3 hornets"),
        ([1, 1, 1], [0.1, 0.1, 0.1], "it finds none of 3 hornets"),
    ],
)
def test_one_class(labels, scores, words):
    """With one class only what can be counted is said, and that ranking can't be measured."""
    judged = judge(make_facts(labels, scores), ENGLISH)

    assert words in judged.sentence
    assert "ranking can't be measured" in judged.details


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_rounding_never_flatters(counts):
    """What is good is rounded down, what is bad up, and neither by more than two in a hundred."""
    hits, n = counts
    down, up = spoken(hits, n, up=False), spoken(hits, n, up=True)

    assert down[0] / down[1] <= hits / n <= up[0] / up[1]
    assert up[0] / up[1] - down[0] / down[1] <= 0.04 + 1e-12


@pytest.mark.parametrize(
    ("alarms", "words"),
    [(12, "6 times a day"), (4, "twice a day"), (3, "twice a day"), (2, "once a day"), (1, "once in 2 days")],
)
def test_false_alarms_a_day(alarms, words):
    """Where camera and moment are known, it says how often it cries wolf, rounded up."""
    labels = [1] * 10 + [0] * 40
    records = [
        Record(f"{i}", Path(f"{i}"), label, camera="a", captured_at=f"2024-08-0{1 + i % 2}T12:00:00")
        for i, label in enumerate(labels)
    ]
    facts = make_facts(labels, [0.9] * (10 + alarms) + [0.1] * (40 - alarms), records=records)
    judged = judge(facts, ENGLISH)

    assert judged.sentence.endswith(f", {words}.")
    assert "20 pictures without a hornet on average, over 2 such days" in judged.details
    anonymous = replace(facts.answers, records=(replace(records[0], camera=""), *records[1:]))
    assert alarms_a_day(anonymous, 0.5) is None


def test_days_are_explained_only_where_the_sentence_counts_them():
    """Without a false alarm there is none a day, and nothing is said of days."""
    labels = [1] * 10 + [0] * 40
    records = [
        Record(f"{i}", Path(f"{i}"), label, camera="a", captured_at=f"2024-08-0{1 + i % 2}T12:00:00")
        for i, label in enumerate(labels)
    ]
    judged = judge(make_facts(labels, [0.9] * 10 + [0.1] * 40, records=records), ENGLISH)

    assert "a day" not in judged.sentence.lower()
    assert "without a hornet on average" not in judged.details


def test_rates_respect_groups():
    """Pictures of one group count together: its interval is wider than that of independent ones."""
    hit, groups = [True] * 90 + [False] * 10, [i // 10 for i in range(100)]
    grouped, alone = share(hit, [True] * 100, groups), share(hit, [True] * 100, range(100))

    assert grouped.value == alone.value == 0.9
    assert grouped.low is not None
    assert alone.low is not None
    assert grouped.low < alone.low


def test_rates_that_never_err_have_an_interval():
    """Nothing missed in 20 groups isn't taken for certainty, nor in 3."""
    for count in (20, 3):
        never = share([False] * 40, [True] * 40, [i % count for i in range(40)])
        assert never.value == 0
        assert never.high is not None
        assert never.high > 0.05
    assert share([], [], []).value is None


def test_recall_is_that_of_the_figures(good):
    """The verdict's recall and its interval are those of the table below it."""
    quality = summarize(
        good.answers.labels, good.answers.probabilities, threshold=0.5, groups=good.answers.groups
    ).to_dict()

    assert quality["metrics"]["recall"] == rates_of(quality, good.answers).recall.to_dict()


def test_relations():
    """New cameras, new sources, or only new groups; names that are missing prove nothing."""

    def records(*pairs):
        return [Record("n", Path("n"), 1, source=source, camera=camera) for source, camera in pairs]

    learned = records(("a", "1"), ("b", "2"))
    assert CAMERA == relation_of(learned, records(("a", "3")))
    assert SOURCE == relation_of(learned, records(("c", "")))
    assert GROUP == relation_of(learned, records(("a", "1"), ("c", "3")))
    assert GROUP == relation_of(records(("", "")), records(("c", "3")))
