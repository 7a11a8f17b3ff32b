"""What a report and a model card are made from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hornet.dataset.records import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hornet.dataset.records import Dataset

#: What no model of this kind can do; cards and reports say so unless they are given other words.
LIMITS: Final = (
    "It answers for the whole picture: it neither counts hornets nor marks their place.",
    "A hornet of a few pixels, once the picture is at the network's size, can't be seen by it.",
    (
        "It was measured on the sources below. On another camera, season or region it can be worse: measure it "
        "there with `hornet evaluate` on pictures of your own before you rely on it."
    ),
    "Insects that it never saw get an answer all the same.",
    "It is no proof that there is no nest: absence from a picture isn't absence from a place.",
)


_MEANING: Final = {
    "test": "that it didn't learn from",
    "validation": "that chose its best epoch, temperature and threshold, so that they flatter it",
    "train": "that it learned from",
}


@dataclass(frozen=True, slots=True)
class DataRow:
    """How many pictures of one source are in one split."""

    source: str
    split: str
    present: int
    absent: int
    groups: int


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
        energy: Sentences on energy and CO2.
    """

    title: str
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
    rights: Sequence[str] = ()
    warnings: Sequence[str] = ()
    limits: Sequence[str] = LIMITS
    energy: Sequence[str] = ()


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


def verdict(facts: Facts) -> str:
    """Say in one or two sentences how good the model is, in words for people who count hornets."""
    quality = facts.qualities[facts.headline]
    metrics = quality["metrics"]
    opening = f"On {quality['n']} pictures ({facts.headline}; {count_groups(quality)})"
    if facts.headline != "all":
        opening += f" {_MEANING.get(facts.headline, _MEANING['test'])}"
    area = metrics["roc_auc"]
    if area["value"] is None:
        ranking = f"{opening}, {area['reason']}: ranking can't be measured."
    else:
        ranking = (
            f"{opening}, this model ranks a picture with a hornet above one without in {area['value']:.1%} of "
            f"pairs{_between(area)}."
        )
    recall, precision = metrics["recall"], metrics["precision"]
    parts = []
    if recall["value"] is not None:
        parts.append(f"it finds {recall['value']:.0%} of the pictures with a hornet{_between(recall, 0)}")
    if precision["value"] is not None:
        parts.append(f"{precision['value']:.0%} of its alarms are right{_between(precision, 0)}")
    if not parts:
        return ranking
    return f"{ranking} At its threshold of {quality['threshold']:.3f} {', and '.join(parts)}."


def count_groups(quality: Mapping[str, Any]) -> str:
    """Return ``1 group`` or ``12 groups``."""
    return f"{quality['groups']} group{'' if quality['groups'] == 1 else 's'}"


def _between(estimate: Mapping[str, Any], digits: int = 1) -> str:
    if estimate["low"] is None:
        return ""
    return f" (95 % interval {estimate['low']:.{digits}%} to {estimate['high']:.{digits}%})"
