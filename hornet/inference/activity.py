"""What a beekeeper wants of many verdicts: how often hornets come, by hour, day and site. Pure.

Rates are hornets per picture taken: a site with more pictures isn't a site with more hornets. Pictures of one site and
hour are no independent witnesses (the same hornet may hover on all of them), so the intervals are Wilson's for an
effective number of pictures: the number divided by the design effect of these clusters (Kish 1965; Korn and Graubard
1998 for the use with score intervals).
"""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from hornet.captures import capture_of
from hornet.decision import PRESENT, UNSURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hornet.inference.results import Result

_Z: Final = 1.959963984540054  # 97.5 % quantile of the normal distribution
_HOURS: Final = 24
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often hornets were seen in one hour, day or site.

    Attributes:
        name: ``14``, ``2024-08-01``, or the site.
        pictures: With a verdict.
        present: Of these.
        unsure: Of these; they count as pictures, and not as hornets.
        clusters: Sites and hours that the pictures are from.
        low: Lower end of the 95 % interval of the share of present.
        high: Upper end.
    """

    name: str
    pictures: int
    present: int
    unsure: int
    clusters: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hornets per picture taken."""
        return self.present / self.pictures

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "pictures": self.pictures,
            "present": self.present,
            "unsure": self.unsure,
            "share": round(self.share, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "clusters": self.clusters,
        }


@dataclass(frozen=True, slots=True)
class Activity:
    """All rates of some verdicts.

    Attributes:
        total: Of all pictures with a verdict.
        hours: By hour of the day, of pictures with a time of day; hours without pictures are left out.
        days: By day, of pictures with a date.
        sites: By site.
        failed: Rows without a verdict.
        timeless: Pictures without a time of day.
        dayless: Pictures without a date.
    """

    total: Rate | None
    hours: tuple[Rate, ...]
    days: tuple[Rate, ...]
    sites: tuple[Rate, ...]
    failed: int
    timeless: int
    dayless: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "total": None if self.total is None else self.total.to_dict(),
            "by_hour": [rate.to_dict() for rate in self.hours],
            "by_day": [rate.to_dict() for rate in self.days],
            "by_site": [rate.to_dict() for rate in self.sites],
            "failed": self.failed,
            "without_time": self.timeless,
            "without_day": self.dayless,
        }


@dataclass(frozen=True, slots=True)
class _Seen:
    """One verdict with its place in time and space; hour and day may be unknown."""

    label: str
    site: str
    day: str
    hour: int | None

    @property
    def cluster(self) -> tuple[str, str, int | None]:
        return self.site, self.day, self.hour


def measure_activity(results: Sequence[Result], site: str = "auto") -> Activity:
    """Count verdicts by hour, day and site.

    Args:
        results: The rows.
        site: ``folder``, ``camera``, or ``auto``: the folder where there is more than one, else the camera.
    """
    judged = [result for result in results if result.label]
    sites = _sites(judged, site)
    seen = [_place(result, name) for result, name in zip(judged, sites, strict=True)]
    hours = _rates([one for one in seen if one.hour is not None], lambda one: f"{one.hour:02d}")
    return Activity(
        total=_rate("all", seen) if seen else None,
        hours=hours,
        days=_rates([one for one in seen if one.day], lambda one: one.day),
        sites=_rates(seen, lambda one: one.site),
        failed=len(results) - len(judged),
        timeless=sum(one.hour is None for one in seen),
        dayless=sum(not one.day for one in seen),
    )


def _place(result: Result, site: str) -> _Seen:
    moment = result.captured_at or capture_of(_slashes(result.path), None).captured_at
    try:
        when = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        when = None
    if when is None:
        return _Seen(result.label, site, "", None)
    # A date alone has no time of day.
    return _Seen(
        result.label, site, when.date().isoformat(), when.hour if "T" in moment or " " in moment else None
    )


def _sites(results: Sequence[Result], wanted: str) -> list[str]:
    """Return the site of each row."""
    folders = [_slashes(result.path).rpartition("/")[0] for result in results]
    if wanted == "folder" or (wanted == "auto" and len(set(folders)) > 1):
        # What all of them have in common says nothing.
        common = (
            os.path.commonpath(folders) if folders and len({path[:1] == "/" for path in folders}) == 1 else ""
        )
        return [path[len(common) :].strip("/") or common.rpartition("/")[2] or "." for path in folders]
    return [result.camera or capture_of(_slashes(result.path), None).camera or _UNKNOWN for result in results]


def _slashes(path: str) -> str:
    return path.replace("\\", "/") if os.sep == "\\" else path


def _rates(seen: Sequence[_Seen], key: Callable[[_Seen], str]) -> tuple[Rate, ...]:
    parts: Mapping[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        parts[key(one)].append(one)
    return tuple(_rate(name, parts[name]) for name in sorted(parts))


def _rate(name: str, seen: Sequence[_Seen]) -> Rate:
    pictures = Counter(one.cluster for one in seen)
    present = Counter(one.cluster for one in seen if one.label == PRESENT)
    low, high = clustered_interval([(present[cluster], count) for cluster, count in pictures.items()])
    return Rate(
        name,
        len(seen),
        sum(present.values()),
        sum(one.label == UNSURE for one in seen),
        len(pictures),
        low,
        high,
    )


def clustered_interval(clusters: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Return a 95 % interval of a share whose trials come in clusters.

    Args:
        clusters: Hits and trials of each; at least one trial in all.

    Returns:
        Wilson's interval for the effective number of trials: the share's binomial variance over its variance between
        clusters (a ratio estimator's), at most the number of trials. With one cluster, or a share of 0 or 1, where
        that variance says nothing, a cluster counts as one trial.
    """
    trials = sum(count for _, count in clusters)
    share = sum(hits for hits, _ in clusters) / trials
    number = len(clusters)
    effective = float(number)
    if number > 1 and 0 < share < 1:
        between = sum((hits - share * count) ** 2 for hits, count in clusters) * number / (number - 1)
        variance = between / trials**2
        effective = float(trials) if variance == 0 else share * (1 - share) / variance
    effective = min(max(effective, 1.0), float(trials))
    spread = _Z * math.sqrt(share * (1 - share) / effective + _Z * _Z / (4 * effective * effective))
    middle, scale = share + _Z * _Z / (2 * effective), 1 + _Z * _Z / effective
    return max(0.0, min(share, (middle - spread) / scale)), min(1.0, max(share, (middle + spread) / scale))
