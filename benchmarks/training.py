"""Our trainer against torchvision's classic recipe, on the same pictures and settings, in one run.

The classic recipe: ImageFolder, DataLoader, RandomResizedCrop, flip and colour jitter, an eager ResNet-18 in
float32, AdamW, a validation and a checkpoint an epoch; its head phase runs the frozen trunk in every epoch.
Measured are the first full epoch (ours with everything that it prepares), later ones, the first one of a later
run, and phase one: a whole one of eight epochs, and an epoch of it.

Without workers the unit is CPU seconds of the process, which other programs on the machine hardly change.

    python benchmarks/training.py --pictures 48 --repeats 3
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import tempfile
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

from hornet.dataset import load_dataset, write_manifest
from hornet.dataset.drawings import draw
from hornet.training.config import TrainConfig
from hornet.training.network import HornetNet
from hornet.training.run import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = 224
_HEAD_EPOCHS = 8
_KINDS = {"12 megapixels": (4000, 3000), "smaller": (800, 600)}


def write_pictures(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write drawn JPEGs with the grain of a photograph, three quarters for training, as class folders."""
    for index in range(count):
        label = ("absent", "present")[index % 2]
        split = "val" if index % 8 > 5 else "train"  # noqa: PLR2004 - a quarter
        picture = np.asarray(draw(label, seed=index, size=(800, 600)).resize(size), np.int16)
        grain = np.random.default_rng(index).integers(-12, 13, (size[1] // 2, size[0] // 2, 1), np.int16)
        grain = grain.repeat(2, 0).repeat(2, 1)
        file = folder / split / label / f"{index:04d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8)).save(file, quality=90)


class Clock:
    """CPU seconds of this process without workers, else seconds."""

    def __init__(self, workers: int) -> None:
        self.now: Callable[[], float] = time.perf_counter if workers else time.process_time
        self.unit = "s" if workers else "CPU s"


def classic(folder: Path, options: argparse.Namespace, clock: Clock, *, head: bool) -> list[float]:
    """Return how long each epoch takes with torchvision's recipe."""
    normalise = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    crop = [transforms.RandomResizedCrop(_SIZE), transforms.RandomHorizontalFlip()]
    colour = transforms.ColorJitter(0.2, 0.2, 0.2, 0.03)
    whole = transforms.Resize((_SIZE, _SIZE))
    changes = [whole, transforms.RandomHorizontalFlip()] if head else [*crop, colour]
    loaders = [
        DataLoader(
            ImageFolder(str(folder / split), transforms.Compose([*these, *normalise])),
            batch_size=options.batch,
            shuffle=split == "train",
            drop_last=split == "train",
            num_workers=options.workers,
            persistent_workers=options.workers > 0,
        )
        for split, these in (("train", changes), ("val", [whole]))
    ]
    network = resnet18(num_classes=2)
    if head:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith("fc."))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-4)
    loss = nn.CrossEntropyLoss()
    times = []
    for _ in range(2 if head else options.epochs):
        began = clock.now()
        network.train(not head)
        for inputs, labels in loaders[0]:
            optimizer.zero_grad()
            loss(network(inputs), labels).backward()
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            for inputs, labels in loaders[1]:
                loss(network(inputs), labels).item()
        with tempfile.TemporaryFile() as file:
            torch.save({"model": network.state_dict(), "optimizer": optimizer.state_dict()}, file)
        times.append(clock.now() - began)
    return times


def ours(
    manifest: Path, out: Path, options: argparse.Namespace, clock: Clock, **settings: Any
) -> list[float]:
    """Return how long each epoch takes with ``hornet train``; the first with all that comes before it."""
    config = TrainConfig(
        data=manifest,
        size=(_SIZE, _SIZE),
        batch=options.batch,
        threads=options.threads,
        workers=options.workers,
        patience=99,
        group_by="none",
        precision="float32",
        **settings,
    )
    times = [clock.now()]

    def note(line: str) -> None:
        if line.startswith(("full ", "head ")) and "loss" in line:
            times.append(clock.now())

    train_run(config, load_dataset(manifest), out, report=note)
    shutil.rmtree(out)
    return [after - before for before, after in pairwise(times)]


def measure(kind: str, options: argparse.Namespace, folder: Path) -> None:
    """Measure and print one kind of pictures."""
    clock = Clock(options.workers)
    pictures = folder / kind.split(maxsplit=1)[0]
    write_pictures(pictures, options.pictures, _KINDS[kind])
    manifest = pictures / "manifest.csv"
    found = [load_dataset(pictures / split) for split in ("train", "val")]
    lines = ["path,label,split"]
    for split, dataset in zip(("train", "validation"), found, strict=True):
        lines += [f"{record.path.relative_to(pictures)},{record.label},{split}" for record in dataset.records]
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_manifest(load_dataset(manifest), manifest)
    start = folder / "start.pth"
    torch.save({k: v for k, v in HornetNet().state_dict().items() if not k.startswith("fc.")}, start)
    rows: dict[str, list[tuple[float, float]]] = {}

    def add(name: str, theirs: float, mine: float) -> None:
        rows.setdefault(name, []).append((theirs, mine))

    full = {"weights": "none", "epochs": options.epochs, "augment": options.augment}
    for turn in range(options.repeats):
        cache = str(folder / "cache" / f"{kind}{turn}")
        theirs = classic(pictures, options, clock, head=False)
        mine = ours(manifest, folder / "run", options, clock, cache=cache, **full)
        again = ours(manifest, folder / "run", options, clock, cache=cache, **full)
        add("first full epoch", theirs[0], mine[0])
        later = statistics.median(theirs[1:])
        add("later epochs", later, statistics.median(mine[1:]))
        add("first epoch of a later run", theirs[0], again[0])
        theirs = classic(pictures, options, clock, head=True)
        settings = {"weights": str(start), "head_epochs": _HEAD_EPOCHS, "epochs": 0}
        mine = ours(manifest, folder / "run", options, clock, cache=cache, **settings)
        add("head phase, later epochs", statistics.median(theirs), statistics.median(mine[1:]))
        add(f"head phase, {_HEAD_EPOCHS} epochs", _HEAD_EPOCHS * statistics.median(theirs), sum(mine))
        shutil.rmtree(cache, ignore_errors=True)
    for name, pairs in rows.items():
        ratios = [theirs / mine for theirs, mine in pairs]
        theirs, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{kind}: {name}: {statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f}); "
            f"torchvision {theirs:.2f} {clock.unit}, ours {mine:.2f} {clock.unit}",
            flush=True,
        )


def main() -> None:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--augment", default="standard")
    parser.add_argument("--kind", choices=[*_KINDS, "all"], default="all")
    options = parser.parse_args()
    # Imports count for neither.
    import_module("albumentations")
    import_module("sklearn.metrics")
    torch.set_num_threads(options.threads)
    os.environ["HORNET_CACHE_LIMIT"] = "20GB"
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        for kind in _KINDS if options.kind == "all" else [options.kind]:
            measure(kind, options, Path(folder))


if __name__ == "__main__":
    main()
