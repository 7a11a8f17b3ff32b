"""The headline's figures by source, species, camera, day and hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.dataset.records import parse_time
from hornet.evaluation.intervals import group_numbers, newcombe_auc
from hornet.evaluation.metrics import MIN_GROUPS, Estimate
from hornet.evaluation.ranking import weighted_ranking
from hornet.evaluation.report.page import both, paragraph, table
from hornet.evaluation.shares import share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hornet.dataset.records import Record
    from hornet.evaluation.facts import Answers, Facts
    from hornet.evaluation.words import Words

_MOST: Final = 24  # slices a table
_FOLDED: Final = frozenset(("day", "hour"))


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of the pictures that have one thing in common.

    Attributes:
        name: What they have in common; empty: it isn't stated.
        n: Pictures.
        present: Those with a hornet.
        groups: Groups.
        recall: Hornets found.
        alarms: False alarms among absences.
        auc: Area under the ROC curve; its interval takes pictures as independent.
    """

    name: str
    n: int
    present: int
    groups: int
    recall: Estimate
    alarms: Estimate
    auc: Estimate


def _hour(record: Record) -> str:
    """Return the hour; nothing if only the day is known."""
    text = record.captured_at
    return f"{parse_time(text).hour:02d} h" if ":" in text[len("2019-09-16") :] else ""


COLUMNS: Final[Mapping[str, Callable[[Record], str]]] = {
    "source": lambda record: record.source,
    "species": lambda record: record.species,
    "camera": lambda record: record.camera,
    "day": lambda record: record.day,
    "hour": _hour,
}


def slices(facts: Facts) -> str:
    """Return a table for every column that tells the headline's pictures apart."""
    answers = facts.answers
    if answers is None:
        return _known_sources(facts)
    threshold = facts.qualities[facts.headline]["threshold"]
    counts = {name: len({column(record) for record in answers.records}) for name, column in COLUMNS.items()}
    found = {
        name: (slice_by(answers, COLUMNS[name], threshold), count)
        for name, count in counts.items()
        if count > 1
    }
    if not found:
        return ""

    def render(words: Words) -> str:
        return paragraph(words("slices.how"), "quiet") + "".join(
            _part(words, name, *parts) for name, parts in found.items()
        )

    return both(render)


def slice_by(answers: Answers, column: Callable[[Record], str], threshold: float) -> list[Slice]:
    """Measure the pictures that agree in a column, for the values that most pictures have; sorted by value."""
    names = [column(record) for record in answers.records]
    most = {name for name, _ in Counter(names).most_common(_MOST)}
    groups = np.array(answers.groups, dtype=object)
    called = answers.probabilities >= threshold
    result = []
    for name in sorted(most):
        inside = np.array([other == name for other in names])
        labels, scores, own = answers.labels[inside], answers.probabilities[inside], groups[inside].tolist()
        result.append(
            Slice(
                name=name,
                n=len(labels),
                present=int(labels.sum()),
                groups=group_numbers(own)[1],
                recall=share(called[inside], labels == 1, own),
                alarms=share(called[inside], labels == 0, own),
                auc=_area(labels, scores),
            )
        )
    return result


def _area(labels: np.ndarray, scores: np.ndarray) -> Estimate:
    present = int(labels.sum())
    if present in {0, len(labels)}:
        return Estimate(None, reason="all pictures are of one class")
    once = np.ones((1, len(labels)))
    area, _ = weighted_ranking(labels.astype(np.float64), scores, np.arange(len(labels)), once)
    value = float(area[0])
    return Estimate(value, *newcombe_auc(value, present, len(labels) - present), "newcombe")


def _part(words: Words, column: str, parts: list[Slice], everything: int) -> str:
    """Return a column's table, folded away where it is long by nature."""
    html = _table(words, column, parts, everything)
    if column not in _FOLDED:
        return html
    title = words("slice.folded", column=words(f"slice.{column}"), n=words.count(everything))
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def _table(words: Words, column: str, parts: list[Slice], everything: int) -> str:
    rows = [
        [
            part.name or words("slice.none"),
            words.count(part.n),
            words.count(part.present),
            words.count(part.groups) + ("*" if part.groups < MIN_GROUPS else ""),
            words.share(part.recall),
            words.share(part.alarms),
            words.estimate(part.auc, brief=True),
        ]
        for part in parts
    ]
    head = [
        words(f"slice.{name}")
        for name in (column, "pictures", "present", "groups", "recall", "alarms", "auc")
    ]
    text = table(words("slice.caption", column=words(f"slice.{column}")), head, rows)
    if everything > len(parts):
        text += paragraph(
            words("slice.more", shown=words.count(len(parts)), all=words.count(everything)), "quiet"
        )
    return text


def _known_sources(facts: Facts) -> str:
    """Return the figures by source where the single answers aren't known."""
    if not facts.by_source:
        return ""

    def render(words: Words) -> str:
        rows = [
            [
                source or words("slice.none"),
                words.count(quality["n"]),
                words.count(quality["positives"]),
                words.count(quality["groups"]) + ("*" if quality["groups"] < MIN_GROUPS else ""),
                words.share(quality["metrics"]["recall"]),
                words.estimate(quality["metrics"]["roc_auc"], brief=True),
            ]
            for source, quality in facts.by_source.items()
        ]
        head = [
            words(f"slice.{name}") for name in ("source", "pictures", "present", "groups", "recall", "auc")
        ]
        return paragraph(words("slices.how"), "quiet") + table(
            words("slice.caption", column=words("slice.source")), head, rows
        )

    return both(render)
