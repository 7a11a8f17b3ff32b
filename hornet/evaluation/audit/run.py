"""The audit from end to end: look at every picture once, derive groups, ask each part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hornet.dataset import derive_groups
from hornet.dataset.traces import fill_records
from hornet.evaluation.audit.balance import judge_balance
from hornet.evaluation.audit.embedded import NO_WEIGHTS
from hornet.evaluation.audit.evidence import Evidence, Part
from hornet.evaluation.audit.features import sample
from hornet.evaluation.audit.findings import Audit, collect
from hornet.evaluation.audit.looks import look_at
from hornet.evaluation.audit.places import judge_text
from hornet.evaluation.audit.quality import judge_quality, judge_unreadable, measure_quality
from hornet.evaluation.audit.shortcuts import judge_shortcuts
from hornet.evaluation.audit.twins import judge_twins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.dataset import Dataset
    from hornet.dataset.store import PictureStore
    from hornet.evaluation.audit.embedded import Embedding
    from hornet.evaluation.audit.findings import Note
    from hornet.evaluation.audit.looks import Look
    from hornet.images import Box

#: What an audit asks, in order. A part reads each picture through ``measure``, and judges them all together.
PARTS: Final[tuple[Part, ...]] = (
    Part("unreadable", judge_unreadable, quick=True),
    Part("twins", judge_twins, quick=True),
    Part("balance", judge_balance, quick=True),
    Part("quality", judge_quality, measure_quality),
    Part("shortcuts", judge_shortcuts, sample),
    Part("text", judge_text),
)


def audit(
    dataset: Dataset,
    *,
    masks: Sequence[Box] = (),
    parts: Sequence[Part] = PARTS,
    store: PictureStore | None = None,
    features: Embedding | Note = NO_WEIGHTS,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Look for what would spoil training on a data set, or flatter the figures measured on it.

    The order of rows changes nothing.

    Args:
        dataset: Labelled pictures, with or without splits and groups.
        masks: Rectangles that will be filled in every picture: the probes don't see them either.
        parts: What is asked.
        store: Where decoded pictures are kept from run to run, or None.
        features: What computes untuned ImageNet features; or what is noted in their place.
        seed: Decides what is random.
        progress: Told often how far it is; a line that the next one replaces.

    Raises:
        ManifestInvalid: If a picture has no label.
    """
    dataset.labels()
    order = sorted(range(len(dataset)), key=lambda index: dataset.records[index].name)
    given = dataset.select(order)
    measures = {part.name: part.measure for part in parts if part.measure is not None}
    looks = look_at(given.records, measures, masks=masks, store=store, live=progress)
    progress("comparing pictures: all with all")
    evidence = gather(given, looks, masks=masks, seed=seed, progress=progress)
    evidence = replace(evidence, store=store, features=features)
    return conclude(evidence, parts)


def gather(
    given: Dataset,
    looks: Sequence[Look],
    *,
    masks: Sequence[Box] = (),
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Evidence:
    """Put together what parts judge by: times and cameras are filled in, and groups derived where there are none.

    Args:
        given: The pictures, sorted by name.
        looks: What was kept of each.
        masks: As of :func:`audit`.
        seed: As of :func:`audit`.
        progress: As of :func:`audit`.
    """
    traces = [look.trace for look in looks]
    filled = replace(given, records=tuple(fill_records(given.records, traces)))
    # Without splits: a group that reaches over two of them is what should be found.
    grouped, derivation = derive_groups(filled.with_splits([""] * len(given)), traces=traces)
    grouped = grouped.with_splits(given.splits())
    return Evidence(grouped, given, looks, derivation, tuple(masks), seed, progress)


def conclude(evidence: Evidence, parts: Sequence[Part], *, short: bool = False) -> Audit:
    """Ask each part, and put together what they say."""
    outcome = collect(tuple(part.judge(evidence) for part in parts))
    return Audit(
        pictures=len(evidence.dataset),
        present=int(evidence.labels().sum()),
        groups=len(set(evidence.dataset.groups())),
        splits=dict(sorted(Counter(filter(None, evidence.dataset.splits())).items())),
        findings=outcome.findings,
        probes=outcome.probes,
        notes=outcome.notes,
        short=short,
    )
