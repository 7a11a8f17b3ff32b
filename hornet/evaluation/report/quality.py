"""How good: figures, confusion matrix, curves, calibration, thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hornet.errors import EmptyClass
from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.operating import recall_threshold
from hornet.evaluation.report.curves import unit_axis
from hornet.evaluation.report.page import both, paragraph, scrolling, table
from hornet.evaluation.report.svg import Chart
from hornet.evaluation.shares import share
from hornet.evaluation.verdict import is_chance, judge, rates_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hornet.evaluation.facts import Answers, Facts
    from hornet.evaluation.metrics import Estimate
    from hornet.evaluation.words import Words

_RECALLS: Final = (0.99, 0.95, 0.9, 0.8)


def verdict(facts: Facts) -> str:
    """Return the top of the page: doubt, verdict, what it rests on, and the figures in large."""
    quality = facts.qualities[facts.headline]

    def render(words: Words) -> str:
        judged = judge(facts, words)
        rates = rates_of(quality, facts.answers)
        area = quality["metrics"]["roc_auc"]
        tiles = [
            (words.count(quality["n"]), words("tile.pictures")),
            (words.count(quality["groups"]), words("tile.groups")),
            (_head(words, area), words("tile.auc.chance" if is_chance(area) else "tile.auc")),
            (_percent(words, rates.recall.value), words("tile.recall")),
            (_percent(words, rates.alarms.value), words("tile.alarms")),
        ]
        if facts.unsure is not None and facts.low < facts.high:
            tiles.append((words.percent(facts.unsure), words("tile.unsure")))
        shown = "".join(f"<li><strong>{escape(value)}</strong>{escape(text)}</li>" for value, text in tiles)
        warnings = "".join(paragraph(words.say(text), "warning") for text in facts.warnings)
        return (
            f'<div class="verdict">{paragraph(judged.doubt, "doubt")}{paragraph(judged.sentence, "sentence")}'
            f'{paragraph(judged.details, "details")}</div>{warnings}<ul class="tiles">{shown}</ul>'
        )

    return both(render)


def figures(facts: Facts) -> str:
    """Return every figure of every set of pictures, the headline's first."""
    names = [facts.headline, *(name for name in facts.qualities if name != facts.headline)]
    keys = list(dict.fromkeys(key for name in names for key in facts.qualities[name]["metrics"]))

    def render(words: Words) -> str:
        rows = [
            [
                _title(words, key),
                *(words.estimate(facts.qualities[name]["metrics"].get(key)) for name in names),
            ]
            for key in keys
        ]
        heads = [
            f"{words.split(name)} ({words.counted('pictures', facts.qualities[name]['n'])})" for name in names
        ]
        how = [words("figures.how")]
        for name in names:
            if facts.qualities[name]["interval"] == UNGROUPED:
                count = words.counted("groups", facts.qualities[name]["groups"])
                how.append(words("figures.ungrouped", name=words.split(name), groups=count))
        return table(words("figures.caption"), [words("figure"), *heads], rows) + paragraph(
            " ".join(how), "quiet"
        )

    return both(render) + _within(facts)


def confusion(facts: Facts) -> str:
    """Return the four counts with the rates of their rows."""
    quality = facts.qualities[facts.headline]
    rates = rates_of(quality, facts.answers)
    c = quality["confusion"]

    def cell(words: Words, kind: str, count: int, rate: Mapping[str, Any]) -> str:
        right = "right" if kind in {"tp", "tn"} else "wrong"
        return (
            f'<td class="{right}"><strong>{words.count(count)}</strong>{escape(words(f"cell.{kind}"))}<br>'
            f"{escape(words.share(rate, 1))}</td>"
        )

    def render(words: Words) -> str:
        present, absent = rates.recall.to_dict(), rates.alarms.to_dict()
        rows = (
            (
                words("shows.present"),
                cell(words, "tp", c["tp"], present),
                cell(words, "fn", c["fn"], _rest(present)),
            ),
            (
                words("shows.absent"),
                cell(words, "fp", c["fp"], absent),
                cell(words, "tn", c["tn"], _rest(absent)),
            ),
        )
        caption = words("confusion.caption", threshold=words.number(quality["threshold"]))
        body = "".join(f'<tr><th scope="row">{escape(name)}</th>{one}{two}</tr>' for name, one, two in rows)
        head = "".join(
            f'<th scope="col">{escape(words(key))}</th>' for key in ("called.present", "called.absent")
        )
        return scrolling(
            caption,
            f'<table class="confusion"><caption><span>{escape(caption)}</span></caption><thead><tr><td></td>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>",
        ) + paragraph(words("confusion.how"), "quiet")

    return both(render)


def calibration(facts: Facts) -> str:
    """Return how often a hornet was there against the probability, as chart and table."""
    bins = facts.reliability
    if not bins:
        return ""

    def render(words: Words) -> str:
        axis = unit_axis(words, words("axis.probability"))
        chart = Chart(axis, unit_axis(words, words("axis.frequency")), words("calibration.label"))
        chart.line([(0, 0), (1, 1)], "guide", words("calibration.ideal"))
        most = max(b["n"] for b in bins)
        rows = []
        for b in bins:
            low, high = wilson(round(b["frequency"] * b["n"]), b["n"])
            chart.upright(b["probability"], low, high, "a thin")
            tip = f"{words.counted('pictures', int(b['n']))}: {words.number(b['frequency'])}"
            chart.dot(
                (b["probability"], b["frequency"]), "a", words("calibration.bin"), tip=tip,
                radius=2.5 + 5 * (b["n"] / most) ** 0.5,
            )  # fmt: skip
            rows.append(
                [
                    words.between(b["low"], b["high"], 2),
                    words.count(b["n"]),
                    words.number(b["probability"]),
                    f"{words.number(b['frequency'])} ({words.between(low, high)})",
                ]
            )
        head = [words(f"calibration.{name}") for name in ("range", "pictures", "mean", "share")]
        numbers = table(words("calibration.caption"), head, rows)
        return (
            f'{paragraph(words("calibration.how"))}<div class="charts">{chart.render(words("calibration.title"))}</div>'
            f"<details><summary>{escape(words('numbers'))}</summary>{numbers}</details>"
        )

    return both(render)


def thresholds(facts: Facts) -> str:
    """Return the operating point, and what other thresholds would have done to the headline's pictures."""
    answers = facts.answers
    chosen = [] if answers is None else [_at(answers, *choice) for choice in _candidates(facts, answers)]

    def render(words: Words) -> str:
        rows = [
            [words("point.decision"), words.number(facts.decision_threshold, 4)],
            [words("point.low"), words.number(facts.low, 4)],
            [words("point.high"), words.number(facts.high, 4)],
            [words("point.temperature"), words.number(facts.temperature, 4)],
        ]
        if facts.unsure is not None:
            rows.append([words("point.unsure"), words.percent(facts.unsure, 1)])
        text = paragraph(words("point.band")) if facts.low != facts.high else ""
        if facts.point is not None:
            text += paragraph(_asked(facts.point, words))
        elif not text:
            text = paragraph(words("point.single"))
        text += table(words("point.caption"), [words("setting"), words("value")], rows)
        return text + (_choices(chosen, words) if chosen else "")

    return both(render)


def _asked(point: Mapping[str, Any], words: Words) -> str:
    """Say what ``hornet calibrate`` found for the point it set: shares with bounds, and the expert's work."""
    recall, alarms = point["recall"], point["false_alarms"]
    return words(
        "point.asked",
        hits=words.count(recall["hits"]),
        hornets=words.count(recall["n"]),
        least=words.percent(recall["bound"], 1),
        alarms=words.count(alarms["hits"]),
        absences=words.count(alarms["n"]),
        most=words.percent(alarms["bound"], 1),
        share=words.short(1000 * point["prevalence"]),
        unsure=words.short(point["unsure"]),
        called=words.short(point["alarms"]),
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a threshold does: shares of hornets, of absences, of alarms that are true, and of all called present."""

    threshold: float
    name: str
    shares: tuple[Estimate, Estimate, Estimate]
    called: float


def _choices(chosen: list[_Choice], words: Words) -> str:
    rows = [
        [
            words.number(one.threshold) + (f" ({words(f'choice.{one.name}')})" if one.name else ""),
            *(words.share(estimate, 1) for estimate in one.shares),
            words.percent(one.called, 1),
        ]
        for one in chosen
    ]
    head = [words(f"choice.{name}") for name in ("threshold", "recall", "alarms", "precision", "called")]
    return table(words("choice.caption"), head, rows) + paragraph(words("choice.how"), "quiet")


def _candidates(facts: Facts, answers: Answers) -> list[tuple[float, str]]:
    """Return thresholds worth a look, ascending, and a name for those in use."""
    used = {facts.decision_threshold: "decision"}
    if facts.low != facts.high:
        used |= {facts.low: "low", facts.high: "high"}
    try:
        asked = [recall_threshold(answers.labels, answers.probabilities, target) for target in _RECALLS]
    except EmptyClass:
        asked = [0.1, 0.25, 0.5, 0.75, 0.9]
    return sorted({**dict.fromkeys(asked, ""), **used}.items())


def _at(answers: Answers, threshold: float, name: str) -> _Choice:
    called, present, groups = answers.probabilities >= threshold, answers.labels == 1, answers.groups
    shares = (share(called, present, groups), share(called, ~present, groups), share(present, called, groups))
    return _Choice(threshold, name, shares, float(called.mean()))


def _within(facts: Facts) -> str:
    within = facts.within_strata
    if within is None:
        return ""
    return both(
        lambda words: paragraph(
            words(
                "strata", columns=", ".join(_column(words, name) for name in within["columns"]), pairs=words.count(within["pairs"]),
                auc=words.estimate(within["auc"]), pictures=words.count(within["pictures"]),
            )
        )
    )  # fmt: skip


def _column(words: Words, name: str) -> str:
    return words(f"slice.{name}") if words.knows(f"slice.{name}") else name


def _title(words: Words, metric: str) -> str:
    return words(f"metric.{metric}") if words.knows(f"metric.{metric}") else metric


def _rest(rate: Mapping[str, Any]) -> dict[str, Any]:
    """Return the estimate of the other part of a whole."""
    if rate["value"] is None:
        return dict(rate)
    low, high = (None if rate[end] is None else 1 - rate[end] for end in ("high", "low"))
    return {"value": 1 - rate["value"], "low": low, "high": high}


def _head(words: Words, estimate: Mapping[str, Any]) -> str:
    return "\N{EN DASH}" if estimate["value"] is None else words.number(estimate["value"])


def _percent(words: Words, value: float | None) -> str:
    return "\N{EN DASH}" if value is None else words.percent(value)
