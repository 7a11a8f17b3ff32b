r"""Rows for people and programs: table, CSV, JSON, JSON lines, Parquet, MegaDetector's JSON.

Every format but the last has the same columns, ``path,label,probability,error``, in this order, and the same digits;
CSV, JSON and Parquet can have two more, ``video,time``: whose frame it is, and when it is shown, s.
All of them are UTF-8 with ``\n`` on every operating system. Bytes of a file name that are no text are
written as ``\udcXX``: in JSON this is the escape that gives the name back, elsewhere it is only for reading.
"""

from __future__ import annotations

import json
import re
from typing import IO, TYPE_CHECKING, Final, Literal, Protocol

from hornet.classifier import Failure, Prediction
from hornet.errors import ConfigError
from hornet.inference.frames import split_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hornet.inference.megadetector import About

Answer = Prediction | Failure
Format = Literal["table", "csv", "json", "jsonl", "parquet", "megadetector"]

COLUMNS: Final = ("path", "label", "probability", "error")
#: Further ones, where they are asked for; missing for what is no frame of a video.
TIME_COLUMNS: Final = ("video", "time")

_QUOTED: Final = re.compile(r'[",\r\n]|^\s|\s$')

# Rows whose widths lay out a table; further ones are printed as they come.
_LOOK: Final = 100
_MIN_PATH: Final = 12
# Label, probability and the gaps, in characters.
_REST_OF_ROW: Final = 24


class Sink(Protocol):
    """Takes answers in order and writes a row for each; :meth:`finish` ends the document."""

    def write(self, answer: Answer) -> None:
        """Write one row."""

    def finish(self) -> None:
        """Write what comes after the last row."""


def open_sink(
    form: Format,
    stream: IO[bytes],
    *,
    console: Console | None = None,
    about: About | None = None,
    times: bool = False,
) -> Sink:
    """Return a sink of the given format.

    Args:
        form: The format.
        stream: Where to write, binary; each row is flushed, so that a reader sees it at once. Parquet has
            row groups instead.
        console: For a table on a terminal; None: a plain one on ``stream``.
        about: What MegaDetector's format says of the model.
        times: Whether rows also say of which video they are a frame, and when; not in tables and MegaDetector's
            format.

    Raises:
        MissingExtra: If the format needs a package that isn't installed.
        ConfigError: If MegaDetector's format isn't told about the model.
    """
    if form == "parquet":
        from hornet.inference.parquet import ParquetSink

        return ParquetSink(stream, times=times)
    if form == "megadetector":
        from hornet.inference.megadetector import MegaDetectorSink

        if about is None:
            raise ConfigError("MegaDetector's format says which model it was")
        return MegaDetectorSink(stream, about)
    if form == "csv":
        return _Csv(stream, times=times)
    if form == "json":
        return _Json(stream, times=times)
    if form == "jsonl":
        return _JsonLines(stream, times=times)
    return _Table(stream, console)


def encode(text: str) -> bytes:
    """Encode a row: what is no text shows as an escape instead of failing."""
    return text.encode("utf-8", "backslashreplace")


def digits(probability: float) -> str:
    """Format a probability as every format shows it."""
    return f"{probability:.6f}"


def error_of(failure: Failure) -> str:
    """Return a failure as rows show it."""
    return f"{failure.code}: {failure.message}"


class _Csv:
    def __init__(self, stream: IO[bytes], *, times: bool) -> None:
        self._stream = stream
        self._times = times
        self._line(COLUMNS + TIME_COLUMNS if times else COLUMNS)

    def write(self, answer: Answer) -> None:
        further: tuple[str, ...] = ()
        if self._times:
            video, time = split_name(answer.source) or ("", None)
            further = (video, "" if time is None else f"{time:.3f}")
        if isinstance(answer, Failure):
            self._line((answer.source, "", "", error_of(answer), *further))
        else:
            self._line((answer.source, answer.label, digits(answer.probability), "", *further))

    def finish(self) -> None:
        pass

    def _line(self, fields: Sequence[str]) -> None:
        # RFC 4180. Not the csv module: before Python 3.13 it leaves a lone carriage return unquoted.
        quoted = (
            '"' + field.replace('"', '""') + '"' if _QUOTED.search(field) else field for field in fields
        )
        self._stream.write(encode(",".join(quoted) + "\n"))
        self._stream.flush()


def json_object(answer: Answer, *, times: bool = False) -> str:
    """Return a row as a JSON object, with the names of :data:`COLUMNS` and, if asked for, of :data:`TIME_COLUMNS`."""
    source = json.dumps(answer.source, ensure_ascii=False)
    further = ""
    if times:
        video, time = split_name(answer.source) or (None, None)
        shown = "null" if time is None else f"{time:.3f}"
        further = f', "video": {json.dumps(video, ensure_ascii=False)}, "time": {shown}'
    if isinstance(answer, Failure):
        error = json.dumps(error_of(answer), ensure_ascii=False)
        return f'{{"path": {source}, "label": null, "probability": null, "error": {error}{further}}}'
    return (
        f'{{"path": {source}, "label": "{answer.label}", '
        f'"probability": {digits(answer.probability)}, "error": null{further}}}'
    )


class _JsonLines:
    def __init__(self, stream: IO[bytes], *, times: bool) -> None:
        self._stream = stream
        self._times = times

    def write(self, answer: Answer) -> None:
        self._stream.write(encode(json_object(answer, times=self._times) + "\n"))
        self._stream.flush()

    def finish(self) -> None:
        pass


class _Json:
    def __init__(self, stream: IO[bytes], *, times: bool) -> None:
        self._stream = stream
        self._times = times
        self._before = "[\n"

    def write(self, answer: Answer) -> None:
        self._stream.write(encode(self._before + json_object(answer, times=self._times)))
        self._stream.flush()
        self._before = ",\n"

    def finish(self) -> None:
        self._stream.write(b"[]\n" if self._before == "[\n" else b"\n]\n")
        self._stream.flush()


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Make text harmless to a terminal: control characters, escape sequences, reordering marks.

    Whatever isn't printable, or not in the terminal's encoding, shows as an escape such as ``\x1b``.
    """
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
        )
    return text.encode(encoding, "backslashreplace").decode(encoding)


class _Table:
    """Columns for people. The first rows decide how wide; a longer path pushes its row to the right.

    Nothing is cut or folded inside a path, so that it can be copied.
    """

    def __init__(self, stream: IO[bytes], console: Console | None) -> None:
        self._stream = stream
        self._console = console
        self._encoding = console.encoding if console else "utf-8"
        self._first: list[Answer] | None = []
        self._path_width = 0

    def write(self, answer: Answer) -> None:
        if self._first is None:
            self._row(answer)
        else:
            self._first.append(answer)
            if len(self._first) == _LOOK:
                self._begin()

    def finish(self) -> None:
        if self._first is not None:
            self._begin()

    def _begin(self) -> None:
        from rich.cells import cell_len

        first, self._first = self._first or [], None
        widest = max((cell_len(self._name(answer)) for answer in first), default=0)
        room = self._console.width - _REST_OF_ROW if self._console else widest
        self._path_width = max(len("path"), min(widest, max(_MIN_PATH, room)))
        self._line("path", f"{'label':<7}  {'probability':>11}", "bold")
        for answer in first:
            self._row(answer)

    def _name(self, answer: Answer) -> str:
        return printable(answer.source, self._encoding)

    def _row(self, answer: Answer) -> None:
        if isinstance(answer, Failure):
            self._line(self._name(answer), printable(error_of(answer), self._encoding), "magenta")
        else:
            style = {"present": "bold red", "unsure": "yellow"}.get(answer.label, "green")
            self._line(self._name(answer), f"{answer.label:<7}  {digits(answer.probability):>11}", style)

    def _line(self, path: str, cells: str, style: str) -> None:
        from rich.cells import cell_len

        start = path + " " * max(0, self._path_width - cell_len(path)) + "  "
        if self._console is None:
            self._stream.write(encode(start + cells + "\n"))
            self._stream.flush()
            return
        from rich.text import Text

        # soft_wrap: the terminal breaks long lines, not we, so that a copied path is whole.
        self._console.print(Text.assemble(start, (cells, style)), soft_wrap=True)
