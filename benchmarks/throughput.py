"""Pictures a second of `hornet predict`, against what the processor allows and what people use otherwise.

Pictures are made by benchmarks/photographs.py. Compared, in one run, in shuffled order, in rounds:

- `hornet predict`: the command as users run it, from a list of paths to a CSV file; the time of a list less
  that of one picture, so that starting up isn't counted;
- the limit: reading, decoding and resizing alone on all cores (d pictures a second) and the network alone on all
  cores (n), combined as 1 / (1/d + 1/n): what a pipeline without any loss would do;
- the torch recipe: torchvision's transforms, a DataLoader with 2 workers, the same network in eager float32;
- a simple loop: onnxruntime in float32 with its defaults, one picture after another, decoded whole by Pillow.

Ratios are taken within a round; the median of the rounds is given with their range. Peak memory is that of all
processes together (what they share counts once), in passes of their own. Rounds add up: with --json FILE a
later run goes on with what is there, so that a machine needn't be quiet for long.

    python benchmarks/throughput.py --rounds 5 --json throughput.json --plot throughput.png
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from photographs import SIZES, write_photographs
from throughput_report import plot, show, summarize

from hornet.cpus import available_cpus

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIVALS = Path(__file__).with_name("throughput_rivals.py")
_ROOT = Path(__file__).parents[1]
_MODEL = _ROOT / "models" / "hornet-resnet18.onnx"
_WEIGHTS = _ROOT / "models" / "hornet-resnet18.safetensors"
#: Different pictures of each size; lists repeat them.
_PICTURES: Final = {"640x480": 24, "1920x1080": 8, "12 megapixels": 6}
#: Pictures of the shortest measurement, and of what longer ones are multiples: whole batches, one for each worker.
_LEAST: Final = {"hornet": 16, "decoding": 16, "network": 16, "torch": 64, "loop": 16}
_LONGEST: Final = 20_000
_PAGE_S: Final = 0.05  # between two looks at the memory


class Rival:
    """A process of throughput_rivals.py that waits for lists."""

    def __init__(self, name: str, model: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_RIVALS), name, "--model", str(model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def run(self, listed: Path, count: int) -> dict[str, Any]:
        """Let it answer the first pictures of a list; return count, seconds and CPU seconds."""
        if self._process.stdin is None:
            raise RuntimeError("it was started without a pipe")
        self._process.stdin.write(json.dumps({"list": str(listed), "count": count}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._read())
        return found

    def _read(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("a rival ended early; see above")
        return line


def environment() -> dict[str, str]:
    """Return this process's environment without what tells libraries how many threads to start."""
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}


def predict_command(sources: list[str], output: Path, model: Path) -> list[str]:
    """Return the command that is measured."""
    return [
        *(sys.executable, "-m", "hornet", "predict", *sources, "--quiet"),
        *("--output", str(output), "--model", str(model)),
    ]


def timed(command: list[str]) -> dict[str, float]:
    """Run a command; return its seconds and CPU seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return {"seconds": time.perf_counter() - start, "cpu": usage.ru_utime + usage.ru_stime}


class Bench:
    """Everything that is measured on one set of pictures.

    Args:
        folder: For pictures, lists and outputs.
        model: The artifact.
        seconds: What a measurement takes, about.
        rivals: Running processes by name.
    """

    def __init__(self, folder: Path, model: Path, seconds: float, rivals: dict[str, Rival]) -> None:
        self.folder, self.model, self.seconds, self.rivals = folder, model, seconds, rivals
        self.lists: dict[str, Path] = {}
        for name, size in SIZES.items():
            files = write_photographs(folder / name.replace(" ", "-"), size, _PICTURES[name])
            self.lists[name] = folder / f"{files[0].parent.name}.txt"
            repeats = -(-_LONGEST // len(files))
            self.lists[name].write_text("\n".join(map(str, files * repeats)), encoding="utf-8")
        self.counts: dict[tuple[str, str], int] = {}
        self._tried: dict[tuple[str, str], dict[str, Any]] = {}

    def hornet(self, size: str, count: int) -> dict[str, float]:
        """Return pictures a second and CPU seconds a picture of the command, and its time for one picture."""
        paths = self.lists[size].read_text(encoding="utf-8").split("\n")
        some = self.folder / "some.txt"
        some.write_text("\n".join(paths[:count]), encoding="utf-8")
        output = self.folder / "rows.csv"
        one = timed(predict_command([paths[0]], output, self.model))
        many = timed(predict_command([f"@{some}"], output, self.model))
        return {
            "a_second": (count - 1) / (many["seconds"] - one["seconds"]),
            "cpu_each": (many["cpu"] - one["cpu"]) / (count - 1),
            "cold": one["seconds"],
            "count": count,
        }

    def measure(self, name: str, size: str) -> dict[str, float]:
        """Measure one contestant on pictures of one size, on as many as take about the seconds asked for."""
        key = (name, size)
        if key not in self.counts:
            self.counts[key] = self._enough(name, size)
        if name == "hornet":
            return self.hornet(size, self.counts[key])
        found = self._tried.pop(key, None)
        if found is None or found["count"] != self.counts[key]:
            found = self.rivals[name].run(self.lists[size], self.counts[key])
        return {
            "a_second": found["count"] / found["seconds"],
            "cpu_each": found["cpu"] / found["count"],
            "count": found["count"],
        }

    def _enough(self, name: str, size: str) -> int:
        if name == "hornet":
            parts = (("decoding", size), ("network", next(iter(SIZES))))
            each = sum(1 / self.measure(*part)["a_second"] for part in parts)
        else:
            found = self._tried[name, size] = self.rivals[name].run(self.lists[size], _LEAST[name])
            each = found["seconds"] / found["count"]
        return min(_LONGEST, _LEAST[name] * math.ceil(self.seconds / each / _LEAST[name]))

    def torch_cold(self) -> float:
        """Return the recipe's time from nothing to the answer to one picture, s."""
        picture = self.lists["640x480"].read_text(encoding="utf-8").split("\n")[0]
        command = [sys.executable, str(_RIVALS), "torch", "--model", str(_WEIGHTS), "--once", picture]
        return timed(command)["seconds"]


def one_round(bench: Bench, order: random.Random) -> dict[str, Any]:
    """Measure everything once, in shuffled order."""
    tasks = [(name, size) for size in SIZES for name in ("hornet", "decoding", "torch", "loop")]
    # The network sees pictures of its own size, whatever theirs was.
    tasks.append(("network", next(iter(SIZES))))
    order.shuffle(tasks)
    found: dict[str, Any] = {size: {} for size in SIZES}
    for name, size in tasks:
        figures = bench.measure(name, size)
        for where in SIZES if name == "network" else [size]:
            found[where][name] = figures
        print(f"{size:14} {name:9} {figures}", file=sys.stderr)
    found["torch_cold"] = bench.torch_cold()
    return found


def peak_memory(root: int, alive: Any) -> float:
    """Return the most memory that a process and those below it had together, MiB; shared pages count once."""
    peak = 0.0
    while alive():
        total = 0
        for pid in descendants(root):
            with contextlib.suppress(OSError, IndexError, ValueError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
                total += int(rollup.split("\nPss:")[1].split()[0])
        peak = max(peak, total / 1024)
        time.sleep(_PAGE_S)
    return peak


def descendants(root: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield root
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text(encoding="ascii").split():
                yield from descendants(int(child))


def measure_memory(bench: Bench) -> dict[str, dict[str, float]]:
    """Return the peaks of the command and of the recipe, MiB, by size."""
    found: dict[str, dict[str, float]] = {}
    for size, listed in bench.lists.items():
        some = bench.folder / "some.txt"
        # Two batches for each of the recipe's workers: later ones need no more.
        some.write_text("\n".join(listed.read_text(encoding="utf-8").split("\n")[:128]), encoding="utf-8")
        process = subprocess.Popen(
            predict_command([f"@{some}"], bench.folder / "rows.csv", bench.model), env=environment()
        )
        ours = peak_memory(process.pid, lambda process=process: process.poll() is None)
        command = [sys.executable, str(_RIVALS), "torch", "--model", str(_WEIGHTS), "--list", str(some)]
        process = subprocess.Popen(command, env=environment())
        theirs = peak_memory(process.pid, lambda process=process: process.poll() is None)
        found[size] = {"hornet": ours, "torch": theirs}
        print(f"{size:14} peak memory {found[size]}", file=sys.stderr)
    return found


def keep(document: dict[str, Any], file: Path | None) -> None:
    """Write what was measured so far."""
    if file:
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def float_model(folder: Path) -> Path:
    """Write the packed model's network in float32, for the simple loop."""
    file = folder / "float32.onnx"
    if not file.exists():
        import onnx
        from safetensors.torch import load_file

        from hornet.training.graph import ArtifactModule, export_graph
        from hornet.training.network import IMAGENET_MEAN, IMAGENET_STD, HornetNet

        network = HornetNet()
        network.load_state_dict(load_file(_WEIGHTS))
        onnx.save(
            export_graph(ArtifactModule(network, mean=IMAGENET_MEAN, std=IMAGENET_STD), (224, 224)), file
        )
    return file


def machine() -> dict[str, Any]:
    """Return what figures depend on."""
    import onnxruntime
    import PIL
    import torch

    names = [line for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.processor(),
        "cpus": available_cpus(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "pillow": PIL.__version__,
        "torch": torch.__version__,
    }


def _cpuinfo() -> list[str]:
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    return []


def main() -> None:
    """Read the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="0: only show what --json holds")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement, about")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--json", type=Path, help="where figures are kept; rounds are added to those in it")
    parser.add_argument("--plot", type=Path, help="draw them, as PNG")
    parser.add_argument("--folder", type=Path, help="where pictures are kept; else they are made anew")
    parser.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    arguments = parser.parse_args()
    document: dict[str, Any] = {"machine": machine(), "rounds": [], "load": []}
    if arguments.json and arguments.json.exists():
        document = json.loads(arguments.json.read_text(encoding="utf-8"))
        if document["machine"] != machine():
            parser.error(f"{arguments.json} was measured on another machine or with other versions")
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.rounds:
            models = {
                "torch": _WEIGHTS,
                "loop": float_model(folder),
                "decoding": _MODEL,
                "network": _MODEL,
            }
            rivals = {name: stack.enter_context(Rival(name, model)) for name, model in models.items()}
            bench = Bench(folder, _MODEL, arguments.seconds, rivals)
            for number in range(arguments.rounds):
                document["load"].append(os.getloadavg()[0])
                order = random.Random(arguments.seed + len(document["rounds"]))  # noqa: S311 - no secrets
                document["rounds"].append(one_round(bench, order))
                print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
                keep(document, arguments.json)
        if not arguments.no_memory and "memory" not in document:
            document["memory"] = measure_memory(Bench(folder, _MODEL, arguments.seconds, {}))
            keep(document, arguments.json)
    found = summarize(document)
    print(show(found))
    if arguments.plot:
        plot(found, arguments.plot)


if __name__ == "__main__":
    main()
