"""What an audit hands back: findings with stable names, probes with figures, notes without either. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from hornet.evaluation.audit.sentences import finding_sentence, note_sentence, passed_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "fr"]

#: Names of findings, in the order in which they are listed. Scripts rely on them.
NAMES: Final = (
    "unreadable",
    "duplicate",
    "near-duplicate",
    "label-conflict",
    "leakage",
    "imbalance",
    "metadata",
    "colour",
    "border",
    "corner",
    "blur",
    "burnt-in-text",
)

#: How many pictures a finding or note names as examples; ``facts`` count them all.
EXAMPLES: Final = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should be mended, or known, before anybody believes a figure.

    Attributes:
        name: One of :data:`NAMES`.
        facts: What was counted and measured, as JSON; the sentence is made of it.
        pictures: Names of a few pictures that show it, as in the manifest; at most :data:`EXAMPLES` or so.
    """

    name: str
    facts: Mapping[str, Any]
    pictures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(self.name)

    def sentence(self, language: Language = "en") -> str:
        """Say what was found, where, and what to do next."""
        return finding_sentence(self.name, self.facts, language)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "sentence": self.sentence(),
            "facts": dict(self.facts),
            "pictures": list(self.pictures),
        }


@dataclass(frozen=True, slots=True)
class Probe:
    """How well a poor man's classifier does, that sees only what should tell nothing.

    Attributes:
        name: One of :data:`NAMES`.
        auc: Area under the ROC curve, on groups that it didn't learn from.
        low: Lower end of its interval of 95 %.
        high: Upper end.
        n: Pictures.
        groups: Groups that they lie in.
        found: Whether it does too well: the class can be guessed without looking at the insect.
        chance: What guessing gives.
        facts: Further figures, as JSON.
        pictures: Names of a few pictures that show it.
    """

    name: str
    auc: float
    low: float
    high: float
    n: int
    groups: int
    found: bool
    chance: float = 0.5
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()

    def finding(self) -> Finding:
        """Return what a probe that does too well is listed as."""
        return Finding(self.name, self._facts(), self.pictures)

    def sentence(self, language: Language = "en") -> str:
        """Say what came out of it."""
        return (finding_sentence if self.found else passed_sentence)(self.name, self._facts(), language)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "found": self.found,
            "sentence": self.sentence(),
            **self._facts(),
            "pictures": list(self.pictures),
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "auc": self.auc,
            "low": self.low,
            "high": self.high,
            "chance": self.chance,
            "n": self.n,
            "groups": self.groups,
            **self.facts,
        }


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a look that is no finding: it doesn't count for ``--strict``.

    Attributes:
        kind: ``tiny``, ``blank``, ``dark``, ``bright``, ``blurred``, ``same-moment``, ``file-size`` if that tells
            the label, ``imagenet`` for what untuned ImageNet features tell, or ``left-out`` for a step that wasn't taken.
        facts: What was counted, as JSON. ``left-out`` has ``step``, ``why`` and, in French, ``why_fr``.
        pictures: Names of a few pictures that show it.
    """

    kind: str
    facts: Mapping[str, Any]
    pictures: tuple[str, ...] = ()

    def sentence(self, language: Language = "en") -> str:
        """Say what was seen."""
        return note_sentence(self.kind, self.facts, language)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "kind": self.kind,
            "sentence": self.sentence(),
            "facts": dict(self.facts),
            "pictures": list(self.pictures),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one part of the audit has to say; probes that do too well become findings by themselves."""

    findings: tuple[Finding, ...] = ()
    probes: tuple[Probe, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in a data set.

    Attributes:
        pictures: How many there are.
        present: Pictures with a hornet.
        groups: Groups that they lie in, given or derived.
        splits: Pictures in each split that has any.
        findings: In the order of :data:`NAMES`.
        probes: All of them, whether they found something or not.
        notes: What is no finding.
        short: Whether this is the short form that training takes.
    """

    pictures: int
    present: int
    groups: int
    splits: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    probes: tuple[Probe, ...] = ()
    notes: tuple[Note, ...] = ()
    short: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "probes": [probe.to_dict() for probe in self.probes],
            "notes": [note.to_dict() for note in self.notes],
            "pictures": self.pictures,
            "present": self.present,
            "absent": self.pictures - self.present,
            "groups": self.groups,
            "splits": dict(self.splits),
            "short": self.short,
        }


def collect(outcomes: tuple[Outcome, ...]) -> Outcome:
    """Put the parts' outcomes together: findings in the order of their names, probes that found among them."""
    probes = tuple(probe for outcome in outcomes for probe in outcome.probes)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    findings += [probe.finding() for probe in probes if probe.found]
    return Outcome(
        tuple(sorted(findings, key=lambda each: NAMES.index(each.name))),
        tuple(sorted(probes, key=lambda each: NAMES.index(each.name))),
        tuple(note for outcome in outcomes for note in outcome.notes),
    )
