"""When and with which camera a picture was taken: by EXIF, or by its name. Pure, but for the decoders' parser."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from hornet.decoders import open_header
from hornet.errors import ImageError

# A moment as cameras write it: 2019-09-16-135806, IMG_20190916_135806123, 2019-09-16T13.58.06. Digits in the
# middle of a hash aren't one, hence what may stand before.
_BEFORE = r"(?:^|[^0-9A-Za-z]|IMG|VID|PXL|DSC|PANO|BURST)"
_DATE = r"((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)"
MOMENT = re.compile(rf"{_BEFORE}{_DATE}[-_ T.]*{_CLOCK}(?:\d\d\d)?(?!\d)", re.IGNORECASE)
# A date alone needs separators or a camera's prefix: eight digits may be any number.
DAY = re.compile(
    rf"(?:{_BEFORE}(?=\d{{4}}[-_.]\d\d[-_.])|(?:IMG|VID|PXL|PANO)[-_]?){_DATE}(?!\d)", re.IGNORECASE
)
_YEARS = range(1995, 2100)  # of digital photographs

# EXIF 2.32: make, model; in the block that 0x8769 points to, when taken and when digitised. Not 0x0132, which
# is when the file was last changed.
_MAKE, _MODEL, _DETAILS, _TAKEN = 0x010F, 0x0110, 0x8769, (0x9003, 0x9004)
_FIRST_YEAR = 1995  # clocks that were never set show earlier ones

# Labelling services append a hash to every augmented copy: NAME_jpg.rf.0123abcd.jpg.
COPY = re.compile(r"[._](?:jpe?g|png|webp|bmp|tiff?)\.rf\.[0-9a-z]+.*$", re.IGNORECASE)
_CAMERA = re.compile(r"(?:^|[-_ ./])(cam(?:era)?[-_ ]?(?:\d{1,3}|[a-z]))(?=$|[-_ ./])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Capture:
    """When and with what a picture was taken.

    Attributes:
        captured_at: ISO 8601 as the camera's clock showed, a date alone where no more is known; or empty.
        camera: Maker and model by EXIF, or what the name calls it; or empty.
    """

    captured_at: str = ""
    camera: str = ""


def capture_of(name: str, data: bytes | None) -> Capture:
    """Return what a picture tells: by EXIF, else by its name.

    Args:
        name: Its path, with ``/``.
        data: The encoded picture; None, or one that can't be read: only the name tells.
    """
    captured_at = camera = ""
    if data is not None:
        with suppress(ImageError):
            captured_at, camera = exif_of(data)
    return Capture(captured_at or time_of(name), camera or camera_of(name))


def capture_of_frame(video: str, seconds: float) -> Capture:
    """Return what a video's name tells of a frame: the moment in it is when it begins.

    Args:
        video: Its path, with ``/``.
        seconds: From its beginning.
    """
    begins, camera = time_of(video), camera_of(video)
    if "T" in begins:
        moment = datetime.fromisoformat(begins) + timedelta(seconds=int(seconds))
        begins = moment.isoformat()
    return Capture(begins, camera)


def stem_of(name: str) -> str:
    """Return a picture's name without folders, extension and the hash of an augmented copy."""
    file = PurePosixPath(name).name
    original = COPY.sub("", file)
    return original if original != file else PurePosixPath(file).stem


def time_of(name: str) -> str:
    """Return when a picture was taken, as its file's or folders' names say.

    Returns:
        ``2019-09-16T13:58:06``, ``2019-09-16``, or an empty string.
    """
    return time_in(stem_of(name), PurePosixPath(name).parent.as_posix())


def time_in(stem: str, place: str) -> str:
    """Return when a picture was taken, as its name says, else that of its folders; see :func:`time_of`."""
    if stem.lower().startswith("screenshot"):
        return ""  # when somebody looked at it
    for text in (stem, place):
        if match := MOMENT.search(text):
            year, _, *rest = match.groups()
            if moment := _moment(year, *rest):
                return moment.isoformat()
        if (match := DAY.search(text)) and (moment := _moment(match[1], match[3], match[4])):
            return moment.date().isoformat()
    return ""


def camera_of(name: str) -> str:
    """Return ``cam2`` or ``camera_b`` where a path has such a word, else an empty string."""
    match = _CAMERA.search(PurePosixPath(name).with_suffix("").as_posix())
    return match[1] if match else ""


def exif_of(data: bytes) -> tuple[str, str]:
    """Return when a picture was taken (ISO 8601, or empty) and the camera's maker and model (or empty).

    Raises:
        ImageError: If the picture's header can't be read.
    """
    with open_header(data) as image:
        try:
            exif = image.getexif()
            details = exif.get_ifd(_DETAILS)
            names = [_text(exif.get(tag)) for tag in (_MAKE, _MODEL)]
            times = [_text(details.get(tag)) for tag in _TAKEN]
        except (OSError, ValueError, SyntaxError, TypeError, LookupError, OverflowError, struct.error):
            return "", ""  # a broken EXIF block doesn't spoil the pixels
    make, model = names
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return next((time for time in map(_exif_moment, times) if time), ""), camera


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return " ".join(text.partition("\0")[0].split()) if isinstance(text, str) else ""


def _exif_moment(text: str) -> str:
    """Read EXIF's ``YYYY:MM:DD HH:MM:SS``; what makes no sense is empty."""
    try:
        moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - as the camera's clock showed
    except ValueError:
        return ""
    return moment.isoformat() if moment.year >= _FIRST_YEAR else ""


def _moment(year: str, *rest: str) -> datetime | None:
    month, day, hour, minute, second = (*map(int, rest), 0, 0, 0)[:5]
    try:
        moment = datetime(int(year), month, day, hour, minute, second)  # noqa: DTZ001 - as the camera's clock showed
    except ValueError:  # 31 February
        return None
    return moment if moment.year in _YEARS else None
