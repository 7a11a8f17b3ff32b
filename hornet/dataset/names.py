"""What file names tell: when and by which camera a picture was taken, which video or observation it is from."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hornet.captures import COPY, MOMENT, camera_of, stem_of, time_in
from hornet.dataset.labels import parse_label, parse_split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_VIDEO = re.compile(
    r"(?:^|[^a-z])(?:clips?|frames?|videos?|vid|movies?|films?|seq|sequences?)(?![a-z])|[._](?:mp4|mov|avi|mkv|m4v|webm)(?![a-z])",
    re.IGNORECASE,
)
_FRAME = re.compile(r"(.*?)[-_ .#]*(\d+)")
_OBSERVATION = re.compile(
    r"(?:^|[^a-z])(?:obs|observations?|occurrences?|sightings?)[-_ /#]*(\d+)", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{6,12}(?![0-9A-Za-z])")

# Numbers that a portal gives to others' uploads between two of one observation.
_WIDEST = 10

# What phones write behind the time, and is no camera.
_NO_CAMERA = re.compile(
    r"hdr|burst\w*|portrait|night|pano\w*|edit\w*|copy|cover|compress\w*|crop\w*|mp|pxl|img|[0-9a-f]{6,}|\d+",
    re.IGNORECASE,
)
_CAMERA_SEEN = 3  # pictures that a word behind the time must be on to be a camera's name

# What phones write behind the time, and is no camera.
_NO_CAMERA_SEEN = 3  # pictures that a word behind the time must be on to be a camera's name


def is_copy(name: str) -> bool:
    """Tell whether a name carries a labelling service's mark of an augmented copy."""
    return COPY.search(PurePosixPath(name).name) is not None


def place_of(name: str) -> str:
    """Return a picture's folder without the folders that only say its class or split."""
    parts = PurePosixPath(name).parent.parts
    return "/".join(part for part in parts if parse_label(part) is None and not parse_split(part))


def time_of(name: str) -> str:
    """Return when a picture was taken, as its file's or folders' names say; folders of classes and splits don't.

    Returns:
        ``2019-09-16T13:58:06``, ``2019-09-16``, or an empty string.
    """
    return time_in(stem_of(name), place_of(name))


def cameras_of(names: Sequence[str]) -> list[str]:
    """Return each picture's camera where its name tells, else an empty string.

    That is ``cam2`` or ``camera_b`` anywhere, or a word right behind the time that comes again and again.
    """
    behind = [_behind_time(name) for name in names]
    seen = Counter(behind)
    result = []
    for name, word in zip(names, behind, strict=True):
        result.append(camera_of(name) or (word if seen[word] >= _CAMERA_SEEN else ""))
    return result


def video_of(name: str) -> str:
    """Return which video a picture is a frame of, or an empty string.

    The name, or that of its folder, must say so (``clip_000123``, ``frame12``, ``hive.mp4/0001``): pictures
    that are merely numbered are no video.
    """
    stem, place = stem_of(name), place_of(name)
    frame = _FRAME.fullmatch(stem)
    if frame is None or (MOMENT.search(stem) and not _VIDEO.search(MOMENT.sub("", frame[1]))):
        return ""
    folder = place.rpartition("/")[2]
    if _VIDEO.search(frame[1]) and not _stamped(frame):
        return f"{place}/{frame[1]}".strip("/").lower()
    return place.lower() if not frame[1] and _VIDEO.search(folder) else ""


def observations(names: Sequence[str]) -> Iterable[list[int]]:
    """Find pictures of one observation by the numbers in their names.

    Numbers behind ``obs`` or ``observation`` must be equal. Long numbers without such a word, as portals give
    to uploads, count as one observation where they are much closer together than chance would have them:
    neighbours in a folder numbered without gaps are therefore none.

    Yields:
        Positions of the pictures of each observation with more than one.
    """
    exact: dict[str, list[int]] = defaultdict(list)
    families: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, name in enumerate(names):
        stem, place = stem_of(name), place_of(name)
        if match := _OBSERVATION.search(f"{place}/{stem}"):
            exact[match[1]].append(index)
        elif not MOMENT.search(stem) and (number := _NUMBER.search(stem)):
            families[f"{place}/{stem[: number.start()]}"].append((int(number[0]), index))
    for members in families.values():
        members.sort()
        span = members[-1][0] - members[0][0]
        # At this gap, about one pair of neighbours in a hundred would be together by chance.
        gap = min(_WIDEST, span / len(members) / 100)
        run = [members[0]]
        for member in members[1:]:
            if member[0] - run[-1][0] > gap:
                yield [index for _, index in run]
                run = []
            run.append(member)
        yield [index for _, index in run]
    yield from exact.values()


def _stamped(frame: re.Match[str]) -> bool:
    """Tell whether the last digits are the end of a moment, as in VID_20190916_135806."""
    return any(match.end() >= frame.start(2) + 1 for match in MOMENT.finditer(frame[0]))


def _behind_time(name: str) -> str:
    stem = stem_of(name)
    match = MOMENT.search(stem)
    word = re.match(r"[-_ ]+([0-9A-Za-z]{1,12})(?=$|[-_ .])", stem[match.end() :]) if match else None
    return "" if word is None or _NO_CAMERA.fullmatch(word[1]) else word[1]
