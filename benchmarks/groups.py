"""How well groups are derived from names and pixels alone, on real pictures that have groups.

The folder ``HORNET_REAL_DATA`` holds the pictures and ``manifest.csv``; docs/training.md has the figures.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hornet.dataset import Dataset, derive_groups, read_manifest
from hornet.dataset.likeness import alike, hashes, thumbnail
from hornet.images import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

_CROPS = (0.02, 0.04, 0.06, 0.10)
_THRESHOLDS = (18, 22, 26)
_CHANGED = 400


def agreement(given: Dataset) -> None:
    """Print precision and recall of pairs of one group, by source; only names and pixels are left to go by."""
    bare = replace(
        given,
        records=tuple(replace(r, group="", captured_at="", camera="", source="") for r in given.records),
    )
    start = time.perf_counter()
    dataset, derivation = derive_groups(bare)
    print("\n".join(derivation.describe()))
    print(f"{time.perf_counter() - start:.0f} s for {len(given)} pictures")
    for source in ("hivecam", "portal"):
        pairs = [
            (old.group, new.group)
            for old, new in zip(given.records, dataset.records, strict=True)
            if old.source == source
        ]
        right, found, wanted = _pairs(pairs), _pairs(new for _, new in pairs), _pairs(old for old, _ in pairs)
        print(
            f"{source}: {right} of {found} derived and {wanted} given pairs: "
            f"precision {right / found:.3f}, recall {right / wanted:.3f}"
        )


def likeness(given: Dataset) -> None:
    """Print how many changed pictures are found, and how many different ones are joined, by threshold."""
    records = [record for record in given.records if record.source != "hivecam"]
    rng = np.random.default_rng(0)
    thumbnails = np.stack([thumbnail(record.path.read_bytes()) for record in records])
    chosen = rng.choice(len(records), _CHANGED, replace=False)
    changed = [[thumbnail(data) for data in _changes(records[i].path.read_bytes(), rng)] for i in chosen]
    for threshold in _THRESHOLDS:
        found = np.array(
            [
                [bool(list(alike(np.stack([thumbnails[i], other]), threshold))) for other in row]
                for i, row in zip(chosen, changed, strict=True)
            ]
        )
        pairs = [(i, j) for i, others, _ in alike(thumbnails, threshold) for j in others if j > i]
        same = sum(records[i].group == records[j].group for i, j in pairs)
        shares = " ".join(f"{share:.1%}" for share in found.mean(axis=0))
        print(
            f"threshold {threshold}: found {shares}; joined {same} of one group, {len(pairs) - same} of two"
        )


def speed(count: int = 10_000) -> None:
    """Print how long the comparison of all with all takes."""
    thumbnails = np.random.default_rng(0).integers(0, 256, (count, 9, 9, 3)).astype(np.uint8)
    times = [time.perf_counter()]
    hashes(thumbnails)
    times.append(time.perf_counter())
    list(alike(thumbnails))
    times.append(time.perf_counter())
    spent = [f"{after - before:.1f} s" for before, after in pairwise(times)]
    print(f"{count} pictures: hashes {spent[0]}, all with all {spent[1]}")


def _changes(data: bytes, rng: np.random.Generator) -> list[bytes]:
    """Return half the size, JPEG quality 25, and crops at random places."""
    image = decode(data)
    width, height = image.size
    changes = [
        _encode(image.resize((width // 2, height // 2), Image.Resampling.LANCZOS), 80),
        _encode(image, 25),
    ]
    for crop in _CROPS:
        x, y = rng.uniform(0, crop) * width, rng.uniform(0, crop) * height
        box = (int(x), int(y), int(x + width * (1 - crop)), int(y + height * (1 - crop)))
        changes.append(_encode(image.crop(box), 85))
    return changes


def _encode(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _pairs(groups: Iterable[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(groups).values())


if __name__ == "__main__":
    folder = os.environ.get("HORNET_REAL_DATA")
    if not folder:
        sys.exit("set HORNET_REAL_DATA to the folder of real pictures")
    real = read_manifest(Path(folder) / "manifest.csv")
    speed()
    agreement(real)
    likeness(real)
