"""Options and files that the lab's commands share."""

from __future__ import annotations

import csv
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hornet.training.config import TrainConfig

DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="Folder of class folders, or manifest (CSV).")
]
WeightsOption = Annotated[
    str,
    typer.Option("--weights", metavar="imagenet|none|FILE", help="Starting weights that make the features."),
]
SizeOption = Annotated[str, typer.Option("--size", metavar="HxW", help="Input of the network, px.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for table, JSON and plot.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides everything that is random.")]
GroupByOption = Annotated[
    Literal["auto", "day", "burst", "folder", "none"],
    typer.Option("--group-by", help="What keeps pictures together where no group is given."),
]
SplitFileOption = Annotated[
    Path | None,
    typer.Option("--split-file", metavar="FILE", help="Frozen split: CSV with path and split."),
]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], typer.Option("--device", help="Where to compute.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of the CPU. Default: all cores.")
]


def lab_config(data: Path, *, size: str | None = None, file: Path | None = None, **given: Any) -> TrainConfig:
    """Build the settings that decide how pictures are read and split, as ``train`` would; None leaves the default."""
    from hornet.cli.common import parse_size
    from hornet.training.config import build_config

    values = {name: value for name, value in given.items() if value is not None}
    if size is not None:
        values["size"] = parse_size(size)
    return build_config({"data": data, **values}, file)


def flags_given(context: typer.Context, names: Iterable[str]) -> dict[str, Any]:
    """Return those flags that were written on the command line, so that a file's settings aren't lost to defaults."""
    return {name: context.params[name] for name in names if _written(context, name)}


def _written(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder for decoded pictures that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hornet-lab-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def make_folder(folder: Path) -> Path:
    """Make a folder for results.

    Raises:
        ConfigError: If that can't be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"can't make {folder}: {error.strerror or error}; choose another --out") from None
    return folder


def write_table(file: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def write_document(file: Path, document: Any) -> None:
    """Write a result as JSON."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8", newline="\n")
