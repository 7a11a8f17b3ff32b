"""How `hornet predict --engine ray` scales with its workers, beside one process on all cores.

    python benchmarks/scaling.py [--model FILE] [--pictures 512] [--rounds 3] [--json FILE]

Pictures are made here, with the noise and detail of photographs, 1280 x 960. Each way predicts all of them,
and one of them: the difference tells what starting costs, and at which rate it goes on. Ways take turns, in
an order that is shuffled each round; medians are compared. The rows of all ways must be the same, or there
is no result (exit code 1). Ray is started for each run, on this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from pyarrow import parquet

from hornet.cli.common import emit_json

WAYS = {
    "one process": (),
    "ray, 1 worker": ("--engine", "ray", "--workers", "1"),
    "ray, 2 workers": ("--engine", "ray", "--workers", "2"),
}
PARTITION = 64


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Rate of the Ray engine by workers.")
    parser.add_argument("--model", help="model file; default: the one that predict would use")
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write the figures; - for stdout")
    arguments = parser.parse_args()
    model = ["--model", arguments.model] if arguments.model else []

    seconds: dict[str, dict[int, list[float]]] = {way: {1: [], arguments.pictures: []} for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        make(pictures, arguments.pictures)
        (Path(folder) / "one").mkdir()
        os.link(pictures / "00000.jpg", Path(folder) / "one" / "00000.jpg")
        runs = [(way, count) for way in WAYS for count in (1, arguments.pictures)]
        generator = random.Random(0)  # noqa: S311 - an order
        predict("one process", Path(folder) / "one", Path(folder), model)  # bytecode and files are warm now
        for _ in range(arguments.rounds):
            generator.shuffle(runs)
            rows = {}
            for way, count in runs:
                source = pictures if count > 1 else Path(folder) / "one"
                took, found = predict(way, source, Path(folder), model)
                seconds[way][count].append(took)
                if count > 1:
                    rows[way] = found
            if any(found != rows["one process"] for found in rows.values()):
                sys.stderr.write("the rows differ: no result\n")
                return 1
    report = summarize(seconds, arguments.pictures)
    show(report)
    emit_json(report, arguments.json)
    return 0


def make(folder: Path, count: int) -> None:
    """Write JPEGs of 1280 x 960 px: blurred shapes, edges and a sensor's noise."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        shapes = np.asarray(Image.fromarray(coarse).resize((1280, 960), Image.Resampling.BICUBIC), np.int16)
        noise = generator.normal(0, 6, (960, 1280, 1)).astype(np.int16)
        picture = np.clip(shapes + noise, 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{number:05}.jpg", quality=90)


def predict(way: str, source: Path, folder: Path, model: list[str]) -> tuple[float, list[object]]:
    """Predict, and return seconds and rows."""
    output = folder / f"rows-{os.urandom(4).hex()}"
    form = ["--partition-size", str(PARTITION)] if WAYS[way] else ["--format", "parquet"]
    command = [sys.executable, "-m", "hornet", "predict", str(source), "-o", str(output), "--quiet"]
    started = time.perf_counter()
    subprocess.run([*command, *WAYS[way], *form, *model], check=True)
    took = time.perf_counter() - started
    return took, parquet.read_table(output).to_pylist()


def summarize(seconds: dict[str, dict[int, list[float]]], count: int) -> dict[str, object]:
    """Return medians, ranges, and rates."""
    ways = {}
    for way, runs in seconds.items():
        one, many = statistics.median(runs[1]), statistics.median(runs[count])
        ways[way] = {
            "one picture, s": round(one, 2),
            "all pictures, s": round(many, 2),
            "range, s": [round(min(runs[count]), 2), round(max(runs[count]), 2)],
            "rate after the start, pictures/s": round((count - 1) / (many - one), 1),
        }
    return {
        "pictures": count,
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "ways": ways,
    }


def show(report: dict[str, object]) -> None:
    """Print the figures as a table."""
    ways = report["ways"]
    assert isinstance(ways, dict)
    print(f"{report['pictures']} pictures of 1280 x 960, {report['cpus']} CPUs, the same rows from every way")
    print("| way | one picture, s | all, s (range) | pictures/s after the start |")
    print("|---|---|---|---|")
    for way, figures in ways.items():
        low, high = figures["range, s"]
        print(
            f"| {way} | {figures['one picture, s']} | {figures['all pictures, s']} ({low} to {high}) "
            f"| {figures['rate after the start, pictures/s']} |"
        )


if __name__ == "__main__":
    sys.exit(main())
