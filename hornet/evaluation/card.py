"""The model card: the same facts as the report, in Markdown, for whoever finds the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hornet.evaluation.facts import Facts, count_groups, verdict
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.tables import TITLES, cell, short_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def model_card(facts: Facts) -> str:
    """Return the card as Markdown; what comes from outside can't break out of its table or sentence."""
    parts = [
        f"# {_line(facts.title)}",
        (
            "Tells whether at least one Asian hornet (*Vespa velutina*) is in a picture: `present`, `absent` or "
            "`unsure`."
        ),
        _line(verdict(facts)),
        *(f"> {_line(text)}" for text in facts.warnings),
        "## Figures",
        *(_figures(name, quality) for name, quality in facts.qualities.items()),
        _sources(facts),
        _strata(facts),
        "## Thresholds",
        (
            f"Present from {facts.high:.4f} on, absent below {facts.low:.4f}, unsure between. Figures use "
            f"{facts.decision_threshold:.4f}. Temperature {facts.temperature:.4f}."
        ),
        _data(facts),
        _list("What it can't do", facts.limits),
        _list("Energy", facts.energy),
        _list("Rights", [*filter(None, (facts.licence, facts.provenance)), *facts.rights]),
        _made(facts),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _figures(name: str, quality: Mapping[str, Any]) -> str:
    mark = ""
    if quality["interval"] == UNGROUPED:
        mark = " Ungrouped intervals: fewer than 10 groups, so they are too narrow."
    c = quality["confusion"]
    rows = [[TITLES.get(key, key), cell(estimate)] for key, estimate in quality["metrics"].items()]
    return (
        f"{_line(name)}: {quality['n']} pictures, {quality['positives']} with a hornet, {count_groups(quality)}. "
        f"At {quality['threshold']:.3f}: {c['tp']} found, {c['fn']} missed, {c['fp']} false alarms, "
        f"{c['tn']} rightly absent.{mark}\n\n" + _table(["figure", "value (95 % interval)"], rows)
    )


def _sources(facts: Facts) -> str:
    if not facts.by_source:
        return ""
    figures = ("roc_auc", "f1", "accuracy")
    rows = [
        [
            source or "(none)",
            str(q["n"]),
            str(q["positives"]),
            str(q["groups"]),
            *(short_cell(q["metrics"][f]) for f in figures),
        ]
        for source, q in facts.by_source.items()
    ]
    head = ["source", "pictures", "with a hornet", "groups", *(TITLES[f] for f in figures)]
    return f"By source ({_line(facts.headline)}):\n\n" + _table(head, rows)


def _strata(facts: Facts) -> str:
    within = facts.within_strata
    if within is None:
        return ""
    columns = ", ".join(within["columns"])
    return _line(f"AUC over the {within['pairs']} pairs that agree in {columns}: {cell(within['auc'])}.")


def _data(facts: Facts) -> str:
    if not facts.data:
        return ""
    rows = [[r.source or "(none)", r.split, str(r.present), str(r.absent), str(r.groups)] for r in facts.data]
    text = "## Pictures\n\n" + _table(["source", "split", "with a hornet", "without", "groups"], rows)
    return text + (f"\n\nFingerprint `{_line(facts.fingerprint)}`." if facts.fingerprint else "")


def _made(facts: Facts) -> str:
    commands = (
        "\n".join(["```", *(_line(command) for command in facts.commands), "```"]) if facts.commands else ""
    )
    software = ", ".join(f"{name} {version}" for name, version in facts.software.items())
    made = "; ".join(filter(None, (facts.created, software)))
    body = "\n\n".join(filter(None, (commands, _line(made))))
    return f"## How it was made\n\n{body}" if body else ""


def _list(title: str, texts: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {_line(text)}" for text in texts) if texts else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(
        "| " + " | ".join(_line(text).replace("|", "\\|") for text in line) + " |" for line in lines
    )


def _line(text: str) -> str:
    """Keep a text on one line and its angle brackets from being read as HTML."""
    return re.sub(r"\s+", " ", text).replace("<", "&lt;").strip()
