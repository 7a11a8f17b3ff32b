"""What one exam of ``benchmarks/exam.py`` measures: figures by source in both precisions, and where the model looks."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from real_manifest import EXAMS, key, wrong_labels

from hornet.classifier import Classifier, Item, Prediction
from hornet.dataset import read_manifest
from hornet.evaluation.comparison import Answers, compare
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import summarize
from hornet.training.config import load_config
from hornet.training.frozen import count_operations
from hornet.training.network import HornetNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.dataset import Dataset
    from hornet.evaluation.evaluate import Evaluation

FILES: Final = {"int8": "hornet-int8.onnx", "float32": "hornet-fp32.onnx"}
#: In a run's folder: how long it took.
WORK: Final = "seconds.json"


def examine(name: str, run: Path) -> dict[str, Any]:
    """Return the figures of one exam in both precisions, by source, with what it cost."""
    operations = count_operations(HornetNet(), load_config(run / "config.toml").size)
    result: dict[str, Any] = {"exam": name, "asks": EXAMS[name], "operations": operations}
    dataset = read_manifest(run / "manifest.csv")
    given: dict[str, Evaluation] = {}
    for precision, file in FILES.items():
        classifier = Classifier.open(run / file)
        began = time.monotonic()
        given[precision] = answers = evaluate(classifier, dataset, split="test")
        result[precision] = answers.to_dict()
        result[precision]["pictures_per_s"] = len(answers.labels) / (time.monotonic() - began)
        result[precision]["answers"] = [
            (record.name, int(label), round(float(probability), 6))
            for record, label, probability in zip(
                answers.records, answers.labels, answers.probabilities, strict=True
            )
        ]
        if any(record.source == "hivecam" for record in answers.records):
            result[precision]["hivecam"] = _within(answers, classifier)
            result[precision]["hivecam-mended"] = _within(answers, classifier, leave_out=wrong_labels())
            result[precision]["pointing"] = point(classifier, dataset)
    result["int8 minus float32"] = difference(given["int8"], given["float32"])
    if (run / WORK).is_file():
        result |= json.loads((run / WORK).read_text(encoding="utf-8"))
    return result


def _within(
    answers: Evaluation, classifier: Classifier, leave_out: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the figures of the hive camera alone, with the AUC within camera and day."""
    chosen = [
        i
        for i, record in enumerate(answers.records)
        if record.source == "hivecam" and key(record.name) not in leave_out
    ]
    records = [answers.records[i] for i in chosen]
    return summarize(
        answers.labels[chosen],
        answers.probabilities[chosen],
        threshold=classifier.contract.decision_threshold,
        groups=[record.group for record in records],
        strata=[(record.camera, record.day) for record in records],
    ).to_dict()


def difference(first: Evaluation, second: Evaluation) -> dict[str, dict[str, float | None]]:
    """Return how much more ROC-AUC the first has on the same pictures, by source, with the middle 95 % of resamples.

    Both are measured on the same resamples of groups, so that what is common to them cancels out.
    """
    found: dict[str, dict[str, float | None]] = {}
    sources = np.array([record.source for record in first.records])
    for source in sorted({str(name) for name in sources}):
        chosen = np.flatnonzero(sources == source)
        if len(set(first.labels[chosen].tolist())) == 1:
            continue
        groups = [first.records[i].group for i in chosen]
        sides = [Answers(one.probabilities[chosen], 0.5) for one in (second, first)]
        area = compare(first.labels[chosen], *sides, groups=groups, columns={}).differences["roc_auc"]
        found[source] = {"value": area.value, "low": area.low, "high": area.high}
    return found


def point(classifier: Classifier, dataset: Dataset) -> dict[str, Any]:
    """Play the pointing game (Zhang et al. 2018) on the hive camera's frames with hornets.

    Returns:
        How often the heatmap's highest place has its centre in a hornet's box, within half a place (``hits`` of
        ``n``), and the mean share of the positive heat that lies in boxes.
    """
    boxes = _boxes()
    records = [
        record
        for record in dataset.records
        if record.source == "hivecam" and record.split == "test" and record.label
    ]
    located = [(record, boxes.get(key(record.name), [])) for record in records]
    located = [(record, found) for record, found in located if found]
    items = (Item(record.name, record.path, record.masks) for record, _ in located)
    hits, shares = 0, []
    for answer, (_, found) in zip(classifier.predict_many(items, with_maps=True), located, strict=True):
        if not isinstance(answer, Prediction) or answer.heatmap is None:
            continue
        inside = _inside(found, answer.heatmap.shape)
        hits += bool(inside.flat[int(answer.heatmap.argmax())])
        heat = np.maximum(answer.heatmap, 0)
        shares.append(float(heat[inside].sum() / heat.sum()) if heat.sum() > 0 else 0.0)
    low, high = wilson(hits, max(len(shares), 1))
    return {"n": len(shares), "hits": hits, "low": low, "high": high, "heat": float(np.mean(shares or [0.0]))}


def _inside(boxes: Sequence[tuple[float, float, float, float]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which places (h, w) of a heatmap have their centre in a box, or within half a place of one."""
    height, width = shape
    y = (np.arange(height) + 0.5)[:, None] / height
    x = (np.arange(width) + 0.5)[None] / width
    inside = np.zeros(shape, dtype=bool)
    for x0, y0, x1, y1 in boxes:
        dx, dy = 0.5 / width, 0.5 / height
        inside |= (x >= x0 - dx) & (x <= x1 + dx) & (y >= y0 - dy) & (y <= y1 + dy)
    return inside


def _boxes() -> dict[str, list[tuple[float, float, float, float]]]:
    """Read the hornets' boxes, as fractions of the frame, by file name."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    path = Path(os.environ["HORNET_REAL_DATA"]) / "hivecam_boxes.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["class"] == "hornet":
                x0, y0, x1, y1 = (float(row[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
                found.setdefault(key(row["path"]), []).append((x0 / 960, y0 / 540, x1 / 960, y1 / 540))
    return found
