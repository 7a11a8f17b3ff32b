"""What is known of pictures without reading a pixel, as numbers that a classifier can learn from."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.captures import stem_of
from hornet.dataset.names import place_of, time_of
from hornet.dataset.records import parse_time
from hornet.dataset.relations import PAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from hornet.dataset.records import Record

_NUMBER: Final = re.compile(r"\d{1,12}(?!.*\d)")  # the last one of a name
_LISTED: Final = 12  # cameras with a column of their own
_SHARED: Final = 0.02  # share of numbers that both classes may have, in a count that goes on through both


def moments_of(records: Sequence[Record]) -> list[datetime | None]:
    """Return when each picture was taken, by its record or else its name; None if neither says."""
    texts = [record.captured_at or time_of(record.name) for record in records]
    return [parse_time(text).replace(tzinfo=None) if text else None for text in texts]


def bursts_of(records: Sequence[Record], groups: Sequence[str]) -> list[str]:
    """Divide groups into bursts: what a group holds without a pause of 5 minutes.

    A whole day is one group for good reasons, but within it the label should come and go. A burst is the least that
    can't be divided without measuring on what was learned from. Where no time of day is known, the group is left
    whole.
    """
    moments = moments_of(records)
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    result = list(groups)
    for group, indices in members.items():
        timed = [(moment, index) for index in indices if (moment := _clock(records[index], moments[index]))]
        number, last = 0, None
        for moment, index in sorted(timed):
            if last is not None and (moment - last).total_seconds() > PAUSE:
                number += 1
            last = moment
            result[index] = f"{group} {number}"
    return result


def clues(records: Sequence[Record], headers: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return what may tell the label without a pixel, by kind.

    Args:
        records: The pictures, with times and cameras.
        headers: As of :class:`~hornet.evaluation.audit.features.Sample`, float32 (N, 8).

    Returns:
        Columns (N, d) of each kind that differs at all between pictures; NaN where a picture says nothing.
    """
    moments = moments_of(records)
    day = [np.nan if m is None else float(m.toordinal()) for m in moments]
    hour = [
        np.nan if clock is None else clock.hour + clock.minute / 60
        for clock in (_clock(record, moment) for record, moment in zip(records, moments, strict=True))
    ]
    found = {
        "day": np.array(day)[:, None],
        "hour": np.array(hour)[:, None],
        "camera": _cameras(records),
        "number": _numbers(records)[:, None],
        "size": np.column_stack([headers[:, :2], headers[:, 0] / np.maximum(headers[:, 1], 1)]),
        "encoding": headers[:, 2:5],
        "exif": headers[:, 5:],
    }
    return {name: values.astype(np.float32) for name, values in found.items() if _differs(values)}


def _clock(record: Record, moment: datetime | None) -> datetime | None:
    """Return the moment if it has a time of day."""
    text = record.captured_at or time_of(record.name)
    return moment if len(text) > len("2019-09-16") else None


def _differs(values: NDArray[np.float64] | NDArray[np.float32]) -> bool:
    columns = np.nan_to_num(values, nan=-1.0)
    return bool((columns != columns[:1]).any())


def _cameras(records: Sequence[Record]) -> NDArray[np.float64]:
    """Return a column for each of the most frequent cameras."""
    counts = Counter(record.camera for record in records)
    names = [name for name, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_LISTED]]
    return np.array([[float(record.camera == name) for name in names] for record in records])


def _numbers(records: Sequence[Record]) -> NDArray[np.float64]:
    """Return the number in each name, where pictures of both classes were counted together; else NaN.

    Somebody who sorts pictures into classes and numbers each from 1 gives away nothing: then names of both classes
    look different, or bear the same numbers.
    """
    result = np.full(len(records), np.nan)
    families: dict[str, list[int]] = defaultdict(list)
    found = [_NUMBER.search(stem_of(record.name)) for record in records]
    for index, (record, match) in enumerate(zip(records, found, strict=True)):
        if match:
            stem = stem_of(record.name)
            families[f"{place_of(record.name)}/{re.sub(r'[0-9a-f]*[0-9][0-9a-f]*', '#', stem)}"].append(index)
    for members in families.values():
        values = [float(match[0]) for index in members if (match := found[index])]
        classes = [{v for v, i in zip(values, members, strict=True) if records[i].label == c} for c in (0, 1)]
        both = classes[0] & classes[1]
        fewest = min(map(len, classes))
        if fewest and len(both) <= _SHARED * fewest:
            result[members] = values
    return result
