"""Make the manifests that the shipped model is trained and examined with.

The folder ``HORNET_REAL_DATA`` holds real pictures and ``manifest.csv``. This script adds the masks of
the burnt-in texts, the species where it is known, and the split of one exam::

    python benchmarks/real_manifest.py runs/portal.csv
    python benchmarks/real_manifest.py runs/no-web.csv --exam web-unseen

The splits are frozen: ``data/exam/portal.csv`` has the split of every observation, 70 / 15 / 15 %, and
``data/exam/hivecam.csv`` the fold of every day.

Models of close pictures don't learn from the hive camera: squeezed to their input, a hornet there is 12 px wide, and what
can't be seen would be learned by the looks of the place. Only where all other hives are left out, its absences stand for
them. Models of the camera's own days learn from that camera alone, at a larger input.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hornet.dataset import Dataset, read_manifest, write_manifest

if TYPE_CHECKING:
    from hornet.dataset import Record
    from hornet.images import Box

#: Camera name at the top left, date and time at the top right of every hivecam frame.
HIVECAM_TEXTS: Final[tuple[Box, ...]] = ((0.0, 0.0, 0.14, 0.045), (0.74, 0.0, 1.0, 0.045))

#: What each exam asks of a model that never saw the pictures it is tested on.
EXAMS: Final = {
    "portal": "observations, a fixed hive camera, bumblebees and a hive front that are new to it",
    "portal-unseen": "all of portal, by a model trained without it",
    "web-unseen": "all of web, by a model trained without it",
    "hivecam-1": "the busiest day of a hive camera whose other days it knows",
    "hivecam-2": "eight other days of that camera",
    "hivecam-3": "its remaining days",
    "alarms": "insects and hives of sources that are new to it; none shows a hornet",
}
#: Begins the names of the exams on days of a camera whose other days are known.
DAYS: Final = "hivecam-"

_FROZEN = Path(__file__).resolve().parent.parent / "data" / "exam"
#: How portal's file names begin.
_SPECIES: Final = {"vvel": "Vespa velutina", "vcra": "Vespa crabro", "vvul": "Vespula vulgaris"}
#: Frames of the hive camera that show the opposite of their label; the exams keep them as they are, but no model
#: learns from them.
WRONG_LABELS: Final = _FROZEN / "hivecam-wrong-labels.csv"
_LOOKALIKES = ("insects_", "hive_")  # sources without any hornet
_VALIDATION: Final = 0.2  # share of the pictures, where no part of portal can validate


class Splits:
    """The frozen splits."""

    def __init__(self) -> None:
        self.portal = _read("portal.csv", "split")
        self.fold = _read("hivecam.csv", "fold")
        self.wrong = wrong_labels()

    def of(self, record: Record, exam: str) -> str:
        """Return ``train``, ``validation``, ``test`` or nothing: left out."""
        source = record.source
        if source == "hivecam":
            return self._hivecam(record, exam)
        if exam.startswith(DAYS):
            return ""
        if exam == f"{source}-unseen":
            return "test"
        if source == "portal":
            return self._portal(record, exam)
        if source.startswith(_LOOKALIKES):
            return self._lookalike(source, exam)
        # That leaves web. Without portal's own validation part, an exam on all of it is validated there.
        return _by_lot(record) if exam == "portal-unseen" else "train"

    def _portal(self, record: Record, exam: str) -> str:
        split = self.portal[record.group]
        return split if split != "test" or exam == "portal" else ""

    def _hivecam(self, record: Record, exam: str) -> str:
        if exam == "portal" or self.fold[record.group] == exam.removeprefix(DAYS):
            return "test"
        if key(record.name) in self.wrong:
            return ""
        if exam.startswith(DAYS):
            return _by_lot(record)
        return "train" if exam == "alarms" and not record.label else ""

    @staticmethod
    def _lookalike(source: str, exam: str) -> str:
        if exam == "alarms":
            return "test"
        unseen = source in {"insects_bumblebee", "hive_bnn"}
        return "train" if not unseen else "test" if exam == "portal" else ""


def prepare(dataset: Dataset, exam: str) -> Dataset:
    """Return the pictures of an exam with masks and splits."""
    splits, records = Splits(), []
    for record in dataset.records:
        split = splits.of(record, exam)
        if not split:
            continue
        masks = HIVECAM_TEXTS if record.source == "hivecam" else record.masks
        species = record.species or _species(record)
        # Where one source serves to train and to stop early, its pictures stand alone: web is one group, and of
        # the camera's days with absences there are too few. It flatters validation, which only stops.
        alone = split != "test" and (
            exam.startswith(DAYS) or (record.source, exam) == ("web", "portal-unseen")
        )
        group = record.name if alone else record.group
        records.append(dataclasses.replace(record, split=split, masks=masks, group=group, species=species))
    columns = tuple(dict.fromkeys((*dataset.columns, "split", "mask", "species")))
    return dataclasses.replace(dataset, records=tuple(records), columns=columns)


def _species(record: Record) -> str:
    """Return the species that the publisher of portal put into the name of the file, or nothing."""
    origin = dict(record.extra).get("origin", "")
    return _SPECIES.get(origin.rpartition("/")[2].partition("_")[0], "") if record.source == "portal" else ""


def real_pictures() -> Dataset:
    """Read the manifest of the real pictures.

    Raises:
        SystemExit: If nobody said where they are.
    """
    folder = os.environ.get("HORNET_REAL_DATA")
    if not folder:
        raise SystemExit("set HORNET_REAL_DATA to the folder of real pictures")
    return read_manifest(Path(folder) / "manifest.csv")


def key(name: str) -> str:
    """Return what a picture is called in every manifest: its file's name."""
    return name.rsplit("/", 1)[-1]


def wrong_labels() -> frozenset[str]:
    """Return the names of the frames that were found to show the opposite of their label."""
    with WRONG_LABELS.open(encoding="utf-8", newline="") as file:
        return frozenset(key(row["path"]) for row in csv.DictReader(file))


def _by_lot(record: Record) -> str:
    """Draw train or validation by what only the picture's content decides."""
    lot = int(record.column("sha256")[:8], 16) / 16**8
    return "validation" if lot < _VALIDATION else "train"


def _read(name: str, column: str) -> dict[str, str]:
    with (_FROZEN / name).open(encoding="utf-8", newline="") as file:
        return {row["group"]: row[column] for row in csv.DictReader(file)}


def main() -> None:
    """Write one manifest and print what it holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="manifest to write")
    parser.add_argument("--exam", choices=EXAMS, default="portal")
    arguments = parser.parse_args()
    dataset = prepare(real_pictures(), arguments.exam)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(dataset, arguments.out)
    for (split, source, label), count in sorted(
        Counter((r.split, r.source, r.label) for r in dataset.records).items()
    ):
        print(f"{split:10} {source:20} {'presence' if label else 'absence':8} {count:5}")


if __name__ == "__main__":
    main()
