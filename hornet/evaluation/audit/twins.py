"""Findings about pictures that show the same: copies, opposite labels, and leaks between the parts of a split."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hornet.dataset.labels import LABELS
from hornet.dataset.records import TRAIN
from hornet.evaluation.audit.copies import connected, find_pairs
from hornet.evaluation.audit.findings import EXAMPLES, Finding, Note, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.dataset.records import Record
    from hornet.evaluation.audit.copies import Pairs
    from hornet.evaluation.audit.evidence import Evidence

_MEMBERS = 4  # of a set that are listed


def judge_twins(evidence: Evidence) -> Outcome:
    """Say which pictures show the same, with the same label, opposite ones, or in several parts of the split."""
    records = evidence.records
    kinds = [(record.label, record.split) for record in records]
    pairs = find_pairs(evidence.looks, kinds, [record.captured_at for record in records])
    findings = (
        _copies("duplicate", records, pairs.identical),
        _copies("near-duplicate", records, pairs.near),
        _conflict(records, pairs),
        _leakage(evidence, pairs),
    )
    notes = _same_moment(records)
    return Outcome(tuple(found for found in findings if found is not None), notes=notes)


def _copies(name: str, records: Sequence[Record], pairs: Sequence[tuple[int, int]]) -> Finding | None:
    # Of identical files in both classes, the chain may pass through the other class.
    sets = [
        [index for index in members if records[index].label == label]
        for members in connected(pairs)
        for label in range(len(LABELS))
    ]
    sets = [members for members in sets if len(members) > 1]
    if name == "near-duplicate":
        sets = connected((a, b) for a, b in pairs if records[a].label == records[b].label)
    return _finding(name, records, sets) if sets else None


def _conflict(records: Sequence[Record], pairs: Pairs) -> Finding | None:
    """Return pictures that show the same and are labelled both ways."""
    opposite = [
        (a, b)
        for a, b in pairs.near
        if records[a].label != records[b].label and not _apart(records[a], records[b])
    ]
    identical = [m for m in connected(pairs.identical) if len({records[i].label for i in m}) > 1]
    chain = [pair for members in identical for pair in pairwise(members)]
    sets = connected([*chain, *opposite])
    if not sets:
        return None
    # The first two of each set are to show both labels.
    shown = [_both_first(records, members) for members in sets]
    return _finding("label-conflict", records, shown, identical=sum(map(len, identical)))


def _apart(one: Record, other: Record) -> bool:
    """Tell whether two pictures are known to be of different moments: an insect comes and goes in a second."""
    return bool(one.captured_at and other.captured_at) and one.captured_at != other.captured_at


def _both_first(records: Sequence[Record], members: list[int]) -> list[int]:
    other = next(index for index in members if records[index].label != records[members[0]].label)
    return [members[0], other, *(index for index in members[1:] if index != other)]


def _leakage(evidence: Evidence, pairs: Pairs) -> Finding | None:
    """Return pictures that are measured on and have a twin, or a member of their group, in another part."""
    records = evidence.records
    measured = {index for index, record in enumerate(records) if record.split not in {"", TRAIN}}
    sets = connected(pairs.identical)
    identical = {i for members in sets for i in _elsewhere(records, members)} & measured
    alike_pairs = [pair for pair in pairs.near if len(_elsewhere(records, pair)) > 1]
    alike = {index for pair in alike_pairs for index in pair} & measured
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(evidence.dataset.groups()):
        members[group].append(index)
    divided = {name: m for name, m in members.items() if len(_elsewhere(records, m)) > 1}
    given = {name: m for name, m in divided.items() if all(evidence.given.records[i].group for i in m)}
    derived = {name: m for name, m in divided.items() if name not in given}
    leaking = identical | alike | ({index for m in divided.values() for index in m} & measured)
    if not leaking:
        return None
    related = {index for m in derived.values() for index in m} & measured
    examples = [_elsewhere(records, m) for m in sets if len(_elsewhere(records, m)) > 1]
    examples += [list(pair) for pair in alike_pairs]
    examples += [_elsewhere(records, m) for m in divided.values()]
    examples = [_other_part_first(records, each) for each in examples]
    return _finding(
        "leakage",
        records,
        examples,
        pictures=len(leaking),
        of=len(measured),
        identical=len(identical),
        alike=len(alike - identical),
        divided=len(given),
        groups=list(given)[:EXAMPLES],
        related=len(related - identical - alike),
        ungrouped=sum(_divides_groups(records, m) for m in (*sets, *alike_pairs)),
        kin=list(derived)[:EXAMPLES],
    )


def _divides_groups(records: Sequence[Record], members: Sequence[int]) -> bool:
    """Tell whether twins in several parts have different groups, so that dealing anew would divide them again."""
    dealt = _elsewhere(records, members)
    return len({records[index].group for index in dealt}) > 1


def _elsewhere(records: Sequence[Record], members: Sequence[int]) -> list[int]:
    """Return the members that have a split, if those are several; else nothing."""
    dealt = [index for index in members if records[index].split]
    return dealt if len({records[index].split for index in dealt}) > 1 else []


def _other_part_first(records: Sequence[Record], members: list[int]) -> list[int]:
    """Put two of different parts first, the one that is measured on before the other."""
    first = next(index for index in members if records[index].split != TRAIN)
    other = next(index for index in members if records[index].split != records[first].split)
    return [first, other, *(index for index in members if index not in {first, other})]


def _same_moment(records: Sequence[Record]) -> tuple[Note, ...]:
    """Note pictures that several cameras took in one second, with opposite labels."""
    moments: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        if len(record.captured_at) > len("2019-09-16") and record.camera:
            moments[record.source, record.captured_at].append(index)
    sets = [
        _both_first(records, members)
        for members in moments.values()
        if len({records[i].label for i in members}) > 1 and len({records[i].camera for i in members}) > 1
    ]
    if not sets:
        return ()
    found = _finding("label-conflict", records, sets)
    return (Note("same-moment", found.facts, found.pictures),)


def _finding(name: str, records: Sequence[Record], sets: Sequence[Sequence[int]], **more: Any) -> Finding:
    """Put the facts about sets of pictures together."""
    facts = {
        "pictures": sum(map(len, sets)),
        "sets": len(sets),
        "of": len(records),
        "examples": [[_member(records[index]) for index in each[:_MEMBERS]] for each in sets[:EXAMPLES]],
        **more,
    }
    pictures = [records[index].name for each in sets[: EXAMPLES // 2] for index in each[:2]]
    return Finding(name, facts, tuple(dict.fromkeys(pictures)))


def _member(record: Record) -> dict[str, str]:
    return {"path": record.name, "label": LABELS[record.label or 0], "split": record.split}
