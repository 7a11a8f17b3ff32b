"""One HTML file about a run that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.files import write_atomically
from hornet.evaluation.card import model_card
from hornet.evaluation.facts import DataRow, Facts, count_groups, data_rows, verdict
from hornet.evaluation.metrics import UNGROUPED
from hornet.evaluation.tables import TITLES, cell, short_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["DataRow", "Facts", "data_rows", "model_card", "render_report", "write_report"]

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --mark: #b45309; }
@media (prefers-color-scheme: dark) { :root { --mark: #fbbf24; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.1rem; border-left: .3rem solid var(--mark); background: var(--soft); padding: .7rem 1rem; }
.warning { border-left: .3rem solid var(--mark); padding-left: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th:first-child, td:first-child, .left td { text-align: left; }
caption { text-align: left; padding-bottom: .3rem; }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; }
svg { width: 100%; max-width: 22rem; height: auto; }
svg text { font-size: 11px; fill: currentColor; }
"""


def write_report(path: Path, facts: Facts) -> None:
    """Write the report of a run, whole or not at all.

    Args:
        path: The HTML file.
        facts: What to tell.

    Raises:
        OSError: If it can't be written.
    """
    # File names may hold undecodable bytes as lone surrogates: shown as escapes.
    write_atomically(path, render_report(facts).encode("utf-8", "backslashreplace"))


def render_report(facts: Facts) -> str:
    """Return the report as HTML; everything that comes from outside is escaped."""
    quality = facts.qualities[facts.headline]
    sections = [
        f"<h1>{escape(facts.title)}</h1>",
        f'<p class="verdict">{escape(verdict(facts))}</p>',
        *(f'<p class="warning">{escape(text)}</p>' for text in facts.warnings),
        _figures(facts),
        _confusion(quality),
        _sources(facts.by_source),
        _reliability(facts.reliability),
        _strata(facts.within_strata),
        _operating(facts),
        _data(facts),
        _failures(facts.failures),
        _precisions(facts.precisions),
        _items("What it can't do", facts.limits),
        _items("Rights", [*filter(None, (facts.licence, facts.provenance)), *facts.rights]),
        _repeat(facts),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(facts.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def _figures(facts: Facts) -> str:
    """Return every figure of every set of pictures, the headline's first."""
    names = [facts.headline, *(name for name in facts.qualities if name != facts.headline)]
    figures = list(dict.fromkeys(figure for name in names for figure in facts.qualities[name]["metrics"]))
    rows = []
    for figure in figures:
        cells = [cell(facts.qualities[name]["metrics"].get(figure)) for name in names]
        rows.append([TITLES.get(figure, figure), *cells])
    heads = [f"{name}: {facts.qualities[name]['n']} pictures" for name in names]
    how = "Intervals of 95 % by resampling groups."
    if any(facts.qualities[name]["interval"] == UNGROUPED for name in names):
        ungrouped = [name for name in names if facts.qualities[name]["interval"] == UNGROUPED]
        counts = ", ".join(f"{name} has {count_groups(facts.qualities[name])}" for name in ungrouped)
        how += (
            f" Ungrouped where there are fewer than 10 ({counts}): taken picture by picture, and too narrow."
        )
    return _section("Figures", _table(["figure", *heads], rows), how)


def _confusion(quality: Mapping[str, Any]) -> str:
    c = quality["confusion"]
    rows = [["shows a hornet", str(c["tp"]), str(c["fn"])], ["shows none", str(c["fp"]), str(c["tn"])]]
    head = ["", "called present", "called absent"]
    return _section("What was said", _table(head, rows), f"At the threshold of {quality['threshold']:.3f}.")


def _sources(by_source: Mapping[str, Mapping[str, Any]]) -> str:
    if not by_source:
        return ""
    figures = ("roc_auc", "f1", "recall", "precision", "accuracy")
    rows = []
    for source, quality in by_source.items():
        mark = " (ungrouped)" if quality["interval"] == UNGROUPED else ""
        counts = [str(quality["n"]), str(quality["positives"]), f"{quality['groups']}{mark}"]
        rows.append(
            [source or "(none)", *counts, *(short_cell(quality["metrics"][name]) for name in figures)]
        )
    head = ["source", "pictures", "with a hornet", "groups", *(TITLES[name] for name in figures)]
    return _section("By source", _table(head, rows))


def _reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw how often a hornet was there against the probability; the area of a dot is its pictures."""
    if not bins:
        return ""
    most = max(b["n"] for b in bins)
    dots = [
        f'<circle cx="{_x(b["probability"]):.1f}" cy="{_y(b["frequency"]):.1f}" '
        f'r="{2 + 8 * (b["n"] / most) ** 0.5:.1f}" fill="var(--mark)" fill-opacity=".7">'
        f"<title>{b['n']:.0f} pictures: probability {b['probability']:.3f}, present {b['frequency']:.3f}</title></circle>"
        for b in bins
    ]
    ticks = [
        f'<text x="{_x(t):.1f}" y="274" text-anchor="middle">{t:g}</text>'
        f'<text x="34" y="{_y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        for t in (0, 0.5, 1)
    ]
    drawing = (
        '<svg viewBox="0 0 300 300" role="img" aria-label="Reliability: frequency of presence by probability">'
        f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="currentColor"/>'
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="currentColor" stroke-dasharray="4 4" opacity=".5"/>'
        f"{''.join(ticks)}{''.join(dots)}"
        '<text x="165" y="292" text-anchor="middle">probability of presence</text>'
        '<text x="12" y="135" text-anchor="middle" transform="rotate(-90 12 135)">share with a hornet</text></svg>'
    )
    rows = [
        [
            f"{b['low']:.2f} to {b['high']:.2f}",
            f"{b['n']:.0f}",
            f"{b['probability']:.3f}",
            f"{b['frequency']:.3f}",
        ]
        for b in bins
    ]
    head = ["bin", "pictures", "mean probability", "share with a hornet"]
    numbers = f"<details><summary>The numbers</summary>{_table(head, rows)}</details>"
    how = "On the dashed line a probability of 0.7 means: 7 of 10 such pictures show a hornet."
    return _section("Can the probability be believed?", drawing + numbers, how)


def _strata(within: Mapping[str, Any] | None) -> str:
    if within is None:
        return ""
    columns = ", ".join(within["columns"])
    return _section(
        "Within strata",
        f"<p>AUC over the {within['pairs']} pairs that agree in {escape(columns)}: {escape(cell(within['auc']))}. "
        f"{within['pictures']} pictures have all of these columns.</p>",
    )


def _operating(facts: Facts) -> str:
    rows = [
        ["decision threshold (figures)", f"{facts.decision_threshold:.4f}"],
        ["unsure from", f"{facts.low:.4f}"],
        ["present from", f"{facts.high:.4f}"],
        ["temperature", f"{facts.temperature:.4f}"],
    ]
    if facts.unsure is not None:
        rows.append(["share of unsure verdicts", f"{facts.unsure:.1%}"])
    return _section("Thresholds", _table(["setting", "value"], rows))


def _data(facts: Facts) -> str:
    rows = [
        [r.source or "(none)", r.split or "(none)", str(r.present), str(r.absent), str(r.groups)]
        for r in facts.data
    ]
    if not rows:
        return ""
    table = _table(["source", "split", "with a hornet", "without", "groups"], rows)
    fingerprint = f"<p>Fingerprint <code>{escape(facts.fingerprint)}</code></p>" if facts.fingerprint else ""
    return _section("Pictures", table + fingerprint)


def _failures(failures: Sequence[Mapping[str, str]]) -> str:
    if not failures:
        return ""
    table = _table(["picture", "error"], [[f["path"], f["error"]] for f in failures], left=True)
    return _section("Pictures that could not be read", table, "They are in none of the figures.")


def _precisions(precisions: Mapping[str, Mapping[str, object]]) -> str:
    if not precisions:
        return ""
    keys = list(dict.fromkeys(key for known in precisions.values() for key in known))
    rows = [[name, *(_plain(known.get(key)) for key in keys)] for name, known in precisions.items()]
    return _section("Files", _table(["precision", *keys], rows))


def _repeat(facts: Facts) -> str:
    commands = f"<pre>{escape(chr(10).join(facts.commands))}</pre>" if facts.commands else ""
    rows = [[name, _plain(value)] for name, value in facts.settings.items()]
    settings = _table(["setting", "value"], rows, left=True) if rows else ""
    software = ", ".join(f"{name} {version}" for name, version in facts.software.items())
    duration = "" if facts.duration_s is None else f"training took {facts.duration_s / 60:.1f} min"
    ending = "; ".join(filter(None, (facts.created, duration, software)))
    return _section("How to repeat this run", f"{commands}{settings}<p>{escape(ending)}</p>")


def _items(title: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return _section(title, "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")


def _section(title: str, body: str, how: str = "") -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{f'<p>{escape(how)}</p>' if how else ''}{body}\n</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: bool = False) -> str:
    """Return a table whose cells are escaped; it scrolls by itself where the screen is narrow."""
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    kind = ' class="left"' if left else ""
    return f'<div class="wide" tabindex="0"><table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _plain(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _x(fraction: float) -> float:
    return 40 + 250 * fraction


def _y(fraction: float) -> float:
    return 260 - 250 * fraction
