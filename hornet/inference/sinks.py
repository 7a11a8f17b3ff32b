r"""Rows for people and programs: table, CSV, JSON, JSON lines, Parquet, MegaDetector's JSON.

Every format but the last has the same columns, ``path,label,probability,error``, in this order, and the same digits;
further ones, if they are asked for, come after them: of which video it is a frame and when it is shown, how unlike
anything seen it is, when and with which camera it was taken.
All of them are UTF-8 with ``\n`` on every operating system. Bytes of a file name that are no text are
written as ``\udcXX``: in JSON this is the escape that gives the name back, elsewhere it is only for reading.
"""

from __future__ import annotations

import json
import re
from typing import IO, TYPE_CHECKING, Final, Literal, Protocol

from hornet.classifier import Failure
from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hornet.inference.columns import Answer, Column
    from hornet.inference.megadetector import About

Format = Literal["table", "csv", "json", "jsonl", "parquet", "megadetector"]

COLUMNS: Final = ("path", "label", "probability", "error")

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
    further: Sequence[Column] = (),
) -> Sink:
    """Return a sink of the given format.

    Args:
        form: The format.
        stream: Where to write, binary; each row is flushed, so that a reader sees it at once. Parquet has
            row groups instead.
        console: For a table on a terminal; None: a plain one on ``stream``.
        about: What MegaDetector's format says of the model.
        further: Columns after the usual ones; a table shows those that have a width.

    Raises:
        MissingExtra: If the format needs a package that isn't installed.
        ConfigError: If MegaDetector's format isn't told about the model, or is to have further columns.
    """
    if form == "parquet":
        from hornet.inference.parquet import ParquetSink

        return ParquetSink(stream, further)
    if form == "megadetector":
        from hornet.inference.megadetector import MegaDetectorSink

        if about is None:
            raise ConfigError("MegaDetector's format says which model it was")
        if further:
            raise ConfigError(
                f"MegaDetector's format has no place for {', '.join(column.name for column in further)}"
            )
        return MegaDetectorSink(stream, about)
    if form == "csv":
        return _Csv(stream, further)
    if form == "json":
        return _Json(stream, further)
    if form == "jsonl":
        return _JsonLines(stream, further)
    return _Table(stream, console, [column for column in further if column.width])


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
    def __init__(self, stream: IO[bytes], further: Sequence[Column]) -> None:
        self._stream = stream
        self._further = further
        self._line((*COLUMNS, *(column.name for column in further)))

    def write(self, answer: Answer) -> None:
        rest = [column.text(answer) or "" for column in self._further]
        if isinstance(answer, Failure):
            self._line((answer.source, "", "", error_of(answer), *rest))
        else:
            self._line((answer.source, answer.label, digits(answer.probability), "", *rest))

    def finish(self) -> None:
        pass

    def _line(self, fields: tuple[str, ...]) -> None:
        # RFC 4180. Not the csv module: before Python 3.13 it leaves a lone carriage return unquoted.
        quoted = (
            '"' + field.replace('"', '""') + '"' if _QUOTED.search(field) else field for field in fields
        )
        self._stream.write(encode(",".join(quoted) + "\n"))
        self._stream.flush()


def json_object(answer: Answer, further: Sequence[Column] = ()) -> str:
    """Return a row as a JSON object, with the names of :data:`COLUMNS` and of the further ones."""
    source = json.dumps(answer.source, ensure_ascii=False)
    rest = "".join(f', "{column.name}": {column.json(answer)}' for column in further)
    if isinstance(answer, Failure):
        error = json.dumps(error_of(answer), ensure_ascii=False)
        return f'{{"path": {source}, "label": null, "probability": null, "error": {error}{rest}}}'
    return (
        f'{{"path": {source}, "label": "{answer.label}", '
        f'"probability": {digits(answer.probability)}, "error": null{rest}}}'
    )


class _JsonLines:
    def __init__(self, stream: IO[bytes], further: Sequence[Column]) -> None:
        self._stream = stream
        self._further = further

    def write(self, answer: Answer) -> None:
        self._stream.write(encode(json_object(answer, self._further) + "\n"))
        self._stream.flush()

    def finish(self) -> None:
        pass


class _Json:
    def __init__(self, stream: IO[bytes], further: Sequence[Column]) -> None:
        self._stream = stream
        self._further = further
        self._before = "[\n"

    def write(self, answer: Answer) -> None:
        self._stream.write(encode(self._before + json_object(answer, self._further)))
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

    def __init__(self, stream: IO[bytes], console: Console | None, further: Sequence[Column]) -> None:
        self._stream = stream
        self._further = further
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
        rest = _REST_OF_ROW + sum(2 + column.width for column in self._further)
        room = self._console.width - rest if self._console else widest
        self._path_width = max(len("path"), min(widest, max(_MIN_PATH, room)))
        names = "".join(f"  {_aligned(column, column.name)}" for column in self._further)
        self._line("path", f"{'label':<7}  {'probability':>11}{names}".rstrip(), "bold")
        for answer in first:
            self._row(answer)

    def _name(self, answer: Answer) -> str:
        return printable(answer.source, self._encoding)

    def _row(self, answer: Answer) -> None:
        if isinstance(answer, Failure):
            self._line(self._name(answer), printable(error_of(answer), self._encoding), "magenta")
        else:
            style = {"present": "bold red", "unsure": "yellow"}.get(answer.label, "green")
            rest = "".join(
                f"  {_aligned(column, printable(column.text(answer) or '', self._encoding))}"
                for column in self._further
            )
            cells = f"{answer.label:<7}  {digits(answer.probability):>11}{rest}".rstrip()
            self._line(self._name(answer), cells, style)

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


def _aligned(column: Column, text: str) -> str:
    return f"{text:<{column.width}}" if column.places is None else f"{text:>{column.width}}"
