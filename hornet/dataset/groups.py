"""Groups where nobody gave any: which pictures are too alike to be learned from and measured on.

Relations join pictures: taken on one day (or in one burst), frames of one video, copies of one original,
photos of one observation, or looking alike. A group is what hangs together by any of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hornet.dataset.likeness import THRESHOLD
from hornet.dataset.records import Dataset, few
from hornet.dataset.relations import PAUSE, Links
from hornet.dataset.traces import fill_records, read_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hornet.dataset.records import Record
    from hornet.dataset.relations import Relation
    from hornet.dataset.store import PictureStore
    from hornet.dataset.traces import Trace

GroupBy = Literal["auto", "day", "burst", "folder", "none"]
GROUP_BY: tuple[GroupBy, ...] = get_args(GroupBy)

#: Groups that each class must lie in, so that ``auto`` keeps whole days: two for each split.
ENOUGH = 6
_EXAMPLES = 3
_HUGE = 0.5  # of all pictures


@dataclass(frozen=True, slots=True)
class Derivation:
    """How groups came about.

    Attributes:
        group_by: What was asked for.
        time: ``day``, ``burst`` or nothing: how moments were used.
        derived: Pictures that got a group, and in how many groups they are.
        relations: What each relation joined.
        largest: Name and size of the largest derived groups, largest first.
        unreadable: Pictures that couldn't be decoded, and why; only names and times speak for them.
        warnings: What the user should look at.
    """

    group_by: str
    time: str = ""
    derived: tuple[int, int] = (0, 0)
    relations: dict[str, Relation] = field(default_factory=dict)
    largest: tuple[tuple[str, int], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Return what to tell the user, a line each; nothing if every picture had its group."""
        pictures, groups = self.derived
        if not pictures:
            return []
        lines = [
            f"groups: {pictures} pictures without a group -> {groups} derived (--group-by {self.group_by})"
        ]
        lines += [
            f"  {name}: {found.pictures} pictures in {found.sets} {'set' if found.sets == 1 else 'sets'}, "
            f"as {found.example[0]} and {found.example[1]}"
            for name, found in self.relations.items()
        ]
        if self.largest:
            lines.append("  largest: " + ", ".join(f"{name} ({size})" for name, size in self.largest))
        if self.unreadable:
            names = [name for name, _ in self.unreadable]
            lines.append(f"  {len(names)} pictures can't be decoded, so only their names count: {few(names)}")
        return [*lines, *self.warnings]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "group_by": self.group_by,
            "time": self.time or None,
            "pictures": self.derived[0],
            "groups": self.derived[1],
            "relations": {name: asdict(found) for name, found in self.relations.items()},
            "largest": [{"group": name, "pictures": size} for name, size in self.largest],
            "unreadable": [{"path": name, "error": error} for name, error in self.unreadable],
            "warnings": list(self.warnings),
        }


def derive_groups(
    dataset: Dataset,
    *,
    group_by: GroupBy = "auto",
    threshold: int = THRESHOLD,
    live: Callable[[str], None] = lambda _: None,
    store: PictureStore | None = None,
    traces: Sequence[Trace] | None = None,
) -> tuple[Dataset, Derivation]:
    """Give a group to every picture that has none; groups that are there stay as they are.

    Two pictures with different days (or bursts) are never joined because they look alike: a fixed camera's
    pictures all do. Pictures that have a split keep it: a derived group across splits is divided, and a
    warning says so.

    Args:
        dataset: Pictures; sources are kept apart, except for looks.
        group_by: ``day`` or ``burst``: how moments join pictures; ``auto``: by day, unless a class would lie in
            fewer than 6 groups; ``folder``: by the folder below the class folder, instead of moments; each of
            these joins videos, copies, observations and likes too. ``none``: each picture stands alone.
        threshold: Bits of 144 in which pictures that look alike may differ.
        live: Told how far it is.
        store: Where thumbnails are kept from run to run, or None.
        traces: What was read from each picture, where that is known already.

    Returns:
        The same pictures with groups and, where names or EXIF tell, with ``captured_at`` and ``camera``; and how
        the groups came about.
    """
    if all(record.group for record in dataset.records):
        return dataset, Derivation(group_by)
    if group_by == "none":
        records = [replace(record, group=record.group or record.name) for record in dataset.records]
        alone = sum(not record.group for record in dataset.records)
        return _with(dataset, records), Derivation(group_by, derived=(alone, alone))
    if traces is None:
        traces = read_traces(dataset.records, live=live, store=store)
    records = fill_records(dataset.records, traces)
    live("comparing pictures: all with all")
    time = "day" if group_by == "auto" else group_by
    linked = Links(records, traces, time=time, threshold=threshold)
    warnings = []
    if group_by == "auto" and linked.timed and (scarce := linked.scarce()) < ENOUGH:
        bursts = Links(records, traces, time="burst", threshold=threshold)
        if bursts.scarce() > scarce:
            linked, time = bursts, "burst"
            warnings.append(
                f"note: days would leave a class in only {scarce} groups, so bursts (ended by {PAUSE // 60} minutes "
                "without a picture) are kept together instead. Pictures of one day may share more than that."
            )
    names, notes = _names(records, linked)
    records = [replace(record, group=name) for record, name in zip(records, names, strict=True)]
    free = [record.group for record, old in zip(records, dataset.records, strict=True) if not old.group]
    sizes = Counter(free)
    largest = [(name, size) for name, size in sizes.most_common(_EXAMPLES) if size > 1]
    if largest and largest[0][1] > _HUGE * len(records):
        notes.append(
            f"note: {largest[0][0]} holds {largest[0][1]} of {len(records)} pictures. If they aren't that alike, "
            "write your own groups into a manifest, or choose another --group-by."
        )
    return _with(dataset, records), Derivation(
        group_by=group_by,
        time=time if linked.timed else "",
        derived=(len(free), len(sizes)),
        relations=linked.found,
        largest=tuple(largest),
        unreadable=tuple((r.name, t.error) for r, t in zip(records, traces, strict=True) if t.error),
        warnings=(*warnings, *notes),
    )


def _names(records: Sequence[Record], linked: Links) -> tuple[list[str], list[str]]:
    """Name the groups: a given group that was joined, else the one day, burst or folder, else the first picture."""
    given: dict[int, set[str]] = defaultdict(set)
    for free, index in linked.touching:
        given[int(linked.label[free])].add(records[index].group)
    members: dict[int, list[int]] = defaultdict(list)
    for index in np.flatnonzero(linked.free).tolist():
        members[int(linked.label[index])].append(index)
    taken = {record.group for record in records if record.group}
    result = [record.group for record in records]
    divided = []
    for label, indices in members.items():
        titles = {linked.titles[i] for i in indices} - {""}
        title = titles.pop() if len(titles) == 1 else records[indices[0]].name
        name = min(given[label]) if label in given else _unused(title, taken)
        splits = Counter(records[i].split for i in indices if records[i].split)
        home = splits.most_common(1)[0][0] if splits else ""
        if len(splits) > 1:
            divided.append(f"{name} ({', '.join(sorted(splits))})")
        for i in indices:
            split = records[i].split or home
            result[i] = name if split == home else _unused(f"{name} ({split})", taken)
    notes = []
    if divided:
        notes.append(
            f"warning: {len(divided)} derived groups lie in more than one of the splits that were given: "
            f"{few(divided)}. The splits are kept, but figures on them may flatter. Leave the splits out, and hornet "
            "makes some that don't."
        )
    if several := sum(len(names) > 1 for names in given.values()):
        notes.append(
            f"note: {several} derived groups are like more than one given group; they joined the first"
        )
    return result, notes


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    return name


def _with(dataset: Dataset, records: Sequence[Record]) -> Dataset:
    columns = dataset.columns if "group" in dataset.columns else (*dataset.columns, "group")
    return replace(dataset, records=tuple(records), columns=columns)
