"""What a report and a model card are made from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.records import SPLITS
from hornet.evaluation.words import Said, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hornet.dataset.records import Dataset, Record
    from hornet.images import Box

#: What no model of this kind can do; cards and reports say so unless they are given other words.
LIMITS: Final[tuple[Said, ...]] = tuple(
    said(f"limit.{name}") for name in ("whole", "small", "elsewhere", "strange", "nest")
)

#: How the headline's pictures relate to those that the model learned from.
CAMERA, SOURCE, GROUP, CHOSEN, LEARNED, UNKNOWN = "camera", "source", "group", "chosen", "learned", "unknown"


@dataclass(frozen=True, slots=True)
class DataRow:
    """How many pictures of one source are in one split."""

    source: str
    split: str
    present: int
    absent: int
    groups: int


@dataclass(frozen=True, slots=True)
class Answers:
    """The headline's pictures one by one.

    Attributes:
        records: The pictures.
        labels: What they show, shape (N,).
        probabilities: Of presence, shape (N,).
    """

    records: tuple[Record, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def groups(self) -> list[str]:
        """The group of each picture; one without is its own."""
        return [record.group or record.name for record in self.records]


@dataclass(frozen=True, slots=True)
class Illustration:
    """One picture as a report shows it. Never part of a model card.

    Attributes:
        name: Of its file, as the manifest has it.
        label: What it shows, 0 or 1; None where that isn't the point.
        probability: Of presence; None where that isn't the point.
        image: A small JPEG.
        overlay: The same with the heatmap over it, a JPEG; None without one.
        size: Width and height of both, px.
        about: Species, source, camera, moment: what is known of it.
        boxes: Rectangles to draw over it, as fractions x0 y0 x1 y1.
    """

    name: str
    label: int | None
    probability: float | None
    image: bytes
    overlay: bytes | None
    size: tuple[int, int]
    about: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something suspicious about the pictures.

    Attributes:
        name: Stable name, such as ``leakage``.
        sentence: What it is.
        pictures: Examples.
        share: Of the pictures that it touches, 0 to 1; 1 if it touches all, or nobody knows.
    """

    name: str
    sentence: Said
    pictures: tuple[Illustration, ...] = ()
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """What looking for faults and shortcuts in the pictures found.

    Attributes:
        findings: What was found.
        passed: What was looked for and not found.
        notes: What is worth a look, and what was left out.
        short: Only the quick parts were done, as at the start of a training.
    """

    findings: tuple[AuditFinding, ...]
    passed: tuple[Said, ...] = ()
    notes: tuple[Said, ...] = ()
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is told about a trained model. Only title, headline and qualities must be there.

    Attributes:
        title: Name of the model.
        headline: Key of ``qualities`` that the verdict sentence speaks of, such as ``test``.
        qualities: ``Quality.to_dict()`` by the name of the pictures, such as ``test`` and ``validation``.
        by_source: ``Quality.to_dict()`` of each source among the headline's pictures.
        by_species: ``Slice.to_dict()`` of each species among the headline's pictures.
        corruptions: ``Corruptions.to_dict()``: what noise, fog, ... do to the figures; None if not measured.
        within_strata: The same key of ``Evaluation.to_dict()``, or None.
        reliability: What ``metrics.reliability`` returns for the headline's pictures.
        decision_threshold: What figures use.
        low: Lower end of the unsure band.
        high: Upper end of the unsure band.
        temperature: Divides the logit difference.
        point: What ``hornet calibrate`` wrote of the operating point, None if it wasn't asked.
        unsure: Share of unsure verdicts among the headline's pictures, None if not measured.
        failures: ``path`` and ``error`` of pictures that could not be read.
        data: Pictures by source and split.
        fingerprint: Of the training data.
        settings: Name and value of what the run was asked for.
        precisions: For each precision of the artifact what is known of it, such as bytes and AUC.
        commands: How to repeat the run, one a line.
        created: When, ISO 8601.
        duration_s: How long training took, seconds.
        software: Versions by package.
        licence: Of the weights.
        provenance: Where the starting weights come from.
        rights: Sentences on the rights of the pictures.
        warnings: What a reader must know before believing the figures.
        limits: What the model can't do.
        relation: How the headline's pictures relate to what the model learned from: one of ``CAMERA``, ``SOURCE``,
            ``GROUP``, ``CHOSEN``, ``LEARNED``, ``UNKNOWN``; empty: as the headline's name says.
        answers: The headline's pictures one by one; None if only their figures are known.
        worst: The headline's worst mistakes, the most confident first.
        cells: Examples of ``tp``, ``fn``, ``fp`` and ``tn``.
        audit: What an audit of the pictures found; None if there was none.
        epochs: Lines of ``metrics.csv``.
        attacks: What ``hornet lab attack`` wrote, plain JSON.
        rivals: What ``hornet lab rivals`` wrote, plain JSON.
        energy: What ``energy.json`` of a run holds.
    """

    title: Said
    headline: str
    qualities: Mapping[str, Mapping[str, Any]]
    by_source: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_species: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    corruptions: Mapping[str, Any] | None = None
    within_strata: Mapping[str, Any] | None = None
    reliability: Sequence[Mapping[str, float]] = ()
    decision_threshold: float = 0.5
    low: float = 0.5
    high: float = 0.5
    temperature: float = 1.0
    point: Mapping[str, Any] | None = None
    unsure: float | None = None
    failures: Sequence[Mapping[str, str]] = ()
    data: Sequence[DataRow] = ()
    fingerprint: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    precisions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    commands: Sequence[str] = ()
    created: str = ""
    duration_s: float | None = None
    software: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    provenance: str = ""
    rights: Sequence[Said] = ()
    warnings: Sequence[Said] = ()
    limits: Sequence[Said] = LIMITS
    relation: str = ""
    answers: Answers | None = None
    worst: Sequence[Illustration] = ()
    cells: Mapping[str, Sequence[Illustration]] = field(default_factory=dict)
    audit: AuditFacts | None = None
    epochs: Sequence[Mapping[str, Any]] = ()
    attacks: Sequence[Mapping[str, Any]] = ()
    rivals: Mapping[str, Any] | None = None
    energy: Mapping[str, Any] = field(default_factory=dict)


def data_rows(dataset: Dataset) -> tuple[DataRow, ...]:
    """Count pictures by source and split, sorted by source, then in the order of training.

    Pictures without a label are left out.
    """
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record, group in zip(dataset.records, dataset.groups(), strict=True):
        if record.label is not None:
            key = record.source, record.split
            counts[key][record.label] += 1
            groups[key].add(group)
    order = ("", *SPLITS)
    keys = sorted(counts, key=lambda key: (key[0], order.index(key[1])))
    return tuple(
        DataRow(*key, present=counts[key][1], absent=counts[key][0], groups=len(groups[key])) for key in keys
    )


def relation_of(learned: Iterable[Record], asked: Iterable[Record]) -> str:
    """Say how pictures relate to those that a model learned from, given that no group is in both.

    Returns:
        ``CAMERA`` if all their cameras are named and new, ``SOURCE`` if all their sources are, else ``GROUP``.
    """
    known, new = list(learned), list(asked)
    for kind in (CAMERA, SOURCE):
        old, names = ({str(getattr(record, kind)) for record in records} for records in (known, new))
        if "" not in names | old and names and not names & old:
            return kind
    return GROUP
