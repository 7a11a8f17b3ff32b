"""Take every exam that the shipped model has to pass, and print one table.

An exam trains a model on what it may know and asks it about the rest; ``benchmarks/real_manifest.py`` says which
pictures those are. Runs that are finished are not repeated, those that were stopped go on, so that the command can be
given again until the table is whole::

    python benchmarks/exam.py runs/exam --config models/hornet-resnet18.toml --weights WEIGHTS.safetensors
    python benchmarks/exam.py runs/exam --config ... --weights ... --only portal --only web-unseen

Figures are those of the exported files, from picture bytes on: int8, and float32 beside it. Intervals are 95 %.
``RUNS/figures.json`` holds all of them, and what each run cost.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from real_manifest import EXAMS, WRONG_LABELS, prepare, real_pictures

from hornet.classifier import Classifier, Item, Prediction
from hornet.dataset import read_manifest, write_manifest
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import summarize
from hornet.training.config import build_config
from hornet.training.export import export_run
from hornet.training.run import resume_run, train_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.dataset import Dataset
    from hornet.evaluation.evaluate import Evaluation

FILES: Final = {"int8": "hornet-int8.onnx", "float32": "hornet-fp32.onnx"}
_STRATA: Final = ("camera", "day")
_WORK: Final = "seconds.json"


def take(name: str, folder: Path, settings: dict[str, Any], config: Path | None) -> Path:
    """Train and export the model of one exam, unless that is done; return its run folder."""
    run = folder / name
    if all((run / file).is_file() for file in FILES.values()):
        return run
    print(f"== {name}: {EXAMS[name]}", flush=True)
    manifest = folder / f"{name}.csv"
    began = time.monotonic()
    if (run / "config.toml").is_file():
        resume_run(run, report=_say)
    else:
        write_manifest(prepare(real_pictures(), name), manifest)
        train_run(
            build_config({**settings, "data": manifest}, config), read_manifest(manifest), run, report=_say
        )
    export_run(run, reporter=_say)
    (run / _WORK).write_text(json.dumps({"seconds": time.monotonic() - began}), encoding="utf-8")
    return run


def examine(name: str, run: Path) -> dict[str, Any]:
    """Return the figures of one exam in both precisions, by source, with what it cost."""
    result: dict[str, Any] = {"exam": name, "asks": EXAMS[name]}
    dataset = read_manifest(run / "manifest.csv")
    for precision, file in FILES.items():
        classifier = Classifier.open(run / file)
        answers = evaluate(classifier, dataset, split="test")
        result[precision] = answers.to_dict()
        result[precision]["answers"] = [
            (record.name, int(label), round(float(probability), 6))
            for record, label, probability in zip(
                answers.records, answers.labels, answers.probabilities, strict=True
            )
        ]
        if any(record.source == "hivecam" for record in answers.records):
            result[precision]["hivecam"] = _within(answers, classifier)
            result[precision]["hivecam-mended"] = _within(answers, classifier, leave_out=_wrong_labels())
            result[precision]["pointing"] = point(classifier, dataset)
    if (run / _WORK).is_file():
        result |= json.loads((run / _WORK).read_text(encoding="utf-8"))
    return result


def _within(
    answers: Evaluation, classifier: Classifier, leave_out: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the figures of the hive camera alone, with the AUC within camera and day."""
    chosen = [
        i
        for i, record in enumerate(answers.records)
        if record.source == "hivecam" and _key(record.name) not in leave_out
    ]
    records = [answers.records[i] for i in chosen]
    return summarize(
        answers.labels[chosen],
        answers.probabilities[chosen],
        threshold=classifier.contract.decision_threshold,
        groups=[record.group for record in records],
        strata=[(record.camera, record.day) for record in records],
    ).to_dict()


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
    located = [(record, boxes.get(_key(record.name), [])) for record in records]
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
                found.setdefault(_key(row["path"]), []).append((x0 / 960, y0 / 540, x1 / 960, y1 / 540))
    return found


def _wrong_labels() -> frozenset[str]:
    """Return the names of the frames that were found to show the opposite of their label."""
    with WRONG_LABELS.open(encoding="utf-8", newline="") as file:
        return frozenset(_key(row["path"]) for row in csv.DictReader(file))


def _key(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def rows(figures: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table in Markdown."""
    lines = ["| exam | figure | int8 | float32 |", "| --- | --- | ---: | ---: |"]
    for name, result in figures.items():
        for source in sorted(result["int8"]["by_source"]):
            parts = [result[precision]["by_source"][source] for precision in FILES]
            if parts[0]["positives"] == 0:
                lines.append(_row(name, f"{source}: false alarms", [_alarms(part) for part in parts]))
            elif source != "hivecam":
                lines += [
                    _row(name, f"{source}: {metric}", [_figure(part, metric) for part in parts])
                    for metric in ("roc_auc", "f1", "calibration_error")
                ]
        if "hivecam" in result["int8"]:
            parts = [result[precision]["hivecam"] for precision in FILES]
            label = f"hivecam: AUC within camera and day ({parts[0]['pairs']} pairs)"
            lines.append(_row(name, label, [_figure(part, "stratified_auc") for part in parts]))
            mended = [result[precision]["hivecam-mended"] for precision in FILES]
            label = f"the same without the frames labelled wrong ({mended[0]['pairs']} pairs)"
            lines.append(_row(name, label, [_figure(part, "stratified_auc") for part in mended]))
            points = [result[precision]["pointing"] for precision in FILES]
            lines.append(_row(name, "hivecam: pointing game", [_pointing(part) for part in points]))
    if days := [name for name in figures if name.startswith("hivecam-")]:
        lines.append(_row(" + ".join(days), "hivecam: AUC within camera and day", _pooled(figures, days)))
    return lines


def _pooled(figures: dict[str, dict[str, Any]], days: Sequence[str]) -> list[str]:
    """Return the AUC within camera and day over all folds: no pair spans two of them."""
    records = {_key(record.name): record for record in real_pictures().records if record.source == "hivecam"}
    cells = []
    for precision in FILES:
        answers = [answer for name in days for answer in figures[name][precision]["answers"]]
        frames = [records[_key(name)] for name, _, _ in answers]
        quality = summarize(
            [label for _, label, _ in answers],
            [probability for _, _, probability in answers],
            threshold=0.5,
            groups=[frame.group for frame in frames],
            strata=[(frame.camera, frame.day) for frame in frames],
        ).to_dict()
        cells.append(f"{_figure(quality, 'stratified_auc')}, {quality['pairs']} pairs")
    return cells


def _row(*cells: str | Sequence[str]) -> str:
    flat = [text for cell in cells for text in ([cell] if isinstance(cell, str) else cell)]
    return f"| {' | '.join(flat)} |"


def _figure(quality: dict[str, Any], metric: str) -> str:
    value = quality["metrics"][metric]
    if value["value"] is None:
        return "-"
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def _alarms(quality: dict[str, Any]) -> str:
    alarms, n = quality["confusion"]["fp"], quality["n"]
    low, high = wilson(alarms, n)
    return f"{alarms} of {n} ({100 * low:.1f} to {100 * high:.1f} %)"


def _pointing(part: dict[str, Any]) -> str:
    share = part["hits"] / max(part["n"], 1)
    return f"{share:.3f} ({part['low']:.3f} to {part['high']:.3f}), heat inside {part['heat']:.2f}"


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Take the exams that are asked for and print what is known of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="RUNS", help="folder of the exams' runs")
    parser.add_argument("--config", type=Path, help="settings as TOML")
    parser.add_argument("--weights", default="imagenet", help="as of hornet train")
    parser.add_argument("--only", action="append", choices=EXAMS, help="repeatable; default: all")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another setting")
    arguments = parser.parse_args()
    if not os.environ.get("HORNET_REAL_DATA"):
        sys.exit("set HORNET_REAL_DATA to the folder of real pictures")
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = {"weights": arguments.weights} | dict(pair.split("=", 1) for pair in arguments.set)
    stored = arguments.out / "figures.json"
    figures: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    for name in arguments.only or EXAMS:
        figures[name] = examine(name, take(name, arguments.out, settings, arguments.config))
        ordered = {exam: figures[exam] for exam in EXAMS if exam in figures}
        stored.write_text(json.dumps(ordered, indent=1), encoding="utf-8")
    print("\n".join(rows({exam: figures[exam] for exam in EXAMS if exam in figures})))


if __name__ == "__main__":
    main()
