"""Sections with pictures: the audit, the worst mistakes, examples of each cell."""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from hornet.evaluation.report.page import both, gallery, heading, items, paragraph
from hornet.evaluation.verdict import finding_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.evaluation.facts import AuditFinding, Facts, Illustration
    from hornet.evaluation.words import Said, Words

# Not within a name.
_FLAG: Final = re.compile(r"(?<![\w/-])--[a-z][a-z-]*(?![\w/])")


def audit(facts: Facts) -> str:
    """Return what was found about the pictures, what wasn't, and that nobody looked where nobody did."""
    found = facts.audit
    if found is None:
        return both(lambda words: paragraph(words("audit.none")))
    parts = [both(lambda words: paragraph(words("audit.short"), "quiet"))] if found.short else []
    if not found.findings:
        parts.append(both(lambda words: paragraph(words("audit.clean"))))
    for finding in found.findings:
        parts.append(both(partial(_finding, finding)))
        if finding.pictures:
            parts.append(gallery(finding.pictures, _nothing))
    for key, sentences in (("audit.notes", found.notes), ("audit.passed", found.passed)):
        if sentences:
            parts += [heading(key, "h3"), both(partial(_listed, sentences))]
    return "".join(parts)


def mistakes(facts: Facts) -> str:
    """Return the worst mistakes, the most confident first."""
    if not facts.worst:
        return ""
    return both(
        lambda words: paragraph(words("worst.how")) + paragraph(words("heatmap.how"), "quiet")
    ) + gallery(facts.worst, lambda words, picture: _told(words, picture, facts))


def cells(facts: Facts) -> str:
    """Return examples of each cell of the confusion matrix."""
    shown = [(kind, facts.cells[kind]) for kind in ("tp", "fn", "fp", "tn") if facts.cells.get(kind)]
    if not shown:
        return ""
    parts = [both(lambda words: paragraph(words("cells.how")))]
    for kind, pictures in shown:
        parts.append(heading(f"cells.{kind}", "h3"))
        parts.append(gallery(pictures, lambda words, picture: _told(words, picture, facts)))
    return "".join(parts)


def _listed(sentences: Sequence[Said], words: Words) -> str:
    return items(_shown(words.say(sentence)) for sentence in sentences)


def _finding(finding: AuditFinding, words: Words) -> str:
    title = finding_title(finding.name, words)
    return f"<h3>{escape(title)}</h3>{paragraph(_shown(words.say(finding.sentence)))}"


def _shown(sentence: str) -> str:
    """Return a sentence that follows a name on a terminal as one by itself: a capital, and flags as code."""
    parts = f"{sentence[:1].upper()}{sentence[1:]}".split("`")
    # Every other part is code already.
    parts[::2] = [_FLAG.sub(r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)


def _told(words: Words, picture: Illustration, facts: Facts) -> str:
    """Say what a picture shows and what was said."""
    if picture.probability is None or picture.label is None:
        return ""
    called = picture.probability >= facts.decision_threshold
    kind = ("tn", "fp", "fn", "tp")[2 * picture.label + called]
    return f"{words(f'cell.{kind}')}, {words('probability')} {words.number(picture.probability)}"


def _nothing(words: Words, picture: Illustration) -> str:
    del words, picture
    return ""
