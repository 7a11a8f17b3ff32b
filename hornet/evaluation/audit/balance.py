"""Too few of a class: in all, or from one source, camera, day or hour, which then tell the label by themselves."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.dataset.labels import LABELS
from hornet.evaluation.audit.findings import EXAMPLES, Finding, Outcome
from hornet.evaluation.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hornet.dataset.records import Record
    from hornet.evaluation.audit.evidence import Evidence

#: Share of the rarer class under which a model that never names it looks good; Google's machine learning course
#: calls the share "moderate" below 20 % and "extreme" below 1 %.
RARE: Final = 0.1
#: A value holds hardly any but one class if the other's share there is surely below this part of its share in all.
LOPSIDED: Final = 0.25


def _hour(record: Record) -> str:
    return f"{record.captured_at[11:13]} h" if len(record.captured_at) > len("2019-09-16") else ""


#: What could tell the label in place of the insect.
COLUMNS: Final[dict[str, Callable[[Record], str]]] = {
    "split": lambda record: record.split,
    "source": lambda record: record.source,
    "camera": lambda record: f"{record.source}/{record.camera}" if record.camera else "",
    "day": lambda record: record.day,
    "hour": _hour,
}


def judge_balance(evidence: Evidence) -> Outcome:
    """Say where a class is too rare. Small numbers prove nothing: bounds of 95 % (Wilson 1927) must hold."""
    labels = evidence.labels()
    total = np.bincount(labels, minlength=2)
    findings = []
    if _surely_below(int(total.min()), int(total.sum()), RARE):
        facts = {"column": None, **dict(zip(LABELS, total.tolist(), strict=True)), "of": len(labels)}
        findings.append(Finding("imbalance", facts))
    for column, key in COLUMNS.items():
        members: dict[str, list[int]] = defaultdict(list)
        for index, record in enumerate(evidence.records):
            if value := key(record):
                members[value].append(index)
        if len(members) > 1 and total.min() > 0:
            findings += _lopsided(evidence, column, members, total / total.sum())
    return Outcome(tuple(findings))


def _lopsided(
    evidence: Evidence, column: str, members: dict[str, list[int]], shares: np.ndarray[Any, Any]
) -> Iterable[Finding]:
    """Yield a finding about the values of a column that hold hardly any but one class."""
    labels = evidence.labels()
    found = []
    for value, indices in members.items():
        counts = np.bincount(labels[indices], minlength=2)
        rare = int((counts / shares).argmin())
        if _surely_below(int(counts[rare]), int(counts.sum()), LOPSIDED * shares[rare]):
            found.append((value, counts, indices))
    if not found:
        return
    found.sort(key=lambda each: (-len(each[2]), each[0]))
    yield Finding(
        "imbalance",
        {
            "column": column,
            "count": len(found),
            "values": [
                {"value": value, **dict(zip(LABELS, counts.tolist(), strict=True))}
                for value, counts, _ in found
            ],
            "pictures": sum(len(indices) for _, _, indices in found),
            "of": len(labels),
        },
        tuple(evidence.records[indices[0]].name for _, _, indices in found[: EXAMPLES // 2]),
    )


def _surely_below(hits: int, n: int, bound: float) -> bool:
    return n > 0 and wilson(hits, n)[1] < bound
