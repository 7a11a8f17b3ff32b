"""What several commands share: options, exit codes, results as JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hornet.errors import ConfigError
from hornet.files import write_atomically

if TYPE_CHECKING:
    from hornet.images import Box


class Exit(IntEnum):
    """Exit codes that scripts rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    NOT_PROMOTED = 4


_SECONDS: Final = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "": Fraction(1),
    "m": Fraction(60),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="FILE", help="Model file; else HORNET_MODEL, the champion, the packed one."
    ),
]


def _writable(target: str | None) -> str | None:
    """Refuse a result's file that can't come to be, before hours go into the result.

    Raises:
        ConfigError: If its folder isn't there or can't be written.
    """
    if target is None or target == "-":
        return target
    folder = Path(target).parent
    if not folder.is_dir():
        raise ConfigError(f"can't write {target}: there is no folder {folder}; make it first")
    if Path(target).is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(
            f"can't write {target}: {'it is a folder' if Path(target).is_dir() else 'no permission'}"
        )
    return target


JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the result as JSON; - for stdout.", callback=_writable
    ),
]


def say(message: str = "") -> None:
    """Print a message for people on stderr; stdout is for results."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def emit_json(document: Any, target: str | None) -> None:
    """Write a result as JSON to a file, never half of it, or to stdout (``-``); None: nowhere.

    Raises:
        ConfigError: If the file can't be written.
    """
    if target is None:
        return
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        # File names may hold bytes that are no UTF-8, and a terminal may know fewer letters.
        if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8" or not _encodable(text):
            text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        sys.stdout.write(text)
        return
    try:
        write_atomically(Path(target), text.encode(errors="backslashreplace"))
    except OSError as error:
        raise ConfigError(f"can't write {target}: {error.strerror or error}") from None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_duration(text: str, flag: str) -> Fraction:
    """Read a time with its unit, such as ``500ms``, ``1.5s``, ``10m``, ``2h`` or ``7d``; without one, seconds.

    Returns:
        Seconds, exactly.

    Raises:
        BadParameter: If it is none.
    """
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|m|min|h|d|)", text.strip().lower())
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is no time; write a number and ms, s, m, h or d, such as 10m", param_hint=flag
        )
    return Fraction(match[1]) * _SECONDS[match[2]]


def parse_every(text: str) -> Fraction:
    """Read how often frames of videos are looked at."""
    every = parse_duration(text, "--every")
    if every < Fraction(1, 100):
        raise typer.BadParameter("at least 10ms", param_hint="--every")
    return every


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HxW``, or one number for a square."""
    height, _, width = text.lower().partition("x")
    try:
        return int(height), int(width or height)
    except ValueError:
        raise ConfigError(f"--size {text}: write height x width in pixels, such as 224x224") from None


def parse_mask(text: str) -> Box:
    """Read ``X0,Y0,X1,Y1``."""
    try:
        x0, y0, x1, y1 = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ConfigError(f"--mask {text}: write x0,y0,x1,y1 as fractions, such as 0,0,0.3,0.1") from None
    return (x0, y0, x1, y1)
