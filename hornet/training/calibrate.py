"""The end of a run: temperature and threshold from validation, quality of both held-out splits."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.dataset import SPLITS, TEST, TRAIN, VALIDATION, fingerprint
from hornet.evaluation.calibration import fit_temperature, fit_threshold
from hornet.evaluation.metrics import summarize
from hornet.training.phases import predict_logits
from hornet.training.runfolder import save_json, save_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.dataset import Record
    from hornet.training.hardware import Hardware
    from hornet.training.network import HornetNet
    from hornet.training.pictures import Pictures
    from hornet.training.position import Best
    from hornet.training.runfolder import RunFolder


def calibrate(
    network: HornetNet, pictures: Pictures, hardware: Hardware, folder: RunFolder, best: Best
) -> dict[str, Any]:
    """Fit temperature and threshold, measure, and write ``calibration.json`` and ``predictions.csv``.

    Args:
        network: With the best weights.
        pictures: With splits; validation has both classes.
        hardware: In float32, whatever was trained in.
        folder: The run's.
        best: Where the weights are from.

    Returns:
        What ``calibration.json`` holds.
    """
    held_out = [pictures.of(split) for split in (VALIDATION, TEST)]
    logits = [predict_logits(network, pictures.cache.array, places, hardware) for _, places, _ in held_out]
    temperature = fit_temperature(logits[0], held_out[0][2])
    threshold = fit_threshold(_probability(logits[0], temperature), held_out[0][2])
    validation, test = (
        _quality(records, labels, _probability(raw, temperature), threshold)
        for (records, _, labels), raw in zip(held_out, logits, strict=True)
    )
    document = {
        "temperature": temperature,
        "decision_threshold": threshold,
        "training_prevalence": float(pictures.of(TRAIN)[2].mean()),
        "best": asdict(best),
        "fingerprint": fingerprint(pictures.dataset),
        "groups": {split: len(set(pictures.dataset.subset(split).groups())) for split in SPLITS},
        "sources": _by_source(pictures.dataset.records),
        "validation": validation,
        "test": test,
    }
    save_predictions(folder.predictions, [*held_out[0][0], *held_out[1][0]], np.concatenate(logits))
    save_json(folder.calibration, document)
    return document


def _quality(
    records: Sequence[Record], labels: NDArray[np.int64], probabilities: NDArray[np.float64], threshold: float
) -> dict[str, Any] | None:
    if not records:
        return None
    grouped = any(record.group for record in records)
    groups = [record.group or record.name for record in records] if grouped else None
    return summarize(labels, probabilities, threshold=threshold, groups=groups).to_dict()


def _probability(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    margins = (logits[:, 1] - logits[:, 0]).astype(np.float64) / temperature
    probabilities: NDArray[np.float64] = np.exp(-np.logaddexp(0, -margins))
    return probabilities


def _by_source(records: Sequence[Record]) -> dict[str, dict[str, list[int]]]:
    """Count absent and present by source and split."""
    counts = Counter((record.source, record.split, record.label) for record in records)
    return {
        source: {split: [counts[source, split, 0], counts[source, split, 1]] for split in SPLITS}
        for source in sorted({record.source for record in records})
    }
