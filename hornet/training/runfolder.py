"""What lies where in a run folder, and how it is written and read."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hornet.decision import CLASSES
from hornet.errors import ConfigError
from hornet.files import write_atomically
from hornet.training.network import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from hornet.dataset import Record
    from hornet.training.config import TrainConfig
    from hornet.training.data import Unreadable

_METADATA_KEY: Final = "hornet"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, written before anything else."""
        return self.path / "config.toml"

    @property
    def manifest(self) -> Path:
        """The pictures with their splits."""
        return self.path / "manifest.csv"

    @property
    def metrics(self) -> Path:
        """A line an epoch."""
        return self.path / "metrics.csv"

    @property
    def checkpoint(self) -> Path:
        """Folder of the resumable state."""
        return self.path / "checkpoint"

    @property
    def cache(self) -> Path:
        """Folder of decoded pictures and features; removed when the run ends."""
        return self.path / "cache"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's events, if they were asked for."""
        return self.path / "tensorboard"

    @property
    def energy(self) -> Path:
        """Energy and CO2, if they were asked for."""
        return self.path / "energy.json"

    @property
    def weights(self) -> Path:
        """The best weights so far."""
        return self.path / "weights.safetensors"

    @property
    def bank(self) -> Path:
        """What the network makes of the pictures it learned from; written by the export."""
        return self.path / "bank.safetensors"

    @property
    def calibration(self) -> Path:
        """Temperature, threshold and quality."""
        return self.path / "calibration.json"

    @property
    def predictions(self) -> Path:
        """The network's logits of every picture of validation and test."""
        return self.path / "predictions.csv"

    @property
    def unreadable(self) -> Path:
        """Pictures that can't be read, and why."""
        return self.path / "unreadable.csv"

    @property
    def audit(self) -> Path:
        """What the quick audit found."""
        return self.path / "audit.json"

    def claim(self) -> None:
        """Make the folder, or take over one in which no training has begun.

        Raises:
            ConfigError: If something else is there.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path}: is a file; --out names the run's folder")
        self.path.mkdir(parents=True, exist_ok=True)
        self._sweep()
        # Left by a run that stopped before its first epoch, for bad pictures say.
        files = {self.config, self.manifest, self.unreadable, self.audit, self.energy}
        ours = files | {self.cache, self.tensorboard}
        others = sorted(entry.name for entry in self.path.iterdir() if entry not in ours)
        if others:
            raise ConfigError(f"{self.path}: already holds {', '.join(others[:3])}; choose another --out")

    def clear(self) -> None:
        """Remove what a run leaves before its first checkpoint, so that it can begin anew."""
        for file in (self.manifest, self.metrics, self.unreadable, self.audit, self.weights):
            file.unlink(missing_ok=True)
        self._sweep()
        for folder in (self.cache, self.checkpoint, self.tensorboard):
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a process left that was killed while writing."""
        for name in (self.config, self.manifest, self.unreadable, self.audit, self.weights, self.metrics):
            for partial in self.path.glob(f".{name.name}.*.tmp"):
                partial.unlink(missing_ok=True)


def save_weights(file: Path, state: dict[str, Tensor], config: TrainConfig) -> None:
    """Write a state dict with torchvision's names, and what belongs to it, as safetensors."""
    from safetensors.torch import save

    rule = config.pixel_rule
    about = {
        "format": 1,
        "architecture": "resnet18",
        "classes": list(CLASSES),
        "size": list(rule.size),
        "resize": rule.resize,
        "draft_margin": rule.draft_margin,
        "masks": [list(mask) for mask in rule.masks],
        "fill": list(rule.fill),
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "pooling": config.pooling,
        "dropout": config.dropout,
    }
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    write_atomically(file, save(tensors, metadata={_METADATA_KEY: json.dumps(about, sort_keys=True)}))


def save_json(file: Path, document: dict[str, Any]) -> None:
    """Write JSON, indented, with a newline at the end."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomically(file, (text + "\n").encode())


def save_predictions(file: Path, records: Sequence[Record], logits: NDArray[np.float32]) -> None:
    """Write the logits of ``records``, before temperature, exactly (9 significant digits)."""
    rows = [
        (
            record.name,
            record.split,
            CLASSES[int(record.label or 0)],
            record.group,
            record.source,
            f"{absent:.9g}",
            f"{present:.9g}",
        )
        for record, (absent, present) in zip(records, logits, strict=True)
    ]
    _save_csv(file, ("path", "split", "label", "group", "source", "logit_absent", "logit_present"), rows)


def save_unreadable(file: Path, problems: Sequence[Unreadable]) -> None:
    """Write which pictures can't be read, and why."""
    _save_csv(file, ("path", "error"), [(problem.name, problem.reason) for problem in problems])


def _save_csv(file: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    # File names may hold bytes that aren't UTF-8; they travel as surrogates.
    write_atomically(file, text.getvalue().encode("utf-8", "surrogateescape"))
