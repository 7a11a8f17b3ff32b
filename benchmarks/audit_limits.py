"""Measure what the limits of ``hornet data audit`` rest on: how copies, frames of fixed cameras, and blur come out.

Usage: python benchmarks/audit_limits.py MANIFEST --fixed SOURCE [--copies 60]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hornet.dataset import read_manifest
from hornet.dataset.drawings import encode_jpeg
from hornet.dataset.likeness import alike
from hornet.dataset.traces import Trace
from hornet.evaluation.audit.copies import TOLERANCE, Surroundings
from hornet.evaluation.audit.looks import GREY, Look, look_at
from hornet.evaluation.audit.quality import measure_quality
from hornet.images import PixelRule, decode, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornet.dataset import Record


def main() -> None:
    """Print one section a question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--fixed", required=True, metavar="SOURCE", help="source of the fixed cameras")
    parser.add_argument("--copies", type=int, default=60, help="pictures of each source that are changed")
    arguments = parser.parse_args()
    records = read_manifest(arguments.manifest).records
    for source in dict.fromkeys(record.source for record in records):
        members = [record for record in records if record.source == source]
        if source == arguments.fixed:
            looks = look_at(members, {"quality": measure_quality})
            frames(members, looks)
            show_blur(source, looks)
        elif len(members) >= arguments.copies:
            copies(source, members, arguments.copies)
            show_blur(source, look_at(members, {"quality": measure_quality}))


def frames(records: Sequence[Record], looks: Sequence[Look]) -> None:
    """Print how many pairs of frames that are alike stay within each tolerance, by whether their labels agree."""
    shown = [(index, look.trace.thumbnail) for index, look in enumerate(looks)]
    places = [index for index, thumbnail in shown if thumbnail is not None]
    surroundings = Surroundings(looks)
    values: dict[bool, list[int]] = {True: [], False: []}
    for one, others, _ in alike(np.stack([thumbnail for _, thumbnail in shown if thumbnail is not None])):
        for other in others[others > one].tolist():
            pair = places[one], places[other]
            agree = records[pair[0]].label == records[pair[1]].label
            values[agree].append(surroundings.difference(*pair))
    for limit in (8, TOLERANCE, 16, 20, 30, 40):
        within = {agree: sum(value <= limit for value in found) for agree, found in values.items()}
        print(f"fixed cameras, tolerance {limit}: {within[True]} pairs of one label, {within[False]} of both")
    print(f"fixed cameras, alike: {len(values[True])} pairs of one label, {len(values[False])} of both")


def copies(source: str, records: Sequence[Record], count: int) -> None:
    """Print how far places of a changed copy lie outside the original's surroundings."""
    results: dict[str, list[int]] = {"half the size": [], "JPEG quality 40": [], "quarter of the size": []}
    for index in np.random.default_rng(0).permutation(len(records))[:count]:
        picture = decode(read_file(records[index].path))
        width, height = picture.size
        changed = {
            "half the size": encode_jpeg(picture.resize((max(1, width // 2), max(1, height // 2)))),
            "JPEG quality 40": encode_jpeg(picture, quality=40),
            "quarter of the size": encode_jpeg(picture.resize((max(1, width // 4), max(1, height // 4)))),
        }
        for name, data in changed.items():
            pair = [_grey(picture), _grey(decode(data))]
            results[name].append(Surroundings(pair).difference(0, 1))
    for name, found in results.items():
        middle, most = np.percentile(found, (50, 95))
        print(
            f"{source}, {name}: {len(found)} pictures, median {middle:.0f}, 95 % {most:.0f}, most {max(found)}"
        )


def _grey(picture: Image.Image) -> Look:
    grey = Image.fromarray(preprocess(picture, PixelRule((GREY, GREY)))).convert("L")
    return Look(Trace(None), thumbnail=np.asarray(grey))


def show_blur(source: str, looks: Sequence[Look]) -> None:
    """Print the blur effect of a source's pictures."""
    blur = [look.measures["quality"].blur for look in looks if look.readable]
    shares = np.nanpercentile(blur, (5, 50, 95, 100))
    words = zip(("5 %", "median", "95 %", "most"), shares, strict=True)
    print(
        f"{source}, blur effect of {len(blur)}: " + ", ".join(f"{word} {share:.2f}" for word, share in words)
    )


if __name__ == "__main__":
    main()
