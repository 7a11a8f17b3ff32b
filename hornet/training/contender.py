"""A fine-tuned network's line in a comparison: measured on pictures that it must not have seen."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from hornet.classifier import Classifier
from hornet.dataset import check_unseen, read_manifest
from hornet.errors import DatasetError
from hornet.evaluation.evaluate import ALL, evaluate
from hornet.evaluation.metrics import summarize
from hornet.evaluation.rivals import Cost, Standing
from hornet.training.agreement import RunPictures, milliseconds, probability
from hornet.training.data import PixelCache
from hornet.training.frozen import count_operations
from hornet.training.network import HornetNet
from hornet.training.phases import predict_logits
from hornet.training.trained import load_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hornet.dataset import Dataset
    from hornet.training.hardware import Hardware

#: What is said of a model file without its run.
UNKNOWN: Final = "nobody can tell whether it was trained on these pictures"


def run_standing(
    run: Path, test: Dataset, hardware: Hardware, scratch: Path, *, live: Callable[[str], None]
) -> Standing:
    """Measure the network of a run on ``test``, with its own rule for pixels, temperature and threshold.

    Args:
        run: The run folder.
        test: The pictures; the run must not have seen their groups.
        hardware: Where to compute.
        scratch: Folder for decoded pictures.
        live: Told how far it is.

    Raises:
        ConfigError: If the run isn't finished.
        DatasetError: If a picture can't be read.
        SplitLeakage: If it has seen them.
    """
    trained = load_run(run)
    check_unseen(trained.dataset, test.records, str(run))
    rule = trained.config.pixel_rule
    cache = PixelCache(scratch / "run-pixels.npy", len(test), rule.size)
    if problems := cache.fill(test.records, rule, live=live):
        raise DatasetError(f"{problems[0].name}: {problems[0].reason}. Mend or remove it.")
    network = trained.network.to(hardware.device, memory_format=torch.channels_last)
    began = time.perf_counter()
    logits = predict_logits(network, cache.array, range(len(test)), hardware)
    seconds = time.perf_counter() - began
    quality = summarize(
        test.labels(),
        probability(logits.astype(np.float64), float(trained.calibration["temperature"])),
        threshold=float(trained.calibration["decision_threshold"]),
        groups=test.groups(),
    )
    cost = Cost(_parameters(network), count_operations(network, rule.size), 1000 * seconds / len(test), 0.0)
    return Standing("fine-tuned network", str(run), quality, replace(cost, seconds=_seconds(run)))


def artifact_standing(file: Path, test: Dataset) -> Standing:
    """Measure a model file on ``test``; if it lies in its run folder, the run must not have seen them.

    Raises:
        ArtifactError: If the file can't be used.
        SplitLeakage: If its run has seen the pictures.
    """
    manifest = file.parent / "manifest.csv"
    known = manifest.is_file()
    if known:
        check_unseen(read_manifest(manifest), test.records, str(file))
    classifier = Classifier.open(file)
    evaluation = evaluate(classifier, test, split=ALL)
    if evaluation.failures:
        failure = evaluation.failures[0]
        raise DatasetError(f"{failure.source}: {failure.message}. Mend or remove it.")
    network = HornetNet()
    one = RunPictures(test.records, classifier.contract.pixel_rule).batch(0, 1)
    cost = Cost(
        _parameters(network),
        count_operations(network.eval(), classifier.contract.size),
        milliseconds([classifier], one)[0],
        float("nan"),
    )
    return Standing("fine-tuned model file", file.name, evaluation.overall, cost, "" if known else UNKNOWN)


def _parameters(network: HornetNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _seconds(run: Path) -> float:
    """Return how long the run's epochs took."""
    import csv

    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))
