"""Where ``hornet predict`` writes its rows, and how."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import typer

from hornet.cli.common import Exit
from hornet.errors import ConfigError, HornetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from hornet.classifier import Classifier
    from hornet.inference.columns import Column
    from hornet.inference.sinks import Sink


class RowFormat(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    parquet = "parquet"
    megadetector = "megadetector"


_BY_EXTENSION: Final = {
    "": RowFormat.csv,
    ".csv": RowFormat.csv,
    ".json": RowFormat.json,
    ".jsonl": RowFormat.jsonl,
    ".ndjson": RowFormat.jsonl,
    ".parquet": RowFormat.parquet,
    ".txt": RowFormat.table,
}

#: Added to the output's name for the journal of a run that can be resumed.
JOURNAL: Final = ".journal"
#: Added to the output's name while a run that can be resumed writes it: the next session finds it.
_DRAFT: Final = ".hornet-part"


def choose_format(form: RowFormat | None, output: str | None) -> RowFormat:
    """Return the format asked for, else that of the file's extension, else what suits stdout.

    Raises:
        BadParameter: If the extension says nothing, or a terminal would get bytes.
    """
    if form is None and output is not None:
        form = _BY_EXTENSION.get(Path(output).suffix.lower())
        if form is None:
            raise typer.BadParameter(
                f"can't tell the format from the extension {Path(output).suffix}; pass --format, or use .csv, "
                ".json, .jsonl, .parquet or .txt",
                param_hint="--output",
            )
    if form is None:
        return RowFormat.table if sys.stdout.isatty() else RowFormat.csv
    if form is RowFormat.parquet and output is None and sys.stdout.isatty():
        raise typer.BadParameter(
            "parquet isn't for reading; name a file with --output", param_hint="--format"
        )
    return form


def open_rows(form: RowFormat, output: str | None, *, resumable: bool) -> AbstractContextManager[IO[bytes]]:
    """Open the stream that rows go to: a file that appears when it is whole, or stdout."""
    if form is RowFormat.parquet:
        from importlib.util import find_spec

        from hornet.errors import MissingExtra

        if find_spec("pyarrow") is None:  # said now, not after the model is loaded
            raise MissingExtra("parquet", "--format parquet")
    if output is None:
        return _stdout()
    from hornet.inference.output import whole_file

    return whole_file(output, draft=draft_of(output) if resumable else None)


def draft_of(output: str) -> str:
    """Return where a run that can be resumed writes its output until that is whole."""
    return os.path.realpath(output) + _DRAFT


def make_sink(
    form: RowFormat,
    stream: IO[bytes],
    classifier: Classifier,
    threshold: float | None,
    further: Sequence[Column],
) -> Sink:
    """Return what writes the rows."""
    from hornet.inference.sinks import open_sink

    console = about = None
    if form is RowFormat.table and stream is sys.stdout.buffer and sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False)
    elif form is RowFormat.megadetector:
        from hornet.inference.megadetector import About

        contract = classifier.contract
        low, high = (contract.low, contract.high) if threshold is None else (threshold, threshold)
        about = About(classifier.artifact.path.name, low, high)
    return open_sink(form.value, stream, console=console, about=about, further=further)


def check_resumable(output: str | None) -> str:
    """Return the output, or say why a run that writes there can't be resumed.

    Raises:
        BadParameter: If rows go to stdout.
        ConfigError: If they go to something that is no regular file.
    """
    if output is None:
        raise typer.BadParameter(
            "the journal lies beside the output: name a file with --output", param_hint="--resume"
        )
    from hornet.inference.output import is_special

    if is_special(output):
        raise ConfigError(f"--resume: {output} is no regular file, so that nothing can lie beside it")
    return output


@contextmanager
def _stdout() -> Iterator[IO[bytes]]:
    try:
        # Bytes: on Windows the text layer would double the line ends, and know no UTF-8.
        yield sys.stdout.buffer
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Else Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.FAILED) from None
    except OSError as error:
        # The sinks' own stream: everything that is read is checked where it is read.
        raise HornetError(f"can't write the rows: {error.strerror or error}") from None
