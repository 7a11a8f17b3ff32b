"""The fine-tuned network as one of a learning curve's learners."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hornet.dataset import TEST, TRAIN, VALIDATION
from hornet.dataset.store import open_store
from hornet.errors import DatasetError
from hornet.training.agreement import probability
from hornet.training.data import PixelCache
from hornet.training.decoded import Decoder
from hornet.training.hardware import choose_hardware, cpu_threads
from hornet.training.phases import predict_logits
from hornet.training.run import train_run
from hornet.training.trained import load_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hornet.evaluation.learning import Learner
    from hornet.training.config import TrainConfig
    from hornet.training.frozen import Frozen


def network_learner(
    frozen: Frozen, config: TrainConfig, scratch: Path, *, live: Callable[[str], None]
) -> Learner:
    """Return what trains the network, in both phases, on some of the training pictures and measures it.

    Every training validates, stops and calibrates on the whole validation split, and never meets the test split.

    Args:
        frozen: The pictures with their splits.
        config: Of every training; a draw's number is added to the seed.
        scratch: Folder for decoded pictures and, while it lasts, for a run.
        live: Told how far it is.

    Raises:
        DatasetError: If a picture has become unreadable.
    """
    # They have a split already, in the manifest's order: that of ``Frozen.of``.
    config = config.model_copy(update={"split_file": None, "tensorboard": False, "energy": None})
    splits = np.array(frozen.dataset.splits())
    train, validation, test = (np.flatnonzero(splits == name) for name in (TRAIN, VALIDATION, TEST))
    cache = PixelCache(scratch / "curve-pixels.npy", len(frozen.dataset), config.size)
    decoder = Decoder(config.pixel_rule, store=open_store(config.cache))
    if problems := cache.fill(frozen.dataset.records, config.pixel_rule, live=live, decoder=decoder):
        raise DatasetError(f"{problems[0].name}: {problems[0].reason}. Mend or remove it.")
    hardware = choose_hardware(config.device, "float32")

    def learn(places: NDArray[np.int64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        chosen = np.sort(np.concatenate([train[places], validation]))
        settings = config.model_copy(update={"seed": config.seed + seed})
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
            result = train_run(settings, frozen.dataset.select(chosen.tolist()), Path(folder), live=live)
            if result.interrupted:
                raise KeyboardInterrupt
            trained = load_run(result.path)
        network = trained.network.to(hardware.device)
        temperature = float(trained.calibration["temperature"])
        with cpu_threads(trained.config.threads or 1):
            scores = [
                probability(
                    predict_logits(network, cache.array, part, hardware).astype(np.float64), temperature
                )
                for part in (train[places], test)
            ]
        return scores[0], scores[1]

    return learn
