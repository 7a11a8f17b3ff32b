"""How long one prediction takes from nothing: the whole process against bare imports.

    python benchmarks/cold_start.py [--model FILE] [--rounds 15] [--json FILE]

The yardstick is what no tool with these libraries can do without: starting Python and importing numpy,
Pillow and onnxruntime. Both are started in turn, so that a busy machine slows both, and medians are
compared. Files are in the page cache, bytecode is compiled: one round of each is thrown away first.
Exit code 1 if the ratio is above the target.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hornet.cli.common import emit_json
from hornet.dataset.drawings import draw_hornet, encode_jpeg

TARGET = 2.5
BARE = "import numpy, PIL.Image, onnxruntime"


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Cold start of `hornet predict one.jpg`.")
    parser.add_argument("--model", help="model file; default: the one that predict would use")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", metavar="FILE", help="write the figures; - for stdout")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "one.jpg"
        draw(picture)
        predict = [sys.executable, "-m", "hornet", "predict", str(picture), "--format", "csv", "--quiet"]
        commands = {
            "bare imports": [sys.executable, "-c", BARE],
            "hornet --help": [sys.executable, "-m", "hornet", "--help"],
            "hornet predict one.jpg": [*predict, *(["--model", arguments.model] if arguments.model else [])],
        }
        seconds = measure(commands, arguments.rounds)
    report = summarize(seconds)
    show(report)
    emit_json(report, arguments.json)
    return 0 if float(str(report["ratio"])) <= TARGET else 1


def draw(path: Path) -> None:
    """Draw a picture as a trail camera's size: 640 x 480."""
    path.write_bytes(encode_jpeg(draw_hornet(seed=1, size=(640, 480))))


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Run the commands in turn; return the wall time of each run, s."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def summarize(seconds: dict[str, list[float]]) -> dict[str, object]:
    """Return medians, spreads and the ratio as plain JSON."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "seconds": {
            name: {
                "median": round(medians[name], 4),
                "min": round(min(values), 4),
                "max": round(max(values), 4),
            }
            for name, values in seconds.items()
        },
        "ratio": round(medians["hornet predict one.jpg"] / medians["bare imports"], 3),
        "target": TARGET,
        "rounds": len(next(iter(seconds.values()))),
        "machine": {
            "cpus": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
    }


def show(report: dict[str, object]) -> None:
    """Print the table."""
    print(f"{'':24}{'median':>9}{'min':>9}{'max':>9}")
    table = report["seconds"]
    if isinstance(table, dict):
        for name, row in table.items():
            print(f"{name:24}" + "".join(f"{row[key]:8.3f}s" for key in ("median", "min", "max")))
    print(f"ratio {report['ratio']}, target at most {report['target']}")


if __name__ == "__main__":
    sys.exit(main())
