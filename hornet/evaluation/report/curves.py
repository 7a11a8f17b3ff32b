"""Curves over all thresholds: ROC, precision and recall, cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.evaluation.operating_plots import threshold_rates
from hornet.evaluation.report.page import both
from hornet.evaluation.report.svg import Axis, Chart, thin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.evaluation.facts import Facts
    from hornet.evaluation.words import Words


def curves(facts: Facts) -> str:
    """Return ROC, precision and recall, and cost; nothing unless both classes were answered."""
    answers = facts.answers
    if answers is None or len(set(answers.labels.tolist())) == 1:
        return ""
    recall, alarms = threshold_rates(answers.labels, answers.probabilities)
    threshold = facts.qualities[facts.headline]["threshold"]
    called = answers.probabilities >= threshold
    here = (float(called[answers.labels == 0].mean()), float(called[answers.labels == 1].mean()))
    prevalence = float(answers.labels.mean())
    args = (recall, alarms, here, prevalence)

    def render(words: Words) -> str:
        drawn = "".join(draw(words, *args) for draw in (_roc, _precision, _cost))
        return f'<div class="charts">{drawn}</div>'

    return both(render)


def unit_axis(words: Words, label: str) -> Axis:
    """Return an axis from 0 to 1."""
    return Axis(label, 0.0, 1.0, [(value, words.number(value, 1)) for value in (0, 0.2, 0.4, 0.6, 0.8, 1)])


def _roc(
    words: Words, recall: NDArray[Any], alarms: NDArray[Any], here: tuple[float, float], prevalence: float
) -> str:
    del prevalence  # neither axis depends on it
    chart = Chart(
        unit_axis(words, words("axis.alarms")), unit_axis(words, words("axis.recall")), words("roc.label")
    )
    chart.line([(0, 0), (1, 1)], "guide", words("chance"))
    chart.line(
        thin(list(zip(alarms.tolist(), recall.tolist(), strict=True))),
        "a",
        words("all_thresholds"),
        steps=True,
    )
    chart.dot(here, "b", words("in_use"))
    return chart.render(words("roc.title"))


def _precision(
    words: Words, recall: NDArray[Any], alarms: NDArray[Any], here: tuple[float, float], prevalence: float
) -> str:
    def precision(found: Any, wrong: Any) -> Any:
        return prevalence * found / (prevalence * found + (1 - prevalence) * wrong)

    chart = Chart(
        unit_axis(words, words("axis.recall")), unit_axis(words, words("axis.precision")), words("pr.label")
    )
    chart.line([(0, prevalence), (1, prevalence)], "guide", words("chance"))
    points = zip(recall[1:].tolist(), precision(recall[1:], alarms[1:]).tolist(), strict=True)
    chart.line(thin(list(points)), "a", words("all_thresholds"))
    if here[0] or here[1]:
        chart.dot((here[1], precision(here[1], here[0])), "b", words("in_use"))
    return chart.render(words("pr.title"))


def _cost(
    words: Words, recall: NDArray[Any], alarms: NDArray[Any], here: tuple[float, float], prevalence: float
) -> str:
    """Draw Drummond and Holte's (2006) cost curve: a threshold is a line, the best thresholds their lower edge."""
    weight = np.linspace(0, 1, 101)
    best = ((1 - recall)[:, None] * weight + alarms[:, None] * (1 - weight)).min(axis=0)
    used = (1 - here[1]) * weight + here[0] * (1 - weight)
    most = 0.5 if used.max() <= 0.5 else 1.0  # noqa: PLR2004 - what always giving one answer costs at worst
    ticks = [(most * part / 5, words.number(most * part / 5, 1)) for part in range(6)]
    chart = Chart(
        unit_axis(words, words("axis.weight")), Axis(words("axis.cost"), 0, most, ticks), words("cost.label")
    )
    chart.line([(0, 0), (0.5, 0.5), (1, 0)], "guide", words("same_answer"))
    chart.line(list(zip(weight.tolist(), used.tolist(), strict=True)), "b", words("in_use"))
    chart.line(list(zip(weight.tolist(), best.tolist(), strict=True)), "a", words("best_threshold"))
    chart.upright(prevalence, 0, most, "c", words("cost.here", prevalence=words.percent(prevalence)))
    return chart.render(words("cost.title"))
