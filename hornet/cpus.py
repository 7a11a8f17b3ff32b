"""How many processors there are for this process: affinity, and the quotas of its control groups.

Neither onnxruntime nor ``os.cpu_count`` asks for quotas: in a container that may use 2 of 64 processors they
start 64 threads, which the kernel then stops for most of the time.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC: Final = Path("/proc/self")
# proc(5), mountinfo: blanks in paths are written as octal numbers.
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def available_cpus() -> int:
    """Return how many CPUs this process may use: affinity and, on Linux, the quotas of its cgroups.

    A quota of one and a half CPUs counts as two: two threads get all of it, one wouldn't.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def cgroup_quota(proc: Path = _PROC) -> float | None:
    """Return the smallest quota of a process's control group and those above it, of either version.

    Sources: the kernel's ``cgroup-v2.rst`` (``cpu.max``) and ``sched-bwc.rst`` (``cpu.cfs_quota_us``,
    ``cpu.cfs_period_us``), cgroups(7).

    Args:
        proc: The process's folder, ``/proc/self``.

    Returns:
        CPUs, as a fraction; None: no quota, or no control groups.
    """
    quotas = [quota for folder in _folders(proc) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(proc: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that limit a process's CPUs, from its own upwards."""
    try:
        groups = (proc / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
        mounts = (proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    inside: dict[bool, str] = {}  # the group's path, by whether it is version 2
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "cpu" in controllers.split(","):
            inside[number == "0"] = path
    for line in mounts.splitlines():
        here, _, there = line.partition(" - ")
        kind, _, options = (there.split(" ") + [""] * 3)[:3]
        path = inside.get(kind == "cgroup2", "")
        if path and (kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(","))):
            root, point = (_OCTAL.sub(_character, entry) for entry in here.split(" ")[3:5])
            # A container often sees its group as the root of the mount, under the host's path.
            within = path.removeprefix(root.rstrip("/")).strip("/")
            top = Path(point)
            yield from (folder for folder in _upwards(top / within, top))


def _upwards(folder: Path, top: Path) -> Iterator[Path]:
    yield folder
    while folder != top and top in folder.parents:
        folder = folder.parent
        yield folder


def _quota(folder: Path) -> float | None:
    """Return the quota of one control group, in CPUs; None: it has none."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return None if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # the root group has no such files


def _character(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))
