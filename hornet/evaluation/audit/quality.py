"""Single pictures that can't be read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hornet.evaluation.audit.findings import EXAMPLES, Finding, Outcome

if TYPE_CHECKING:
    from hornet.evaluation.audit.evidence import Evidence


def judge_unreadable(evidence: Evidence) -> Outcome:
    """List what can't be decoded, and why."""
    bad = [
        (record.name, look.trace.error)
        for record, look in zip(evidence.records, evidence.looks, strict=True)
        if not look.readable
    ]
    if not bad:
        return Outcome()
    facts = {
        "pictures": len(bad),
        "of": len(evidence.records),
        "reasons": dict(sorted(Counter(error.partition(":")[0] for _, error in bad).items())),
        "examples": [{"path": name, "error": error} for name, error in bad[:EXAMPLES]],
    }
    return Outcome((Finding("unreadable", facts, tuple(name for name, _ in bad[:EXAMPLES])),))
