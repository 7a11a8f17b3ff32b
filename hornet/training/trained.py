"""What a training left in its run folder, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hornet.dataset import Dataset, read_manifest
from hornet.errors import ConfigError
from hornet.training.config import TrainConfig, load_config
from hornet.training.network import HornetNet
from hornet.training.runfolder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """What an export starts from."""

    folder: RunFolder
    config: TrainConfig
    calibration: Mapping[str, Any]
    dataset: Dataset
    weights: Mapping[str, Any]
    network: HornetNet

    @property
    def bias(self) -> float:
        """The head's bias of presence minus that of absence."""
        return float(self.network.fc.bias.detach().diff())


def load_run(run: Path) -> TrainedRun:
    """Read what a training left.

    Raises:
        ConfigError: If a file is missing or damaged.
    """
    folder = RunFolder(run)
    for path in (folder.config, folder.manifest, folder.weights, folder.calibration):
        if not path.is_file():
            raise ConfigError(
                f"{path} isn't there: export needs a finished run; make one with 'hornet train'"
            )
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    config = load_config(folder.config)
    try:
        calibration = json.loads(folder.calibration.read_text(encoding="utf-8"))
        with safe_open(folder.weights, framework="pt") as file:
            weights = json.loads((file.metadata() or {})["hornet"])
        network = HornetNet(dropout=0.0, pooling=weights["pooling"])
        network.load_state_dict(load_file(folder.weights))
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{run}: weights or calibration are damaged ({reason}); train the run again"
        ) from None
    return TrainedRun(folder, config, calibration, read_manifest(folder.manifest), weights, network.eval())
