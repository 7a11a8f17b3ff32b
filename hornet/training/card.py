"""What a run tells people about itself: its report and its model card."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from hornet.dataset import TEST, VALIDATION, write_atomically
from hornet.evaluation.metrics import reliability
from hornet.evaluation.report import Facts, data_rows, model_card, write_report
from hornet.training.contract import portable_settings
from hornet.training.energy import describe_energy

if TYPE_CHECKING:
    from hornet.training.exported import Exported, ExportResult
    from hornet.training.trained import TrainedRun


def write_report_and_card(result: ExportResult, run: TrainedRun) -> None:
    """Write `report.html` and `MODEL_CARD.md` into the run.

    Raises:
        OSError: If they can't be written.
    """
    facts = gather_facts(result, run)
    write_report(result.report, facts)
    # Names may hold undecodable bytes as lone surrogates: shown as escapes.
    write_atomically(result.card, model_card(facts).encode("utf-8", "backslashreplace"))


def gather_facts(result: ExportResult, run: TrainedRun) -> Facts:
    """Put together what report and card tell; the figures are the int8 file's, which is the one to use."""
    shown, contract = result.eight_bit, result.eight_bit.contract
    qualities: dict[str, Any] = {VALIDATION: shown.validation}
    if shown.test is not None:
        qualities = {TEST: shown.test.overall.to_dict(), **qualities}
    if result.float32.test is not None:
        qualities["test, float32"] = result.float32.test.overall.to_dict()
    test = shown.test
    licences = sorted({record.licence for record in run.dataset.records} - {""})
    return Facts(
        title=f"Asian hornet classifier, run {run.folder.path.absolute().name}",
        headline=VALIDATION if test is None else TEST,
        qualities=qualities,
        by_source={} if test is None else {name: each.to_dict() for name, each in test.by_source.items()},
        by_species={} if test is None else {name: each.to_dict() for name, each in test.by_species.items()},
        reliability=[] if test is None else reliability(test.labels, test.probabilities),
        decision_threshold=contract.decision_threshold,
        low=contract.low,
        high=contract.high,
        temperature=contract.temperature,
        unsure=None if test is None else test.unsure / len(test.records),
        failures=()
        if test is None
        else [{"path": each.source, "error": f"{each.code}: {each.message}"} for each in test.failures],
        data=data_rows(run.dataset),
        fingerprint=str(contract.training["fingerprint"]),
        settings=portable_settings(run.config),
        precisions={"float32": _file(result.float32), "int8": _file(result.eight_bit)},
        commands=("hornet train DATA --config config.toml --out RUN", "hornet export RUN"),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        software=contract.software,
        licence=f"Licence of the model: {contract.licence}.",
        provenance=contract.provenance,
        rights=(
            "Licences of the pictures as the manifest states them: "
            + (", ".join(licences) if licences else "none stated")
            + ". Pictures stay with their authors and are not part of the model.",
        ),
        warnings=_warnings(result),
        energy=describe_energy(run.folder.energy),
    )


def _warnings(result: ExportResult) -> tuple[str, ...]:
    if result.eight_bit.test is None:
        return (
            "There was no test split: all figures are from pictures that chose epoch, temperature and threshold.",
        )
    return ()


def _file(exported: Exported) -> dict[str, object]:
    test = None if exported.test is None else exported.test.overall.metrics["roc_auc"].value
    return {
        "file": exported.path.name,
        "megabytes": round(exported.path.stat().st_size / 1e6, 1),
        "validation AUC": round(exported.agreement.auc, 4),
        "test AUC": "" if test is None else round(test, 4),
        "mean difference from torch": f"{exported.agreement.mean:.2g}",
        "largest difference from torch": f"{exported.agreement.largest:.2g}",
        "ms a picture": round(exported.milliseconds, 1),
    }
