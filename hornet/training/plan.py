"""What a retraining is asked for, would do, and came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hornet.evaluation.comparison import MARGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hornet.entries import Entry
    from hornet.evaluation.audit import Audit
    from hornet.evaluation.comparison import Comparison
    from hornet.training.earlier import Merged

Layers = Literal["auto", "head", "all"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        start: A run folder, a file of weights, or ``imagenet``; None: the champion's float weights.
        layers: ``head`` keeps the trunk and rehearses with the bank, ``all`` fine-tunes everything; ``auto`` takes
            ``head`` where a bank of the starting weights is there.
        given: Settings of the training that differ from ``DEFAULTS``.
        margin: Largest loss of accuracy that is accepted on a slice.
        dry_run: Whether to stop before anything is trained or written.
    """

    start: str | None = None
    layers: Layers = "auto"
    given: Mapping[str, Any] | None = None
    margin: float = MARGIN
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done.

    Attributes:
        champion: Id of the champion in the registry, or ``packed``.
        weights: Where the challenger starts: ``imagenet`` or a file.
        layers: ``head`` or ``all``.
        merged: New and earlier pictures, split.
        audit: What the quick audit found.
    """

    champion: str
    weights: str
    layers: str
    merged: Merged
    audit: Audit

    def describe(self) -> list[str]:
        """Return what to tell the user, a line each."""
        what = "its head alone, rehearsing with the bank" if self.layers == "head" else "all layers"
        return [
            *(f"warning: {finding.name}: {finding.sentence()}" for finding in self.audit.findings),
            *self.merged.describe(),
            f"champion: {self.champion}; the challenger starts from {Path(self.weights).name} and learns with {what}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        merged = self.merged
        return {
            "champion": self.champion,
            "start": Path(self.weights).name,
            "layers": self.layers,
            "new": merged.added,
            "known": merged.known,
            "earlier": merged.earlier,
            "gone": merged.gone,
            "conflicts": [
                {"path": one.name, "before": one.before, "now": one.now} for one in merged.conflicts
            ],
            "splits": {
                split: {
                    "pictures": len(merged.dataset.subset(split)),
                    "groups": len(set(merged.dataset.subset(split).groups())),
                }
                for split in sorted(set(merged.dataset.splits()))
            },
            "findings": [finding.to_dict() for finding in self.audit.findings],
        }


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """What came of it.

    Attributes:
        plan: What was done.
        promoted: Whether the challenger is the champion now.
        reason: Why, in a sentence.
        entry: The challenger in the registry.
        own: Champion against challenger on the held-out groups.
        earlier: Likewise on the bank's validation part; None where it can't be measured.
    """

    plan: Plan
    promoted: bool
    reason: str
    entry: Entry
    own: Comparison
    earlier: Comparison | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "promoted": self.promoted,
            "reason": self.reason,
            "challenger": self.entry.id,
            "champion": self.plan.champion,
            "plan": self.plan.to_dict(),
            "own": self.own.to_dict(),
            "earlier": None if self.earlier is None else self.earlier.to_dict(),
        }
