"""What file names tell: when and by which camera a picture was taken, which video or observation it is from."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hornet.dataset.labels import parse_label, parse_split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A moment as cameras write it: 2019-09-16-135806, IMG_20190916_135806123, 2019-09-16T13.58.06. Digits in the
# middle of a hash aren't one, hence what may stand before.
_BEFORE = r"(?:^|[^0-9A-Za-z]|IMG|VID|PXL|DSC|PANO|BURST)"
_DATE = r"((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)"
_MOMENT = re.compile(rf"{_BEFORE}{_DATE}[-_ T.]*{_CLOCK}(?:\d\d\d)?(?!\d)", re.IGNORECASE)
# A date alone needs separators or a camera's prefix: eight digits may be any number.
_DAY = re.compile(
    rf"(?:{_BEFORE}(?=\d{{4}}[-_.]\d\d[-_.])|(?:IMG|VID|PXL|PANO)[-_]?){_DATE}(?!\d)", re.IGNORECASE
)
_YEARS = range(1995, 2100)  # of digital photographs

# Labelling services append a hash to every augmented copy: NAME_jpg.rf.0123abcd.jpg.
_COPY = re.compile(r"[._](?:jpe?g|png|webp|bmp|tiff?)\.rf\.[0-9a-z]+.*$", re.IGNORECASE)
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
_CAMERA = re.compile(r"(?:^|[-_ ./])(cam(?:era)?[-_ ]?(?:\d{1,3}|[a-z]))(?=$|[-_ ./])", re.IGNORECASE)
_CAMERA_SEEN = 3  # pictures that a word behind the time must be on to be a camera's name


def stem_of(name: str) -> str:
    """Return a picture's name without folders, extension and the hash of an augmented copy."""
    file = PurePosixPath(name).name
    original = _COPY.sub("", file)
    return original if original != file else PurePosixPath(file).stem


def is_copy(name: str) -> bool:
    """Tell whether a name carries a labelling service's mark of an augmented copy."""
    return _COPY.search(PurePosixPath(name).name) is not None


def place_of(name: str) -> str:
    """Return a picture's folder without the folders that only say its class or split."""
    parts = PurePosixPath(name).parent.parts
    return "/".join(part for part in parts if parse_label(part) is None and not parse_split(part))


def time_of(name: str) -> str:
    """Return when a picture was taken, as its file's or folders' names say.

    Returns:
        ``2019-09-16T13:58:06``, ``2019-09-16``, or an empty string.
    """
    stem = stem_of(name)
    if stem.lower().startswith("screenshot"):
        return ""  # when somebody looked at it
    for text in (stem, place_of(name)):
        if match := _MOMENT.search(text):
            year, _, *rest = match.groups()
            if moment := _moment(year, *rest):
                return moment.isoformat()
        if (match := _DAY.search(text)) and (moment := _moment(match[1], match[3], match[4])):
            return moment.date().isoformat()
    return ""


def cameras_of(names: Sequence[str]) -> list[str]:
    """Return each picture's camera where its name tells, else an empty string.

    That is ``cam2`` or ``camera_b`` anywhere, or a word right behind the time that comes again and again.
    """
    behind = [_behind_time(name) for name in names]
    seen = Counter(behind)
    result = []
    for name, word in zip(names, behind, strict=True):
        match = _CAMERA.search(PurePosixPath(name).with_suffix("").as_posix())
        result.append(match[1] if match else word if seen[word] >= _CAMERA_SEEN else "")
    return result


def video_of(name: str) -> str:
    """Return which video a picture is a frame of, or an empty string.

    The name, or that of its folder, must say so (``clip_000123``, ``frame12``, ``hive.mp4/0001``): pictures
    that are merely numbered are no video.
    """
    stem, place = stem_of(name), place_of(name)
    frame = _FRAME.fullmatch(stem)
    if frame is None or (_MOMENT.search(stem) and not _VIDEO.search(_MOMENT.sub("", frame[1]))):
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
        elif not _MOMENT.search(stem) and (number := _NUMBER.search(stem)):
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
    return any(match.end() >= frame.start(2) + 1 for match in _MOMENT.finditer(frame[0]))


def _moment(year: str, *rest: str) -> datetime | None:
    month, day, hour, minute, second = (*map(int, rest), 0, 0, 0)[:5]
    try:
        moment = datetime(int(year), month, day, hour, minute, second)  # noqa: DTZ001 - as the camera's clock showed
    except ValueError:  # 31 February
        return None
    return moment if moment.year in _YEARS else None


def _behind_time(name: str) -> str:
    stem = stem_of(name)
    match = _MOMENT.search(stem)
    word = re.match(r"[-_ ]+([0-9A-Za-z]{1,12})(?=$|[-_ .])", stem[match.end() :]) if match else None
    return "" if word is None or _NO_CAMERA.fullmatch(word[1]) else word[1]
