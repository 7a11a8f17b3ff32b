"""Make the manifests that the shipped model is trained and measured with.

The folder ``HORNET_REAL_DATA`` holds real pictures and ``manifest.csv``. This script adds the masks of
the burnt-in texts and a split, and leaves sources out on request::

    python benchmarks/real_manifest.py runs/first.csv
    python benchmarks/real_manifest.py runs/no-web.csv --hold-out web

Splits: ``portal`` by observation, 70 / 15 / 15 %. ``hivecam`` (a hornet is 12 px wide at 224 px),
``insects_bumblebee`` and ``hive_bnn`` are never trained on: they test. What else there is trains.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hornet.dataset import Dataset, read_manifest, split_dataset, write_manifest

if TYPE_CHECKING:
    from hornet.images import Box

#: Sources that the first model has never seen.
HELD_OUT = ("hivecam", "insects_bumblebee", "hive_bnn")
#: Camera name at the top left, date and time at the top right of every hivecam frame.
HIVECAM_TEXTS: tuple[Box, ...] = ((0.0, 0.0, 0.14, 0.045), (0.74, 0.0, 1.0, 0.045))


def prepare(dataset: Dataset, held_out: tuple[str, ...] = HELD_OUT) -> Dataset:
    """Return the data set with masks and splits; the split of ``portal`` doesn't depend on the rest."""
    portal = [record for record in dataset.records if record.source == "portal"]
    portal_split = {
        record.name: record.split
        for record in split_dataset(dataclasses.replace(dataset, records=tuple(portal)), seed=0).records
    }
    records = []
    for record in dataset.records:
        split = portal_split.get(record.name) or ("test" if record.source in held_out else "train")
        masks = HIVECAM_TEXTS if record.source == "hivecam" else record.masks
        records.append(dataclasses.replace(record, split=split, masks=masks))
    columns = tuple(dict.fromkeys((*dataset.columns, "split", "mask")))
    return dataclasses.replace(dataset, records=tuple(records), columns=columns)


def main() -> None:
    """Write one manifest and print what it holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="manifest to write")
    parser.add_argument("--hold-out", action="append", default=[], help="source to test on, not to train on")
    arguments = parser.parse_args()
    folder = os.environ.get("HORNET_REAL_DATA")
    if not folder:
        parser.error("set HORNET_REAL_DATA to the folder of real pictures")
    dataset = prepare(read_manifest(Path(folder) / "manifest.csv"), (*HELD_OUT, *arguments.hold_out))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(dataset, arguments.out)
    for (split, source, label), count in sorted(
        Counter((r.split, r.source, r.label) for r in dataset.records).items()
    ):
        print(f"{split:10} {source:20} {'presence' if label else 'absence':8} {count:5}")


if __name__ == "__main__":
    main()
