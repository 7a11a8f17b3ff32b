"""The gap: how much better a classifier that was never tuned seems when pictures are split carelessly."""

from __future__ import annotations

from dataclasses import dataclass
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
    from hornet.evaluation.audit.scoring import Model, Scores

#: Least gap of AUC, at the lower end of its interval, that is worth a finding.
LIMIT: Final = 0.03


@dataclass(frozen=True, slots=True)
class Sight:
    """What a classifier of the gap sees of some pictures, and how it learns.

    Attributes:
        kind: ``classical``, or ``imagenet`` for what an untuned network makes of them.
        features: float32 (N, D).
        model: Learns and judges.
        name: Of the network's weights; empty for classical features.
    """

    kind: str
    features: NDArray[np.float32]
    model: Model
    name: str = ""


def classical(samples: Sequence[Sample]) -> Sight:
    """Return a tiny grey copy and the colours as what a simple model sees."""
    features = np.stack([np.concatenate([each.small, each.colour]) for each in samples])
    return Sight("classical", features, mixture)


def measure_gap(
    sight: Sight, records: Sequence[Record], labels: NDArray[np.int64], groups: Sequence[str], seed: int
) -> dict[str, Any] | None:
    """Score one classifier with pictures split at random, by group, and by all that might be a stricter group.

    Returns:
        The areas; if splitting more strictly costs more than it would by chance, also ``gap`` and its interval, and
        the group to use instead. None if there is too little to split.
    """
    ways = {"group": list(groups), **stricter_groups(records, groups)}
    ways = {name: units for name, units in ways.items() if enough(labels, units)}
    if not ways:
        return None

    def scored(units: Sequence[object]) -> Scores:
        return cross_validate(sight.features, labels, deal(labels, units, seed=seed), sight.model)

    random = scored(range(len(labels)))
    scores = {name: scored(units) for name, units in ways.items()}
    facts: dict[str, Any] = {
        "areas": {"random": round(random.area(), 4)} | {n: round(s.area(), 4) for n, s in scores.items()},
        "features": sight.kind,
        "network": sight.name,
        "n": len(labels),
    }
    worst: dict[str, Any] = {}
    for name, units in ways.items():
        for base_name, base in (("random", random), ("group", scores.get("group"))):
            if base is None or base_name == name:
                continue
            gap = difference(base, scores[name], units, seed=seed)
            if gap.low >= LIMIT and gap.value > worst.get("gap", 0.0):
                worst = {"gap": gap.value, "low": gap.low, "high": gap.high, "from": base_name, "to": name}
    if not worst:
        return facts
    day = _same(groups, [record.source + record.day for record in records])
    return {
        **{key: round(value, 4) if isinstance(value, float) else value for key, value in worst.items()},
        **facts,
        "group_is_day": day,
        # Whole days are at least as strict as a camera's days, and easier to keep.
        "proposed": "day"
        if worst["to"] == "camera and day" or (worst["to"] == "group" and day)
        else worst["to"],
        "units": len(set(ways[worst["to"]])),
    }


def largest(gaps: Sequence[dict[str, Any] | None]) -> tuple[Finding, ...]:
    """Return a finding about the largest gap that is real, if any is; it has the other's figures too."""
    found = [facts for facts in gaps if facts and "gap" in facts]
    if not found:
        return ()
    worst = max(found, key=lambda facts: facts["gap"])
    others = [facts for facts in gaps if facts and facts is not worst]
    return (Finding("leakage", {**worst, "others": others}),)


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
