"""What a folder of fetched pictures has: its manifest, its dead links, and the data sets to cite."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from hornet.dataset.manifest import read_manifest, write_manifest
from hornet.dataset.records import Dataset, Record
from hornet.errors import ConfigError
from hornet.files import write_atomically
from hornet.locks import lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hornet.dataset.gbif.api import Offer

COLUMNS: Final = (
    *(
        "path",
        "label",
        "group",
        "source",
        "captured_at",
        "species",
        "licence",
        "rights_holder",
        "licence_url",
    ),
    *("url", "references", "publisher", "dataset", "taxon", "occurrence", "sha256"),
)
_DEAD: Final = ("url", "occurrence", "taxon", "code", "message")
#: Those that may be there the next time.
_PASSING: Final = frozenset(("busy", "unreachable"))
_LEFT_OVER: Final = re.compile(r"\.\d+-[0-9a-f]{12}\.[a-z]+\.[0-9a-f]{8}\.tmp")


class Ledger:
    """A folder; one process at a time.

    Args:
        folder: Made if it isn't there.

    Raises:
        ConfigError: If it can't be written, or another process fetches into it.
        ManifestInvalid: If its manifest can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.csv"
        self.dead = folder / "dead-links.csv"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".lock").open("ab")
        except OSError as error:
            raise ConfigError(f"can't write below {folder}: {error.strerror or error}") from None
        try:
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        if not lock(self._lock.fileno()):
            raise ConfigError(
                f"another hornet data fetch is writing {self.folder}; let it end, or name another folder"
            )
        self._columns: tuple[str, ...] = COLUMNS
        records: tuple[Record, ...] = ()
        if self.manifest.exists():
            dataset = read_manifest(self.manifest, require_labels=False, check_files=False)
            self._columns, records = dataset.columns, dataset.records
        for draft in self.folder.glob("*/*/.*.tmp"):  # of a process that was killed
            if _LEFT_OVER.fullmatch(draft.name):
                draft.unlink()
        self._gone = {row["url"] for row in self._dead_rows() if row["code"] not in _PASSING}
        # Somebody threw the picture away: it isn't fetched again.
        thrown = [record for record in records if not record.path.is_file()]
        self._records = [record for record in records if record.path.is_file()]
        cells = [dict(record.extra) for record in self._records]
        self._urls = {row.get("url", "") for row in cells}
        self._digests = {
            row["sha256"]: record.name
            for row, record in zip(cells, self._records, strict=True)
            if row.get("sha256")
        }
        self._counts = Counter(
            (record.label, row.get("taxon", "")) for row, record in zip(cells, self._records, strict=True)
        )
        self._observed = Counter(row.get("occurrence", "") for row in cells)
        for record in thrown:
            row = dict(record.extra)
            if row.get("url"):
                self._note(
                    (
                        row["url"],
                        row.get("occurrence", ""),
                        row.get("taxon", ""),
                        "removed",
                        "its file was removed",
                    )
                )

    def __len__(self) -> int:
        return len(self._records)

    def close(self) -> None:
        """Let others write the folder."""
        self._lock.close()

    def knows(self, url: str) -> bool:
        """Tell whether an address is fetched, or dead for good."""
        return url in self._urls or url in self._gone

    def kept(self, label: int, taxon: str) -> int:
        """Return how many pictures there are of a taxon."""
        return self._counts[label, taxon]

    def of_observation(self, occurrence: object) -> int:
        """Return how many pictures there are of an observation."""
        return self._observed[str(occurrence)]

    def same(self, digest: str) -> str | None:
        """Return the picture that has these bytes, or None."""
        return self._digests.get(digest)

    def add(self, record: Record) -> None:
        """Take a picture in; :meth:`save` writes it."""
        row = dict(record.extra)
        self._records.append(record)
        self._urls.add(row["url"])
        self._digests[row["sha256"]] = record.name
        self._counts[record.label, row["taxon"]] += 1
        self._observed[row["occurrence"]] += 1

    def bury(self, offer: Offer, taxon: str, code: str, message: str) -> None:
        """Write down why an address gave no picture.

        Raises:
            OSError: If it can't be written.
        """
        self._note((offer.url, str(offer.occurrence), taxon, code, message))

    def save(self) -> None:
        """Write the manifest, and how many pictures are of which data set, for citing them.

        Raises:
            OSError: If they can't be written; then the old ones stay.
        """
        if not self._records:
            return
        write_manifest(Dataset(tuple(self._records), self.folder, self._columns), self.manifest)
        counts = Counter(dict(record.extra).get("dataset", "") for record in self._records)
        rows = [
            ("dataset", "pictures"),
            *((key, str(number)) for key, number in sorted(counts.items()) if key),
        ]
        write_atomically(self.folder / "datasets.csv", _csv(rows))

    def _note(self, row: tuple[str, ...]) -> None:
        if row[3] not in _PASSING:
            self._gone.add(row[0])
        new = not self.dead.exists()
        with self.dead.open("ab") as file:
            file.write(_csv([_DEAD, row] if new else [row]))

    def _dead_rows(self) -> list[dict[str, str]]:
        """Return the dead links; a row that a killed process left half is none."""
        if not self.dead.exists():
            return []
        text = self.dead.read_bytes().decode("utf-8", "replace")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            write_atomically(self.dead, whole.encode())
        rows = csv.DictReader(io.StringIO(whole, newline=""))
        return [row for row in rows if all(row.get(name) is not None for name in _DEAD)]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
