"""What `hornet predict` is compared with, each in a process of its own; started by throughput.py.

    python benchmarks/throughput_rivals.py torch|loop|decoding|network --model FILE [--once PICTURE]

It loads, says so, and then takes lines from stdin, each a list of pictures and how many of them; to each it
answers with seconds and CPU seconds as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from hornet.artifact import open_artifact
from hornet.cpus import available_cpus
from hornet.images import pixels, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BATCH = 32  # of the torch recipe


def torch_recipe(weights: str, size: tuple[int, int]) -> Callable[[Sequence[str]], list[float]]:
    """Return what most repositories do: torchvision's transforms, a DataLoader with 2 workers, eager float32.

    Args:
        weights: State dict of a ResNet-18 with two classes, safetensors.
        size: Height and width of the input, px.
    """
    import torch
    from safetensors.torch import load_file
    from torch.utils.data import DataLoader, Dataset
    from torchvision import models, transforms

    transform = transforms.Compose(
        [
            transforms.Resize(size),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    class Pictures(Dataset[Any]):
        def __init__(self, paths: Sequence[str]) -> None:
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, at: int) -> Any:
            return transform(Image.open(self.paths[at]).convert("RGB"))

    network = models.resnet18(num_classes=2)
    network.load_state_dict(load_file(weights))
    network.eval()

    def predict(paths: Sequence[str]) -> list[float]:
        found: list[float] = []
        with torch.inference_mode():
            for batch in DataLoader(Pictures(paths), BATCH, num_workers=2):
                found += network(batch).softmax(1)[:, 1].tolist()
        return found

    return predict


def simple_loop(model: str, size: tuple[int, int]) -> Callable[[Sequence[str]], list[float]]:
    """Return onnxruntime as it comes, in float32: one picture after another, decoded whole by Pillow."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def predict(paths: Sequence[str]) -> list[float]:
        found = []
        for path in paths:
            image = Image.open(path).convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR)
            found.append(float(session.run(["probability"], {"image": np.asarray(image)[None]})[0][0]))
        return found

    return predict


def decoding(model: str) -> Callable[[Sequence[str]], list[float]]:
    """Return reading, decoding and resizing alone, as the contract says, on all cores."""
    rule = open_artifact(model).contract.pixel_rule
    pool = ThreadPoolExecutor(available_cpus())

    def decode(paths: Sequence[str]) -> list[float]:
        for _ in pool.map(lambda path: pixels(read_file(path), rule), paths):
            pass
        return []

    return decode


def network(model: str) -> Callable[[Sequence[str]], list[float]]:
    """Return the network alone on all cores, as a run on each; a picture is as good as another."""
    artifact = open_artifact(model, threads=1)
    batch: NDArray[np.uint8] = np.random.default_rng(0).integers(
        0, 256, (8, *artifact.contract.size, 3), np.uint8
    )
    pool = ThreadPoolExecutor(available_cpus())

    def run(paths: Sequence[str]) -> list[float]:
        for _ in pool.map(
            lambda _: artifact.session.run(None, {"image": batch}), range(len(paths) // len(batch))
        ):
            pass
        return []

    return run


def _paths(listed: Path) -> list[str]:
    return listed.read_text(encoding="utf-8").split("\n")


def cpu_seconds() -> float:
    """Return the CPU time of this process and its ended children, s."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(entry.ru_utime + entry.ru_stime for entry in used)


def main() -> None:
    """Load, then answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["torch", "loop", "decoding", "network"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", type=int, nargs=2, default=(224, 224))
    parser.add_argument("--once", metavar="PICTURE", help="answer it, and end")
    parser.add_argument("--list", type=Path, help="answer all of them, and end")
    arguments = parser.parse_args()
    size = (arguments.size[0], arguments.size[1])
    contestant = {
        "torch": lambda: torch_recipe(arguments.model, size),
        "loop": lambda: simple_loop(arguments.model, size),
        "decoding": lambda: decoding(arguments.model),
        "network": lambda: network(arguments.model),
    }[arguments.name]()
    if arguments.once or arguments.list:
        contestant([arguments.once] if arguments.once else _paths(arguments.list))
        return
    print("ready", flush=True)
    for line in sys.stdin:
        document = json.loads(line)
        paths = _paths(Path(document["list"]))[: document["count"]]
        start, used = time.perf_counter(), cpu_seconds()
        answers = contestant(paths)
        report = {
            "count": len(paths),
            "seconds": time.perf_counter() - start,
            "cpu": cpu_seconds() - used,
            "mean": float(np.mean(answers)) if answers else None,
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
