"""Peak memory of `hornet predict` for few pictures and for many: flat, or not.

    python benchmarks/memory.py --counts 1000 50000 [--model FILE] [--resume] [--sources ...] [--json FILE]

A list names one set of pictures again and again, so that many need no disk. Peak: the process's own VmHWM, read
as it ends (Linux). Exit code 1 if the last count needs more than 1.1 times what the first one does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hornet.dataset.drawings import draw, encode_jpeg

TARGET = 1.1
_SIZE = (320, 240)

# The command, and then its own peak; the system's figure for children would count its parent's.
_PROGRAM = """
import runpy, sys
try:
    runpy.run_module("hornet", run_name="__main__")
finally:
    status = open("/proc/self/status").read()
    print(int(status.split("VmHWM:")[1].split()[0]), file=sys.__stdout__)
"""


def peak(sources: list[str], count: int, *options: str) -> float:
    """Return the peak of one run over that many pictures, MiB.

    Args:
        sources: Paths, repeated as often as need be.
        count: How many pictures.
        options: Further options of ``hornet predict``.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed, output = Path(folder, "list.txt"), Path(folder, "rows.csv")
        listed.write_text("\n".join((sources * -(-count // len(sources)))[:count]), encoding="utf-8")
        command = [
            sys.executable,
            "-c",
            _PROGRAM,
            "predict",
            f"@{listed}",
            "--output",
            str(output),
            "--quiet",
        ]
        run = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True)
        with output.open(encoding="utf-8") as file:
            rows = sum(1 for _ in file) - 1
    if rows != count:
        raise RuntimeError(f"{rows} rows for {count} pictures")
    return int(run.stdout) / 1024


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 50_000])
    parser.add_argument("--sources", nargs="+", help="pictures; else some are drawn")
    parser.add_argument("--model", help="else the one that predict would use")
    parser.add_argument("--resume", action="store_true", help="with a journal")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    options = [*(["--model", arguments.model] if arguments.model else []), *["--resume"] * arguments.resume]
    with tempfile.TemporaryDirectory() as folder:
        sources = arguments.sources
        if not sources:
            sources = [str(Path(folder, f"{seed}.jpg")) for seed in range(16)]
            for seed, source in enumerate(sources):
                picture = draw(("leaves", "hornet")[seed % 2], seed=seed, size=_SIZE)
                Path(source).write_bytes(encode_jpeg(picture))
        peaks = {count: peak(sources, count, *options) for count in arguments.counts}
    ratio = peaks[arguments.counts[-1]] / peaks[arguments.counts[0]]
    for count, mib in peaks.items():
        print(f"{count:9,} pictures: {mib:7.1f} MiB")
    print(f"ratio {ratio:.3f}, target at most {TARGET}")
    if arguments.json:
        report = {"mib": peaks, "ratio": ratio, "target": TARGET, "options": options}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
