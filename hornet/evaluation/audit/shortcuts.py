"""The probes: can the label be told without looking at the insect?

Each is a poor man's classifier that sees only what should tell nothing, judged on units that it never learned from.
A unit is a group; for what needs no pixel it is a burst, as whether presence was filmed on other days than absence
is just what is asked there, and splitting by whole days would hide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.evaluation.audit.embedded import Embedding, embed, left_out
from hornet.evaluation.audit.features import CORNER
from hornet.evaluation.audit.findings import EXAMPLES, Note, Outcome, Probe
from hornet.evaluation.audit.french_shortcuts import few_groups, too_few
from hornet.evaluation.audit.gaps import Sight, classical, largest, measure_gap, stricter_groups
from hornet.evaluation.audit.metadata import bursts_of, clues
from hornet.evaluation.audit.scoring import (
    LEAST,
    cross_validate,
    deal,
    enough,
    interval,
    logistic,
    lookup,
    mixture,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.dataset.records import Record
    from hornet.evaluation.audit.evidence import Evidence
    from hornet.evaluation.audit.features import Sample
    from hornet.evaluation.audit.scoring import Model, Scores

#: What the lower end of a probe's interval must reach for a finding. Nothing of the insect is in the metadata, so any
#: help from them is too much. Pixels do know of it, though these were chosen so that they hardly do: a probe must do
#: better than clean data sets made any. docs/audit.md has the figures.
LIMITS: Final = {"metadata": 0.55, "border": 0.65, "corner": 0.65, "blur": 0.7, "colour": 0.75}

#: Pictures that go through a network, at most: a processor core does 10 to 25 a second.
MOST_EMBEDDED: Final = 1500
#: Pictures that the probes learn from, at most; drawn by whole groups.
MOST: Final = 3000
_CORNERS: Final = ("top left", "top right", "bottom left", "bottom right")
_KEPT: Final = 150  # places of a corner that differ most between the classes
_VARIED: Final = 4000  # places of a corner that differ most between pictures


@dataclass(frozen=True, slots=True)
class _Jury:
    """What all probes are judged on.

    Attributes:
        records: The pictures.
        labels: (N,), 0 or 1.
        units: Unit of each picture.
        seed: Of folds and resamples.
    """

    records: Sequence[Record]
    labels: NDArray[np.int64]
    units: Sequence[str]
    seed: int

    def scores(self, features: NDArray[np.float32], model: Model) -> Scores:
        return cross_validate(features, self.labels, deal(self.labels, self.units, seed=self.seed), model)

    def probe(self, name: str, scores: Scores, **facts: Any) -> Probe:
        area = interval(scores, self.units, seed=self.seed)
        found = area.low >= LIMITS[name]
        return Probe(
            name,
            round(area.value, 4),
            round(area.low, 4),
            round(area.high, 4),
            len(self.records),
            len(set(self.units)),
            found=found,
            facts={"limit": LIMITS[name], **facts},
            pictures=self._examples(scores) if found else (),
        )

    def _examples(self, scores: Scores) -> tuple[str, ...]:
        """Name those pictures of either class that the probe is surest of, and right."""
        order = np.argsort(scores.values.mean(axis=0), kind="stable").tolist()
        half = EXAMPLES // 2
        present = [i for i in reversed(order) if self.labels[i] == 1][:half]
        absent = [i for i in order if self.labels[i] == 0][:half]
        return tuple(self.records[i].name for i in (*present, *absent))


def judge_shortcuts(evidence: Evidence) -> Outcome:
    """Score every probe, and the gap between ways of splitting."""
    chosen = _chosen(evidence)
    samples: list[Sample] = [evidence.looks[i].measures["shortcuts"] for i in chosen]
    records = [evidence.records[i] for i in chosen]
    labels = np.array([record.label for record in records], dtype=np.int64)
    groups = [evidence.dataset.groups()[i] for i in chosen]
    bursts = bursts_of(records, groups)
    units = groups if enough(labels, groups) else bursts
    if not enough(labels, units):
        facts = {
            "step": "the search for shortcuts",
            "why": f"each class must lie in at least {LEAST} groups, so that some can be learned from and some measured on",
            **few_groups(LEAST),
        }
        return Outcome(notes=(Note("left-out", facts),))
    jury = _Jury(records, labels, units, evidence.seed)
    probes = []
    for name in ("colour", "border", "blur"):
        evidence.live(f"looking for shortcuts: {name}")
        features = np.stack([getattr(each, name) for each in samples])
        probes.append(jury.probe(name, jury.scores(features, mixture)))
    evidence.live("looking for shortcuts: corner")
    probes.append(_corner(samples, jury))
    evidence.live("looking for shortcuts: metadata")
    headers = np.stack([each.header for each in samples])
    by_burst = _Jury(records, labels, bursts, evidence.seed)
    probes += _metadata(headers, by_burst, groups)
    sizes = np.array([evidence.looks[i].file_bytes for i in chosen], np.float32)
    weighed = _file_size(sizes, by_burst)
    evidence.live("looking for shortcuts: ways of splitting")
    gap = measure_gap(classical(samples), records, labels, groups, evidence.seed)
    seen, notes = _imagenet(evidence)
    return Outcome(largest((gap, seen)), tuple(probes), (*weighed, *notes))


def _imagenet(evidence: Evidence) -> tuple[dict[str, Any] | None, tuple[Note, ...]]:
    """Measure the gap on untuned ImageNet features, where there are any, and note what came out or why there are none."""
    embedding = evidence.features
    if not isinstance(embedding, Embedding):
        return None, () if embedding is None else (embedding,)
    chosen = _chosen(evidence, MOST_EMBEDDED, whole=True)
    records = [evidence.records[i] for i in chosen]
    labels = np.array([record.label for record in records], dtype=np.int64)
    groups = [evidence.dataset.groups()[i] for i in chosen]
    ways = (groups, *stricter_groups(records, groups).values())
    if not any(enough(labels, units) for units in ways):
        return None, (left_out(*too_few(LEAST, MOST_EMBEDDED)),)
    features = embed(evidence, embedding, chosen)
    evidence.live("looking for shortcuts: ways of splitting, by ImageNet features")
    sight = Sight("imagenet", features, logistic, embedding.name)
    facts = measure_gap(sight, records, labels, groups, evidence.seed)
    return facts, () if facts is None else (Note("imagenet", facts),)


def _chosen(evidence: Evidence, most: int = MOST, *, whole: bool = False) -> list[int]:
    """Return positions of the readable pictures: all, or those of as many groups as the limit allows.

    Args:
        evidence: All pictures.
        most: How many.
        whole: Whether a group that doesn't fit any more is left out, and not cut.
    """
    places = evidence.readable()
    if len(places) <= most:
        return places
    groups = evidence.dataset.groups()
    members: dict[str, list[int]] = {name: [] for name in sorted({groups[place] for place in places})}
    for place in places:
        members[groups[place]].append(place)
    names = list(members)
    chosen: list[int] = []
    for index in np.random.default_rng(evidence.seed).permutation(len(names)).tolist():
        fitting = members[names[index]][: most - len(chosen)]
        if not whole or len(fitting) == len(members[names[index]]):
            chosen += fitting
    return sorted(chosen)


def _metadata(headers: NDArray[np.float32], jury: _Jury, groups: Sequence[str]) -> list[Probe]:
    """Score what needs no pixel: all of it by burst; each kind alone; and all of it at random and by group."""
    kinds = clues(jury.records, headers)
    if not kinds or not enough(jury.labels, jury.units):
        return []
    everything = np.hstack(list(kinds.values()))
    each = {name: round(jury.scores(values, lookup).area(), 4) for name, values in kinds.items()}
    facts: dict[str, Any] = {
        "clues": [
            {"clue": name, "auc": value} for name, value in sorted(each.items(), key=lambda pair: -pair[1])
        ]
    }
    for name, units in (("auc_random", [record.name for record in jury.records]), ("auc_groups", groups)):
        other = _Jury(jury.records, jury.labels, units, jury.seed)
        allowed = enough(jury.labels, units)
        facts[name] = round(other.scores(everything, lookup).area(), 4) if allowed else None
    return [jury.probe("metadata", jury.scores(everything, lookup), **facts)]


def _file_size(sizes: NDArray[np.float32], jury: _Jury) -> tuple[Note, ...]:
    """Note if the size of the file, in bytes, tells the label: no finding, as an insect takes bytes as well."""
    if not enough(jury.labels, jury.units):
        return ()
    area = interval(jury.scores(sizes[:, None], lookup), jury.units, seed=jury.seed)
    if area.low < LIMITS["metadata"]:
        return ()
    medians = {
        name: int(np.median(sizes[jury.labels == label])) for label, name in enumerate(("absent", "present"))
    }
    facts = {
        "auc": round(area.value, 4),
        "low": round(area.low, 4),
        "high": round(area.high, 4),
        "chance": 0.5,
    }
    return (Note("file-size", {**facts, "n": len(sizes), "medians": medians}),)


def _corner(samples: Sequence[Sample], jury: _Jury) -> Probe:
    """Score each corner, and report the one that tells most."""
    results = []
    for number in range(len(_CORNERS)):
        bits = np.stack([each.corners[0][number] for each in samples])
        strokes = np.unpackbits(bits, axis=2)[..., : CORNER[0] * CORNER[1]].reshape(len(bits), -1)
        share = strokes.mean(axis=0)
        varied = np.sort(np.argsort(-share * (1 - share), kind="stable")[:_VARIED])
        means = np.stack([each.corners[1][number] for each in samples])
        features = np.hstack([means, strokes[:, varied].astype(np.float32)])
        results.append(jury.scores(features, _pixels(means.shape[1])))
    areas = [scores.area() for scores in results]
    best = int(np.argmax(areas))
    corners = {name: round(area, 4) for name, area in zip(_CORNERS, areas, strict=True)}
    return jury.probe("corner", results[best], corner=_CORNERS[best], corners=corners)


def _pixels(first: int) -> Model:
    """Return a model that learns from the first features and from those of the rest that differ most by class."""

    def model(
        features: NDArray[np.float32], labels: NDArray[np.int64], judged: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        differs = np.abs(features[labels == 1].mean(axis=0) - features[labels == 0].mean(axis=0))
        differs[:first] = np.inf
        kept = np.sort(np.argsort(-differs, kind="stable")[: first + _KEPT])
        return mixture(features[:, kept], labels, judged[:, kept])

    return model
