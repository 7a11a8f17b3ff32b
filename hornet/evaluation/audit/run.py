"""The audit from end to end: look at every picture once, derive groups, ask each part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hornet.dataset import derive_groups
from hornet.evaluation.audit.evidence import Evidence, Part
from hornet.evaluation.audit.findings import Audit, collect
from hornet.evaluation.audit.looks import look_at
from hornet.evaluation.audit.quality import judge_unreadable
from hornet.evaluation.audit.thumbnails import draw_thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.dataset import Dataset
    from hornet.dataset.store import PictureStore
    from hornet.images import Box

#: What an audit asks, in order. A part reads each picture through ``measure``, and judges them all together.
PARTS: Final[tuple[Part, ...]] = (Part("unreadable", judge_unreadable, quick=True),)


def audit(
    dataset: Dataset,
    *,
    masks: Sequence[Box] = (),
    parts: Sequence[Part] = PARTS,
    store: PictureStore | None = None,
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
    grouped, derivation = derive_groups(given, traces=[look.trace for look in looks])
    evidence = Evidence(grouped, given, looks, derivation, tuple(masks), seed, progress)
    result = conclude(evidence, parts)
    return replace(result, thumbnails=draw_thumbnails(given.records, result.examples, masks))


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
