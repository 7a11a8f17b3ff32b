"""Take every exam that the shipped model has to pass, and print one table.

An exam trains a model on what it may know and asks it about the rest; ``benchmarks/real_manifest.py`` says which
pictures those are. Runs that are finished are not repeated, those that were stopped go on, so that the command can be
given again until the table is whole::

    python benchmarks/exam.py runs/exam --weights WEIGHTS.safetensors
    python benchmarks/exam.py runs/exam --weights ... --only portal --only web-unseen

The models of a camera's own days go on from the weights of the exam ``portal``, which never saw it, with settings of their
own (``--days-config``). Figures are those of the exported files, from picture bytes on: int8, and float32 beside it. Intervals are 95 %.
``RUNS/figures.json`` holds all of them, and what each run and each answer cost.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from exam_figures import FILES, WORK, examine
from real_manifest import DAYS, EXAMS, key, prepare, real_pictures

from hornet.dataset import read_manifest, write_manifest
from hornet.evaluation.intervals import wilson
from hornet.evaluation.metrics import summarize
from hornet.training.config import build_config
from hornet.training.export import export_run
from hornet.training.run import resume_run, train_run

if TYPE_CHECKING:
    from collections.abc import Sequence


MODELS: Final = Path(__file__).resolve().parent.parent / "models"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the models of some exams are trained.

    Attributes:
        config: Settings as TOML.
        given: Settings that win over the file's.
    """

    config: Path
    given: dict[str, Any]


def take(name: str, folder: Path, recipe: Recipe) -> Path:
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
        config = build_config({**recipe.given, "data": manifest}, recipe.config)
        train_run(config, read_manifest(manifest), run, report=_say)
    export_run(run, reporter=_say)
    (run / WORK).write_text(json.dumps({"seconds": time.monotonic() - began}), encoding="utf-8")
    return run


def rows(figures: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table in Markdown."""
    lines = ["| exam | figure | int8 | float32 |", "| --- | --- | ---: | ---: |"]
    for name, result in figures.items():
        speeds = [f"{result[precision]['pictures_per_s']:.0f} pictures/s" for precision in FILES]
        lines.append(_row(name, f"cost: {result['operations'] / 1e9:.2f} G multiply-adds", speeds))
        for source in sorted(result["int8"]["by_source"]):
            parts = [result[precision]["by_source"][source] for precision in FILES]
            if parts[0]["positives"] == 0:
                lines.append(_row(name, f"{source}: false alarms", [_alarms(part) for part in parts]))
            elif source != "hivecam":
                lines += [
                    _row(name, f"{source}: {metric}", [_figure(part, metric) for part in parts])
                    for metric in ("roc_auc", "f1", "calibration_error")
                ]
        for source, part in result["int8 minus float32"].items():
            span = f"{part['value']:+.4f} ({part['low']:+.4f} to {part['high']:+.4f})"
            lines.append(_row(name, f"{source}: ROC-AUC, int8 minus float32, paired", [span, ""]))
        if "hivecam" in result["int8"]:
            parts = [result[precision]["hivecam"] for precision in FILES]
            label = f"hivecam: AUC within camera and day ({parts[0]['pairs']} pairs)"
            lines.append(_row(name, label, [_figure(part, "stratified_auc") for part in parts]))
            mended = [result[precision]["hivecam-mended"] for precision in FILES]
            label = f"the same without the frames labelled wrong ({mended[0]['pairs']} pairs)"
            lines.append(_row(name, label, [_figure(part, "stratified_auc") for part in mended]))
            points = [result[precision]["pointing"] for precision in FILES]
            lines.append(_row(name, "hivecam: pointing game", [_pointing(part) for part in points]))
    if days := [name for name in figures if name.startswith(DAYS)]:
        lines.append(_row(" + ".join(days), "hivecam: AUC within camera and day", _pooled(figures, days)))
    return lines


def _pooled(figures: dict[str, dict[str, Any]], days: Sequence[str]) -> list[str]:
    """Return the AUC within camera and day over all folds: no pair spans two of them."""
    records = {key(record.name): record for record in real_pictures().records if record.source == "hivecam"}
    cells = []
    for precision in FILES:
        answers = [answer for name in days for answer in figures[name][precision]["answers"]]
        frames = [records[key(name)] for name, _, _ in answers]
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
    parser.add_argument(
        "--config", type=Path, default=MODELS / "hornet-resnet18.toml", help="settings as TOML"
    )
    parser.add_argument(
        "--days-config", type=Path, default=MODELS / "camera-days.toml", help=f"settings of {DAYS}1 to 3"
    )
    parser.add_argument("--weights", default="imagenet", help="as of hornet train")
    parser.add_argument("--only", action="append", choices=EXAMS, help="repeatable; default: all")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another setting")
    arguments = parser.parse_args()
    if not os.environ.get("HORNET_REAL_DATA"):
        sys.exit("set HORNET_REAL_DATA to the folder of real pictures")
    arguments.out.mkdir(parents=True, exist_ok=True)
    changed = dict(pair.split("=", 1) for pair in arguments.set)
    recipe = Recipe(arguments.config, {"weights": arguments.weights} | changed)
    days = Recipe(
        arguments.days_config, {"weights": str(arguments.out / "portal" / "weights.safetensors")} | changed
    )
    stored = arguments.out / "figures.json"
    figures: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    for name in arguments.only or EXAMS:
        run = take(name, arguments.out, days if name.startswith(DAYS) else recipe)
        figures[name] = examine(name, run)
        ordered = {exam: figures[exam] for exam in EXAMS if exam in figures}
        stored.write_text(json.dumps(ordered, indent=1), encoding="utf-8")
    print("\n".join(rows({exam: figures[exam] for exam in EXAMS if exam in figures})))


if __name__ == "__main__":
    main()
