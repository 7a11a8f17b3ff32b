"""The model card: the same facts as the report, in Markdown, for whoever finds the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.sentences import energy_sentences, licence_sentence
from hornet.evaluation.tables import TITLES, cell, short_cell
from hornet.evaluation.verdict import judge
from hornet.evaluation.words import ENGLISH, Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.evaluation.facts import Facts
    from hornet.evaluation.words import Said

_WORDS: Final = Words(ENGLISH)


def model_card(facts: Facts) -> str:
    """Return the card as Markdown; what comes from outside can't break out of its table or sentence."""
    judged = judge(facts, _WORDS)
    parts = [
        f"# {_line(_WORDS.say(facts.title))}",
        (
            "Tells whether at least one Asian hornet (*Vespa velutina*) is in a picture: `present`, `absent` or "
            "`unsure`."
        ),
        *([f"> **{_line(judged.doubt)}**"] if judged.doubt else []),
        f"**{_line(judged.sentence)}**",
        _line(judged.details),
        *(f"> {_line(_WORDS.say(text))}" for text in facts.warnings),
        "## Figures",
        *(_figures(name, quality) for name, quality in facts.qualities.items()),
        _sources(facts),
        _species(facts),
        _strata(facts),
        "## Thresholds",
        (
            f"Present from {facts.high:.4f} on, absent below {facts.low:.4f}, unsure between. Figures use "
            f"{facts.decision_threshold:.4f}. Temperature {facts.temperature:.4f}."
        ),
        _corruptions(facts),
        _rivals(facts),
        _attacks(facts),
        _data(facts),
        _audit(facts),
        _list("What it can't do", _say(facts.limits)),
        _list("Energy", energy_sentences(facts.energy, _WORDS)),
        _list(
            "Rights",
            [*licence_sentence(facts, _WORDS), *filter(None, [facts.provenance]), *_say(facts.rights)],
        ),
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
        f"{_line(name)}: {quality['n']} pictures, {quality['positives']} with a hornet, {_WORDS.counted('groups', quality['groups'])}. "
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


def _say(texts: Sequence[Said]) -> list[str]:
    return [_WORDS.say(text) for text in texts]


def _audit(facts: Facts) -> str:
    if facts.audit is None:
        return ""
    found = [f"`{_line(one.name)}`: {_line(_WORDS.say(one.sentence))}" for one in facts.audit.findings]
    body = "\n".join(f"- {text}" for text in found) if found else _WORDS("audit.clean")
    quick = f"{_WORDS('audit.short')}\n\n" if facts.audit.short else ""
    return f"## Audit of the pictures\n\n{quick}{body}"


def _species(facts: Facts) -> str:
    if not facts.by_species:
        return ""
    rows = [
        [
            name or "(none)",
            str(one["n"]),
            str(one["groups"]),
            *(_short(one, figure) for figure in ("recall", "false_alarms")),
        ]
        for name, one in facts.by_species.items()
    ]
    head = ["species", "pictures", "groups", TITLES["recall"], TITLES["false_alarms"]]
    return f"By species ({_line(facts.headline)}):\n\n" + _table(head, rows)


def _short(one: Mapping[str, Any], figure: str) -> str:
    return short_cell(one["metrics"][figure]) if figure in one["metrics"] else "-"


def _corruptions(facts: Facts) -> str:
    if facts.corruptions is None:
        return ""
    document, figures = facts.corruptions, ("roc_auc", "f1", "false_alarms")
    lines = {"nothing": document["clean"]["metrics"]}
    lines |= {name: one["mean"] for name, one in document["by_corruption"].items()}
    lines["mean"] = document["mean"]
    rows = [[name, *(short_cell(found[figure]) for figure in figures)] for name, found in lines.items()]
    severities = ", ".join(map(str, document["severities"]))
    opening = f"{document['clean']['n']} pictures, means over severities {severities} of 5."
    return f"## Robustness\n\n{opening}\n\n" + _table(["spoiled by", *(TITLES[f] for f in figures)], rows)


def _rivals(facts: Facts) -> str:
    if facts.rivals is None:
        return ""
    figures = ("roc_auc", "f1", "accuracy")
    rows = [
        [
            one["name"],
            *(short_cell(one["quality"]["metrics"][name]) for name in figures),
            f"{one['milliseconds']:.1f}",
        ]
        for one in facts.rivals["rivals"]
    ]
    head = ["rival", *(TITLES[name] for name in figures), "ms a picture"]
    return "## Rivals on the same test pictures\n\n" + _table(head, rows)


def _attacks(facts: Facts) -> str:
    parts = []
    for document in facts.attacks:
        rows = [["none", *(cell(document["clean"]["metrics"][name]) for name in ("accuracy", "roc_auc"))]]
        rows += [
            [
                f"{one['epsilon']}/255",
                *(cell(one["quality"]["metrics"][name]) for name in ("accuracy", "roc_auc")),
            ]
            for one in document["attacked"]
        ]
        table = _table(["largest change", TITLES["accuracy"], TITLES["roc_auc"]], rows)
        parts.append(f"Attack: {_line(document['attack'])}, {document['clean']['n']} pictures.\n\n{table}")
    return "## Attacked on purpose\n\n" + "\n\n".join(parts) if parts else ""


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
