"""What a run tells people about itself: its report and its model card."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hornet.checksums import sha256_file
from hornet.classifier import Classifier
from hornet.dataset import TEST, TRAIN, VALIDATION
from hornet.errors import ConfigError
from hornet.evaluation.audit_facts import audit_facts
from hornet.evaluation.evaluate import evaluate
from hornet.evaluation.facts import CHOSEN, relation_of
from hornet.evaluation.gather import facts_of_evaluation
from hornet.evaluation.report import Facts, model_card, write_report
from hornet.evaluation.words import said
from hornet.files import write_atomically
from hornet.training.contract import portable_settings
from hornet.training.energy import read_energy
from hornet.training.exported import FILES
from hornet.training.trained import TrainedRun, load_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hornet.evaluation.evaluate import Evaluation

#: Files that other commands leave in a run, and what they must hold.
_LAB: Final = {
    "audit": ("findings",),
    "rivals": ("rivals",),
    "attack": ("attack", "clean", "attacked"),
    "robustness": ("corruptions",),
}
_WRITERS: Final = {
    "audit": "'hornet data audit --json'",
    "rivals": "'hornet lab rivals --out'",
    "attack": "'hornet lab attack --out'",
    "robustness": "'hornet evaluate --corruptions --json'",
}
_SHOWN: Final = "int8"


def report_run(run: Path, *, with_pictures: bool = True) -> tuple[Path, Path]:
    """Write report and card of an exported run anew, with what the lab has left in it since.

    Args:
        run: The run folder.
        with_pictures: Whether the report shows pictures.

    Returns:
        Report and card.

    Raises:
        ConfigError: If the run isn't there, isn't whole, or isn't exported.
    """
    trained = load_run(run)
    missing = [name for name in FILES.values() if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"{run} has no {missing[0]}: export it first with 'hornet export {run}'")
    files = {precision: Classifier.open(run / name) for precision, name in FILES.items()}
    return write_report_and_card(trained, files, with_pictures=with_pictures)


def write_report_and_card(
    run: TrainedRun,
    files: Mapping[str, Classifier],
    *,
    test: Evaluation | None = None,
    milliseconds: Mapping[str, float] | None = None,
    with_pictures: bool = True,
) -> tuple[Path, Path]:
    """Write `report.html` and `MODEL_CARD.md` into the run.

    Args:
        run: The run.
        files: Its model files by precision; the figures are int8's, which is the one to use.
        test: What int8 answers to the test pictures, if that is known already.
        milliseconds: Time a picture by precision, if it was measured.
        with_pictures: Whether the report shows pictures; the card never does.

    Returns:
        Report and card.

    Raises:
        ConfigError: If a file of the lab in the run isn't what the lab writes.
        OSError: If they can't be written.
    """
    facts = gather_facts(run, files, test=test, milliseconds=milliseconds or {}, with_pictures=with_pictures)
    report, card = run.folder.path / "report.html", run.folder.path / "MODEL_CARD.md"
    write_report(report, facts)
    # Names may hold undecodable bytes as lone surrogates: shown as escapes.
    write_atomically(card, model_card(facts).encode("utf-8", "backslashreplace"))
    return report, card


def gather_facts(
    run: TrainedRun,
    files: Mapping[str, Classifier],
    *,
    test: Evaluation | None,
    milliseconds: Mapping[str, float],
    with_pictures: bool,
) -> Facts:
    """Put together what report and card tell."""
    shown = files[_SHOWN]
    has_test = bool(run.dataset.subset(TEST).records)
    answered = test or evaluate(shown, run.dataset, split=TEST if has_test else VALIDATION)
    facts = facts_of_evaluation(
        shown,
        answered,
        run.dataset,
        title=said("title.run", name=run.folder.path.absolute().name),
        with_pictures=with_pictures,
        relation=relation_of(run.dataset.subset(TRAIN).records, answered.records) if has_test else CHOSEN,
    )
    qualities: dict[str, Any] = {answered.split: answered.overall.to_dict()}
    qualities[VALIDATION] = shown.contract.quality[VALIDATION]
    if has_test and (other := files["float32"].contract.quality.get(TEST)):
        qualities["test, float32"] = other["overall"]
    lab = _lab_documents(run.folder.path)
    audit = next(iter(lab["audit"]), None)
    return replace(
        facts,
        audit=None if audit is None else audit_facts(audit, run.dataset.records, with_pictures=with_pictures),
        qualities=qualities,
        settings=portable_settings(run.config),
        precisions={name: _file(each, milliseconds.get(name)) for name, each in files.items()},
        commands=(
            "hornet train RUN/manifest.csv --config RUN/config.toml --out AGAIN",
            "hornet export AGAIN",
            "hornet report AGAIN",
        ),
        warnings=() if has_test else (said("warning.no_test"),),
        epochs=read_epochs(run.folder.metrics),
        energy=read_energy(run.folder.energy),
        rivals=next(iter(lab["rivals"]), None),
        attacks=lab["attack"],
        corruptions=next((document["corruptions"] for document in lab["robustness"]), None),
    )


def read_epochs(file: Path) -> list[dict[str, Any]]:
    """Read a run's `metrics.csv`: a dictionary an epoch, numbers as numbers; empty without the file."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            {name: value if name == "phase" else float(value) for name, value in row.items() if value}
            for row in csv.DictReader(stream)
        ]


def _lab_documents(run: Path) -> dict[str, list[Any]]:
    """Read what other commands left in the run or in a folder of it, by the name of the file.

    Raises:
        ConfigError: If a file isn't what that command writes.
    """
    found: dict[str, list[Any]] = {}
    for name, keys in _LAB.items():
        found[name] = []
        for file in sorted({*run.glob(f"{name}.json"), *run.glob(f"*/{name}.json")}):
            try:
                document = json.loads(file.read_text(encoding="utf-8"))
                missing = [key for key in keys if key not in document]
            except (OSError, ValueError, TypeError) as error:
                raise ConfigError(f"{file} can't be read: {error}. Move it away, or make it anew") from None
            if missing:
                raise ConfigError(
                    f"{file} lacks {', '.join(missing)}: it isn't what {_WRITERS[name]} writes. Move it away, or make it anew"
                )
            found[name].append(document)
    return found


def _file(classifier: Classifier, milliseconds: float | None) -> dict[str, object]:
    path, quality = classifier.artifact.path, classifier.contract.quality
    agreement, test = quality["agreement"], quality.get(TEST)
    known = {
        "file": path.name,
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "validation AUC": _area(quality[VALIDATION]),
        "test AUC": None if test is None else _area(test["overall"]),
        "mean difference from torch": float(f"{agreement['mean']:.2g}"),
        "largest difference from torch": float(f"{agreement['largest']:.2g}"),
        "ms a picture": None if milliseconds is None else round(milliseconds, 1),
        "sha256": sha256_file(path),
    }
    return {name: value for name, value in known.items() if value is not None}


def _area(quality: Mapping[str, Any]) -> float | None:
    value = quality["metrics"]["roc_auc"]["value"]
    return None if value is None else round(value, 4)
