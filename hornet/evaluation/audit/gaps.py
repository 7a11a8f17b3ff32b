"""The gap: how much better a cheap classifier seems when pictures are split carelessly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.evaluation.audit.findings import Finding
from hornet.evaluation.audit.metadata import moments_of
from hornet.evaluation.audit.scoring import cross_validate, deal, difference, enough, mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.evaluation.audit.features import Sample
    from hornet.evaluation.audit.scoring import Scores

#: Least gap of AUC, at the lower end of its interval, that is worth a finding.
LIMIT: Final = 0.03


def judge_gap(
    samples: Sequence[Sample],
    records: Sequence[Record],
    labels: NDArray[np.int64],
    groups: Sequence[str],
    seed: int,
) -> tuple[Finding, ...]:
    """Score one classifier with pictures split at random, by group, and by all that might be a stricter group.

    Returns:
        A finding if splitting more strictly costs more than it would by chance, with the group to use instead.
    """
    features = np.stack([np.concatenate([each.small, each.colour]) for each in samples])
    ways = {"group": list(groups), **stricter_groups(records, groups)}
    ways = {name: units for name, units in ways.items() if enough(labels, units)}
    if not ways:
        return ()

    def scored(units: Sequence[object]) -> Scores:
        return cross_validate(features, labels, deal(labels, units, seed=seed), mixture)

    random = scored(range(len(labels)))
    scores = {name: scored(units) for name, units in ways.items()}
    areas = {"random": round(random.area(), 4)} | {n: round(s.area(), 4) for n, s in scores.items()}
    worst: dict[str, Any] = {}
    for name, units in ways.items():
        for base_name, base in (("random", random), ("group", scores.get("group"))):
            if base is None or base_name == name:
                continue
            gap = difference(base, scores[name], units, seed=seed)
            if gap.low >= LIMIT and gap.value > worst.get("gap", 0.0):
                worst = {"gap": gap.value, "low": gap.low, "high": gap.high, "from": base_name, "to": name}
    if not worst:
        return ()
    day = _same(groups, [record.source + record.day for record in records])
    facts = {
        **{key: round(value, 4) if isinstance(value, float) else value for key, value in worst.items()},
        "areas": areas,
        "group_is_day": day,
        # Whole days are at least as strict as a camera's days, and easier to keep.
        "proposed": "day"
        if worst["to"] == "camera and day" or (worst["to"] == "group" and day)
        else worst["to"],
        "n": len(labels),
        "units": len(set(ways[worst["to"]])),
    }
    return (Finding("leakage", facts),)


def stricter_groups(records: Sequence[Record], groups: Sequence[str]) -> dict[str, list[str]]:
    """Return groupings that may be stricter than the given one: by day, by camera, by both.

    A picture without a day or camera keeps its group; a grouping that no group has to be joined for, or that joins
    all, is left out.
    """
    days = ["" if moment is None else moment.date().isoformat() for moment in moments_of(records)]
    cameras = [record.camera for record in records]
    wanted = {
        "day": days,
        "camera": cameras,
        "camera and day": [f"{c} {d}" if c and d else "" for c, d in zip(cameras, days, strict=True)],
    }
    result = {}
    for name, titles in wanted.items():
        units = [title or f"group {group}" for title, group in zip(titles, groups, strict=True)]
        if any(titles) and len(set(units)) > 1 and not _same(units, groups):
            result[name] = units
    return result


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two groupings join the same pictures."""
    return len(set(one)) == len(set(other)) == len(set(zip(one, other, strict=True)))
