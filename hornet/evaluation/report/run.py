"""How the model came about and what else was tried: training, robustness, rivals, energy, data, files, repetition."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.report.page import both, items, paragraph, table
from hornet.evaluation.report.svg import Axis, Chart
from hornet.evaluation.sentences import energy_sentences, licence_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.evaluation.facts import Facts
    from hornet.evaluation.words import Words

_FAILURES: Final = 100  # shown
_TICKS: Final = 5
_CORRUPTED: Final = ("roc_auc", "f1", "false_alarms")


def training(facts: Facts) -> str:
    """Return loss, AUC and learning rate by epoch."""
    epochs = facts.epochs
    if not epochs:
        return ""

    def render(words: Words) -> str:
        panels = (
            ("loss", ("train_loss", "validation_loss"), False),
            ("auc", ("validation_auc",), False),
            ("rate", ("lr",), True),
        )
        charts = "".join(_history(words, name, columns, epochs, log=log) for name, columns, log in panels)
        return f'{paragraph(words("training.how"), "quiet")}<div class="charts">{charts}</div>'

    return both(render)


def robustness(facts: Facts) -> str:
    """Return what noise, blur, fog and the like leave of the figures."""
    document = facts.corruptions
    if document is None:
        return ""

    def render(words: Words) -> str:
        clean = document["clean"]
        lines = {words("corruption.none"): clean["metrics"]}
        for name, one in document["by_corruption"].items():
            lines[words(f"corruption.{name}") if words.knows(f"corruption.{name}") else name] = one["mean"]
        lines[words("corruption.mean")] = document["mean"]
        rows = [
            [name, *(words.estimate(found.get(figure), brief=True) for figure in _CORRUPTED)]
            for name, found in lines.items()
        ]
        caption = words(
            "corruption.caption",
            severities=", ".join(map(str, document["severities"])),
            pictures=words.counted("pictures", clean["n"]),
        )
        head = [words("corruption.name"), *(words(f"corruption.{figure}") for figure in _CORRUPTED)]
        return paragraph(words("corruption.how"), "quiet") + table(caption, head, rows)

    return both(render)


def attacks(facts: Facts) -> str:
    """Return what is left of accuracy and AUC under attack."""
    parts = []
    for document in facts.attacks:

        def render(words: Words, document: Mapping[str, Any] = document) -> str:
            clean = document["clean"]
            rows = [[words("attack.none"), *_two(words, clean), ""]]
            rows += [
                [f"{one['epsilon']}/255", *_two(words, one["quality"]), words.estimate(one["accuracy_lost"])]
                for one in document["attacked"]
            ]
            head = [words(f"attack.{name}") for name in ("strength", "accuracy", "auc", "lost")]
            caption = words(
                "attack.caption", attack=document["attack"], pictures=words.counted("pictures", clean["n"])
            )
            return table(caption, head, rows)

        parts.append(both(render))
    if not parts:
        return ""
    return both(lambda words: paragraph(words("attack.how"), "quiet")) + "".join(parts)


def rivals(facts: Facts) -> str:
    """Return the comparison with classic classifiers."""
    document = facts.rivals
    if document is None:
        return ""

    def render(words: Words) -> str:
        standings = sorted(
            document["rivals"], key=lambda one: -(one["quality"]["metrics"]["roc_auc"]["value"] or 0.0)
        )
        rows = [
            [
                words(f"rival.{one['name']}") if words.knows(f"rival.{one['name']}") else one["name"],
                *(
                    words.estimate(one["quality"]["metrics"][name], brief=True)
                    for name in ("roc_auc", "f1", "accuracy")
                ),
                words.count(one["parameters"]),
                words.short(one["operations"] / 1e9),
                words.number(one["milliseconds"], 1),
            ]
            for one in standings
        ]
        head = [
            words(f"rivals.{name}")
            for name in ("name", "auc", "f1", "accuracy", "parameters", "operations", "ms")
        ]
        n = standings[0]["quality"]["n"] if standings else 0
        return table(words("rivals.caption", pictures=words.counted("pictures", n)), head, rows)

    return both(render)


def energy(facts: Facts) -> str:
    """Return energy and CO2."""
    return both(lambda words: items(energy_sentences(facts.energy, words))) if facts.energy else ""


def data(facts: Facts) -> str:
    """Return what the model learned from and was measured on."""
    rows_of = facts.data
    if not rows_of:
        return ""

    def render(words: Words) -> str:
        rows = [
            [
                r.source or words("slice.none"),
                words.split(r.split),
                *map(words.count, (r.present, r.absent, r.groups)),
            ]
            for r in rows_of
        ]
        head = [words(f"data.{name}") for name in ("source", "split", "present", "absent", "groups")]
        return table(words("data.caption"), head, rows)

    return both(render)


def failures(facts: Facts) -> str:
    """Return the pictures that could not be read."""
    if not facts.failures:
        return ""
    rows = [[failure["path"], failure["error"]] for failure in facts.failures[:_FAILURES]]
    more = len(facts.failures) - len(rows)

    def render(words: Words) -> str:
        head = [words("failures.picture"), words("failures.error")]
        text = table(words("failures.caption"), head, rows, kind="left")
        return text + (paragraph(words("failures.more", n=words.count(more))) if more else "")

    return both(render)


def limits(facts: Facts) -> str:
    """Return what the model can't do."""
    return both(lambda words: items(words.say(text) for text in facts.limits)) if facts.limits else ""


def rights(facts: Facts) -> str:
    """Return whose model and pictures these are."""

    def render(words: Words) -> str:
        told = licence_sentence(facts, words)
        told += [words("rights.provenance", provenance=facts.provenance)] if facts.provenance else []
        told += [words.say(text) for text in facts.rights]
        if (
            facts.worst
            or any(facts.cells.values())
            or (facts.audit and any(f.pictures for f in facts.audit.findings))
        ):
            told.append(words("pictures.rights"))
        return items(told) if told else ""

    return both(render) if "<li>" in both(render) else ""


def repeat(facts: Facts) -> str:
    """Return everything that is needed to make this again."""

    def render(words: Words) -> str:
        commands = "\n".join(facts.commands)
        parts = []
        if facts.data and facts.epochs:
            parts.append(paragraph(words("repeat.splits")))
        if commands:
            parts.append(
                f'<pre tabindex="0" role="group" aria-label="{escape(words("repeat.commands"))}">{escape(commands)}</pre>'
            )
        known = [(words("repeat.fingerprint"), facts.fingerprint), (words("repeat.created"), facts.created)]
        if facts.duration_s is not None:
            known.append(
                (words("repeat.duration"), words("minutes", n=words.number(facts.duration_s / 60, 1)))
            )
        known += [
            (f"{each['file']} (SHA-256)", str(each["sha256"]))
            for each in facts.precisions.values()
            if "sha256" in each
        ]
        known += list(facts.software.items())
        rows = [[name, value] for name, value in known if value]
        if rows:
            parts.append(
                table(words("repeat.made"), [words("repeat.what"), words("value")], rows, kind="left")
            )
        if facts.precisions:
            parts.append(_files(words, facts.precisions))
        if facts.settings:
            settings = [[name, _setting(value)] for name, value in facts.settings.items()]
            parts.append(
                table(words("repeat.settings"), [words("setting"), words("value")], settings, kind="left")
            )
        return "".join(parts)

    return both(render)


def _files(words: Words, precisions: Mapping[str, Mapping[str, object]]) -> str:
    keys = [
        key for key in dict.fromkeys(key for known in precisions.values() for key in known) if key != "sha256"
    ]
    rows = [[name, *(words.plain(known.get(key)) for key in keys)] for name, known in precisions.items()]
    heads = [words(f"file.{key}") if words.knows(f"file.{key}") else key for key in keys]
    return table(words("files.caption"), [words("file.precision"), *heads], rows, kind="tight")


def _history(
    words: Words, name: str, columns: Sequence[str], epochs: Sequence[Mapping[str, Any]], *, log: bool
) -> str:
    """Draw one chart of the training; nothing where no epoch has such a number."""
    series = {
        column: [
            (number, float(row[column]))
            for number, row in enumerate(epochs, 1)
            if _is_number(row.get(column))
        ]
        for column in columns
    }
    values = [value for points in series.values() for _, value in points if value > 0 or not log]
    if not values:
        return ""
    last = max(2, len(epochs))
    step = max(1, math.ceil(last / 8))
    ticks = [(float(n), str(n)) for n in range(1, last + 1, step)]
    chart = Chart(
        Axis(words("axis.epoch"), 1, last, ticks),
        _scale(words, words(f"axis.{name}"), values, log=log),
        words(f"training.{name}"),
    )
    for kind, (column, points) in zip("ab", series.items(), strict=False):
        shown = [(x, y) for x, y in points if y > 0 or not log]
        chart.line(shown, kind, words(f"training.{column}"))
        if len(shown) == 1:
            chart.dot(shown[0], kind)
    phases = [row.get("phase") for row in epochs]
    if len(set(phases)) > 1:
        turn = next(n for n, phase in enumerate(phases) if phase != phases[0])
        chart.upright(turn + 0.5, chart.y.low, chart.y.high, "guide", words("training.phases"))
    return chart.render(words(f"training.{name}"))


def _scale(words: Words, label: str, values: Sequence[float], *, log: bool) -> Axis:
    """Return an axis with round ticks around some values."""
    low, high = min(values), max(values)
    if log:
        first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        last = max(last, first + 1)
        return Axis(
            label, 10.0**first, 10.0**last, [(10.0**n, f"1e{n}") for n in range(first, last + 1)], log=True
        )
    spread = max(high - low, 1e-3)
    step = 10.0 ** math.floor(math.log10(spread / _TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if spread / (step * factor) <= _TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(
        label, first * step, max(last, first + 1) * step,
        [(n * step, words.number(n * step, digits)) for n in range(first, max(last, first + 1) + 1)],
    )  # fmt: skip


def _setting(value: object) -> str:
    """Write a setting as it stands in a configuration, in every language."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _two(words: Words, quality: Mapping[str, Any]) -> list[str]:
    return [words.estimate(quality["metrics"][name]) for name in ("accuracy", "roc_auc")]
