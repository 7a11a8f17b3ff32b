"""How good a model is, in a sentence for people who keep bees: true, computed, and never rounded in its favour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.records import TRAIN, VALIDATION
from hornet.evaluation.facts import CHOSEN, GROUP, LEARNED, UNKNOWN
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.shares import counted_share, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hornet.evaluation.facts import Answers, Facts
    from hornet.evaluation.metrics import Estimate
    from hornet.evaluation.words import Words

#: Findings of an audit that make figures worthless: the answer can be had, or was had, without looking at the insect.
UNDERMINING: Final = frozenset(
    ("leakage", "label-conflict", "metadata", "colour", "border", "corner", "blur", "burnt-in-text")
)
_FEW: Final = 20  # up to here counts are said as they are
_ROUNDING: Final = 0.02  # what a rounded share may differ
_NEGLIGIBLE: Final = 0.01  # share of pictures up to which a finding doesn't change much
_CHANCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report says on top.

    Attributes:
        doubt: Why the figures shouldn't be believed yet; empty if nothing is known against them.
        sentence: The verdict.
        details: What it rests on.
    """

    doubt: str
    sentence: str
    details: str


@dataclass(frozen=True, slots=True)
class Rates:
    """Recall and false alarms.

    Attributes:
        recall: Share of hornets that were found.
        alarms: Share of absences that were called present.
        confusion: The four counts.
    """

    recall: Estimate
    alarms: Estimate
    confusion: Mapping[str, int]


def rates_of(quality: Mapping[str, Any], answers: Answers | None = None) -> Rates:
    """Return both rates at the quality's threshold, by groups where the answers are known."""
    c = quality["confusion"]
    if answers is None:
        return Rates(counted_share(c["tp"], c["tp"] + c["fn"]), counted_share(c["fp"], c["fp"] + c["tn"]), c)
    called, groups = answers.probabilities >= quality["threshold"], answers.groups
    recall, alarms = (share(called, answers.labels == label, groups) for label in (1, 0))
    return Rates(recall, alarms, c)


def judge(facts: Facts, words: Words) -> Verdict:
    """Put the headline's figures into words."""
    quality = facts.qualities[facts.headline]
    rates = rates_of(quality, facts.answers)
    opening = words(f"opening.{relation(facts)}")
    area = quality["metrics"]["roc_auc"]
    if is_chance(area):
        low, high = (area["value"] if area[end] is None else area[end] for end in ("low", "high"))
        bounds = words.between(low, high)
        sentence = words("verdict.chance", opening=opening, auc=words.number(area["value"]), interval=bounds)
    else:
        daily = alarms_a_day(facts.answers, quality["threshold"])
        parts = [part for part in (_finds(rates, words), _cries(rates, daily, words)) if part]
        told = parts[0] if len(parts) == 1 else words("verdict.and", first=parts[0], second=parts[1])
        sentence = " ".join([words("verdict.sentence", opening=opening, parts=told), *_weak(facts, words)])
    return Verdict(_doubt(facts, words), sentence, _details(facts, words))


def tell(facts: Facts, words: Words) -> str:
    """Return the whole verdict as one text."""
    judged = judge(facts, words)
    return " ".join(filter(None, (judged.doubt, judged.sentence, judged.details)))


def relation(facts: Facts) -> str:
    """Return how the headline's pictures relate to what was learned from; see ``Facts.relation``."""
    return facts.relation or {VALIDATION: CHOSEN, TRAIN: LEARNED, "all": UNKNOWN}.get(facts.headline, GROUP)


def is_chance(area: Mapping[str, Any]) -> bool:
    """Tell whether an AUC may be that of tossing a coin, or is worse."""
    if area["value"] is None:
        return False
    return bool((area["value"] if area["low"] is None else area["low"]) <= _CHANCE)


def spoken(hits: int, n: int, *, up: bool) -> tuple[int, int]:
    """Return a share as people say it, such as 9 of 10.

    Args:
        hits: How many.
        n: Of how many, at least 1.
        up: Round up, as for what is bad; else down, as for what is good.

    Returns:
        Two counts whose ratio is at most 0.02 away, on the modest side; those given where there are fewer than 20.
    """
    if n < _FEW or hits in {0, n}:
        return hits, n
    for whole in (10, 100, 1000):
        part = -(-hits * whole // n) if up else hits * whole // n
        if 0 < part < whole and abs(part / whole - hits / n) <= _ROUNDING:
            return part, whole
    return hits, n


@dataclass(frozen=True, slots=True)
class Daily:
    """What a camera does on a day.

    Attributes:
        alarms: False alarms.
        empty: Pictures without a hornet.
        days: Days of one camera that were counted.
    """

    alarms: float
    empty: float
    days: int


def alarms_a_day(answers: Answers | None, threshold: float) -> Daily | None:
    """Count false alarms on a camera's day; None unless camera and moment of every picture are known.

    Photos that people take say nothing about how many a camera would take, so a camera has to be named.
    """
    if answers is None or not all(record.camera and record.captured_at for record in answers.records):
        return None
    days = {(record.camera, record.day) for record in answers.records}
    empty = answers.labels == 0
    alarms = int((empty & (answers.probabilities >= threshold)).sum())
    return Daily(alarms / len(days), int(empty.sum()) / len(days), len(days)) if empty.any() else None


def _finds(rates: Rates, words: Words) -> str:
    c = rates.confusion
    if not (n := c["tp"] + c["fn"]):
        return ""
    return _counted("finds", c["tp"], n, rates.recall, words, up=False)


def _cries(rates: Rates, daily: Daily | None, words: Words) -> str:
    c = rates.confusion
    if not (n := c["fp"] + c["tn"]):
        return ""
    counted = _counted("cries", c["fp"], n, rates.alarms, words, up=True)
    return (
        counted
        if daily is None or not c["fp"]
        else words("verdict.daily", often=_often(daily.alarms, words), counted=counted)
    )


def _counted(what: str, hits: int, n: int, rate: Estimate, words: Words, *, up: bool) -> str:
    part, whole = spoken(hits, n, up=up)
    kind = "none" if not hits else "all" if hits == n else "one" if part == 1 else "some"
    low, high = rate.low, rate.high
    bounds = "" if low is None or high is None else f" ({_outward(low, high, words)})"
    return words(f"verdict.{what}.{kind}", k=words.count(part), m=words.count(whole)) + bounds


def _outward(low: float, high: float, words: Words) -> str:
    """Write an interval of shares in whole percent, rounded outwards."""
    # What floating point adds to 0.29 * 100 must not make it 30.
    return words.percents(math.floor(100 * low + 1e-9) / 100, math.ceil(100 * high - 1e-9) / 100)


def _often(a_day: float, words: Words) -> str:
    """Say how often something happens; rounded up."""
    if a_day <= _CHANCE:
        return words("often.days", n=words.count(math.floor(1 / a_day)))
    times = math.ceil(a_day - 1e-9)
    key = {1: "often.once", 2: "often.twice"}.get(times, "often.times")
    return words(key, n=words.count(times))


def _doubt(facts: Facts, words: Words) -> str:
    if facts.audit is None:
        return ""
    kinds = [
        finding_title(found.name, words)
        for found in facts.audit.findings
        if found.name in UNDERMINING and found.share > _NEGLIGIBLE
    ]
    return (
        words("verdict.doubt", kinds=", ".join(f"{kind[:1].lower()}{kind[1:]}" for kind in kinds))
        if kinds
        else ""
    )


def finding_title(name: str, words: Words) -> str:
    """Return what a finding is called in a heading."""
    return words(f"audit.{name}") if words.knows(f"audit.{name}") else name


def _weak(facts: Facts, words: Words) -> list[str]:
    """Name the sources on which the ranking may be chance, if the whole hides them."""
    weak = [
        name
        for name, one in facts.by_source.items()
        if one["n"] >= _FEW and is_chance(one["metrics"]["roc_auc"])
    ]
    return [words("verdict.weak", names=", ".join(weak))] if weak and len(facts.by_source) > 1 else []


def _details(facts: Facts, words: Words) -> str:
    quality = facts.qualities[facts.headline]
    area = quality["metrics"]["roc_auc"]
    parts = [
        words(
            "verdict.counts",
            pictures=words.counted("pictures", quality["n"]),
            present=words.count(quality["positives"]),
            groups=words.counted("groups", quality["groups"]),
        ),
        words("verdict.one_class")
        if area["value"] is None
        else words("verdict.auc", auc=words.estimate(area)),
        words("verdict.threshold", threshold=words.number(quality["threshold"])),
        words("verdict.ungrouped" if quality["interval"] == UNGROUPED else "verdict.grouped"),
    ]
    if relation(facts) == UNKNOWN:
        parts.append(words("verdict.unknown"))
    daily = alarms_a_day(facts.answers, quality["threshold"])
    # Only where the sentence speaks of days.
    if daily is not None and daily.alarms and not is_chance(area):
        parts.append(words("verdict.day", empty=words.short(daily.empty), days=words.count(daily.days)))
    return " ".join(parts)
