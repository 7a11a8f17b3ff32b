"""A folder of rows: a Parquet file a partition, what the run was asked for, and a mark when all of it is there.

``_hornet.json`` comes first and says what the run was asked for; ``part-NUMBER-FINGERPRINT.parquet`` are the
rows, in order of their names; ``_SUCCESS`` comes last and lists them. Readers of Parquet folders pass over
names that begin with an underscore or a dot.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from hornet import __version__
from hornet.errors import ConfigError, HornetError
from hornet.inference.distributed.folders import is_draft, open_folder
from hornet.inference.distributed.partitions import is_partition
from hornet.inference.journal import changes_between
from hornet.inference.parquet import ParquetSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hornet.inference.columns import Answer
    from hornet.inference.distributed.folders import Folder
    from hornet.inference.distributed.partitions import Partition

SETTINGS: Final = "_hornet.json"
SUCCESS: Final = "_SUCCESS"
_READERS: Final = 8  # threads: an S3 store answers slowly, but many at once


class RowFolder:
    """The output of a distributed run.

    Args:
        place: Folder, or ``s3://`` address.
        settings: What the run was asked for, by name; JSON's own types. Rows of another run's aren't mixed
            with these.
        resume: Whether rows may be there already.

    Attributes:
        continued: Whether a run was there already.

    Raises:
        ConfigError: If other things are in the folder, or rows of other settings, or any without ``resume``.
        HornetError: If it can't be read.
    """

    def __init__(self, place: str, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.folder: Folder = open_folder(place)
        self._settings = json.loads(json.dumps(dict(settings)))  # tuples are lists then
        names = self.folder.names()
        self.continued = SETTINGS in names
        if self.continued:
            self._check(resume=resume)
        elif names:
            raise ConfigError(
                f"{place} holds other files, such as {names[0]}; name a new or empty folder with --output"
            )

    def begin(self) -> None:
        """Say what the run was asked for, and that its rows aren't complete.

        Raises:
            ConfigError: If the folder can't be made.
            HornetError: If it can't be written to.
        """
        self.folder.make()
        if self.continued:
            self.folder.delete(SUCCESS)
        else:
            document = {"hornet predict": __version__, "settings": self._settings}
            self.folder.write(SETTINGS, json.dumps(document, indent=2).encode("ascii") + b"\n")

    def kept(self, partitions: Sequence[Partition]) -> dict[int, Counter[str]]:
        """Return the verdicts of partitions whose rows are there, by number; damaged files don't count."""
        there = set(self.folder.names())
        found = [partition for partition in partitions if partition.file in there]
        with ThreadPoolExecutor(_READERS) as pool:
            counts = pool.map(self._count, found)
            return {
                partition.number: count
                for partition, count in zip(found, counts, strict=True)
                if count is not None
            }

    def finish(self, partitions: Iterable[Partition], counts: Mapping[str, int]) -> None:
        """Remove what belongs to none of the partitions, and mark the folder as complete.

        Raises:
            HornetError: If rows are missing, or the folder can't be written to.
        """
        files = {partition.file: partition.rows for partition in partitions}
        there = self.folder.names()
        missing = sorted(set(files) - set(there))
        if missing:
            raise HornetError(
                f"{len(missing):,} of {len(files):,} files that workers have written aren't in "
                f"{self.folder.place}, such as {missing[0]}: name an output that all machines of the cluster "
                "share, such as an s3:// address"
            )
        stale = [name for name in there if is_draft(name) or (is_partition(name) and name not in files)]
        if stale:
            self.folder.delete(SUCCESS)  # which may list them
        for name in stale:
            self.folder.delete(name)
        document = {
            "rows": sum(files.values()),
            "verdicts": dict(counts),
            "files": [{"name": name, "rows": rows} for name, rows in files.items()],
        }
        self.folder.write(SUCCESS, json.dumps(document, indent=2).encode("ascii") + b"\n")

    def _check(self, *, resume: bool) -> None:
        place = self.folder.place
        try:
            then = json.loads(self.folder.read(SETTINGS))["settings"]
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{SETTINGS} in {place} is damaged; delete the folder to begin anew, or name another"
            ) from None
        if changes := changes_between(then, self._settings):
            raise ConfigError(
                f"{place} holds rows of a run with other settings, which can't be mixed with these: "
                f"{'; '.join(changes)}. Repeat the settings to go on, or name another folder"
            )
        if not resume:
            raise ConfigError(
                f"{place} holds rows of an earlier run; pass --resume to go on with it, or name another folder"
            )

    def _count(self, partition: Partition) -> Counter[str] | None:
        from pyarrow import ArrowException, parquet

        try:
            file = parquet.ParquetFile(io.BytesIO(self.folder.read(partition.file)))
            labels = file.read(columns=["label"])["label"].to_pylist()
        except (HornetError, OSError, ValueError, KeyError, ArrowException):
            return None
        if len(labels) != partition.rows:
            return None
        return Counter("failed" if label is None else label for label in labels)


def write_rows(folder: Folder, name: str, answers: Iterable[Answer]) -> Counter[str]:
    """Write a partition's rows, and count the verdicts.

    In memory first: it is a few bytes a row, and what is whole can be written by one call.

    Raises:
        HornetError: If they can't be written.
    """
    from hornet.classifier import Failure

    counts: Counter[str] = Counter()
    stream = io.BytesIO()
    sink = ParquetSink(stream)
    for answer in answers:
        sink.write(answer)
        counts["failed" if isinstance(answer, Failure) else answer.label] += 1
    sink.finish()
    folder.write(name, stream.getvalue())
    return counts
