"""How often the audit's probes find a shortcut where there is none, on drawn data sets.

    python benchmarks/audit_false_alarms.py [--sets 20] [--json FILE]

Kinds of clean data sets take turns: single photos; a fixed camera before the same scene day after day, with an insect
of either class now and then; visits of which each has several pictures and one label; and few pictures. Labels are
drawn independently of place, day, hour, camera and JPEG quality. Prints what was found in each, and how often.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hornet.dataset import Dataset, Record
from hornet.dataset.drawings import draw, encode_jpeg
from hornet.dataset.insects import INSECTS, draw_insect
from hornet.evaluation.audit import audit
from hornet.evaluation.audit.run import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

#: Findings that count: the others are about copies and numbers, which drawings of a fixed camera may well have.
COUNTED = ("leakage", "metadata", "colour", "border", "corner", "blur", "burnt-in-text")
KINDS = ("photos", "camera", "visits", "few")
_START = datetime(2024, 8, 1, 9)  # noqa: DTZ001 - as a camera's clock shows


def write_clean(folder: Path, kind: str, seed: int, *, pictures: int = 120) -> Dataset:
    """Draw a data set whose labels nothing but the insects tell.

    Args:
        folder: Where the pictures go.
        kind: One of :data:`KINDS`.
        seed: Decides everything.
        pictures: How many; ``few`` has a third of them.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    count = pictures // 3 if kind == "few" else pictures
    each = 3 if kind == "visits" else 1
    paint = _camera(rng) if kind == "camera" else _photo
    records: list[Record] = []
    for number in range(count):
        first = number % each == 0
        label = int(rng.integers(2)) if first else records[-1].label
        camera = f"cam{rng.integers(1, 3)}" if first else records[-1].camera
        # A day has ten units; the hour of each is drawn.
        unit = number // each
        moment = _START + timedelta(days=unit // 10, seconds=int(rng.integers(9 * 3600)))
        if not first:
            moment = datetime.fromisoformat(records[-1].captured_at) + timedelta(seconds=20)
        name = f"{moment:%Y-%m-%d-%H%M%S}_{camera}_{number:04d}.jpg"
        image = paint(int(label or 0), int(rng.integers(2**31)))
        (folder / name).write_bytes(encode_jpeg(image, quality=int(rng.integers(70, 93))))
        group = f"visit {unit}" if kind == "visits" else f"day {moment:%m-%d}" if kind == "camera" else ""
        records.append(
            Record(name, folder / name, label, group=group, camera=camera, captured_at=moment.isoformat())
        )
    if kind in {"photos", "few"}:  # of people who never said when
        records = [replace(record, captured_at="", camera="") for record in records]
        for index, record in enumerate(records):
            path = folder / f"IMG_{index:04d}.jpg"
            record.path.rename(path)
            records[index] = replace(record, name=path.name, path=path)
    return Dataset(tuple(records), folder)


def _photo(label: int, seed: int) -> Image.Image:
    subject = "hornet" if label else ("wasp", "bee")[seed % 2]
    return draw(subject, seed=seed, size=(240, 180))


def _camera(rng: np.random.Generator) -> Callable[[int, int], Image.Image]:
    """Return a painter of one still scene, in changing light, with an insect somewhere."""
    scene = draw("leaves", seed=int(rng.integers(2**31)), size=(480, 360))

    def paint(label: int, seed: int) -> Image.Image:
        own = np.random.default_rng(seed)
        image = scene.copy()
        centre = (float(own.uniform(60, 420)), float(own.uniform(60, 300)))
        draw_insect(image, INSECTS["hornet" if label else "bee"], own, centre=centre, length=50)
        levels = np.asarray(image, np.float32) * own.uniform(0.6, 1.3) + own.normal(0, 3, (360, 480, 3))
        return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))

    return paint


def main() -> None:
    """Draw, audit, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for seed in range(options.sets):
        kind = KINDS[seed % len(KINDS)]
        with tempfile.TemporaryDirectory() as folder:
            dataset = write_clean(Path(folder), kind, seed)
            began = time.perf_counter()
            result = audit(dataset, parts=PARTS, seed=seed)
        found = [each.name for each in result.findings if each.name in COUNTED]
        areas = {probe.name: (probe.auc, probe.low) for probe in result.probes}
        rows.append({"seed": seed, "kind": kind, "n": len(dataset), "found": found, "auc_and_low": areas})
        print(f"{seed:2d} {kind:7s} {len(dataset):4d} {time.perf_counter() - began:5.1f} s {found} {areas}")
        sys.stdout.flush()
    alarms = sum(len(row["found"]) for row in rows if isinstance(row["found"], list))
    print(f"{alarms} false alarms in {len(rows)} data sets, {5 * len(rows)} probes and two searches each")
    if options.json:
        options.json.write_text(json.dumps({"alarms": alarms, "sets": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
