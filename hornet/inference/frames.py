"""Names of videos and of their frames."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fractions import Fraction

#: What a folder scan takes for a video, lower case, where videos can be read.
VIDEO_EXTENSIONS: Final = frozenset(
    (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".3gp", ".mts", ".m2ts", ".mpg", ".mpeg")
)

_FRAME: Final = re.compile(r"(.*\.[A-Za-z0-9]+)#t=([0-9]+\.[0-9]{3})", re.DOTALL)


def is_video(path: str) -> bool:
    """Whether a file's extension is one of a video."""
    return os.path.splitext(path)[1].lower() in VIDEO_EXTENSIONS


def frame_name(video: str, seconds: Fraction) -> str:
    """Return what the row of a frame says as its path."""
    return f"{video}#t={float(seconds):.3f}"


def split_name(name: str) -> tuple[str, float] | None:
    """Return the video and the time, s, of a frame's name; None: it is no frame's."""
    match = _FRAME.fullmatch(name)
    return (match[1], float(match[2])) if match and is_video(match[1]) else None
