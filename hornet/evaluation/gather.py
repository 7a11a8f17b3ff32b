"""Facts from an evaluation: what a report of any model on any pictures can tell."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hornet.dataset.fingerprint import fingerprint
from hornet.dataset.records import TEST, TRAIN, VALIDATION
from hornet.evaluation.facts import (
    CHOSEN,
    LEARNED,
    SOURCE,
    UNKNOWN,
    Answers,
    Facts,
    data_rows,
    relation_of,
)
from hornet.evaluation.illustrations import illustrate
from hornet.evaluation.metrics import reliability
from hornet.evaluation.views import count_views
from hornet.evaluation.words import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hornet.artifact import Contract
    from hornet.classifier import Classifier
    from hornet.dataset.records import Dataset, Record
    from hornet.evaluation.evaluate import Evaluation
    from hornet.evaluation.words import Said


def answers_of(evaluation: Evaluation) -> Answers:
    """Return the pictures of an evaluation one by one."""
    return Answers(evaluation.records, evaluation.labels, evaluation.probabilities)


def facts_of_evaluation(
    classifier: Classifier,
    evaluation: Evaluation,
    dataset: Dataset,
    *,
    title: Said,
    commands: Sequence[str] = (),
    with_pictures: bool = True,
    corruptions: Mapping[str, Any] | None = None,
    relation: str | None = None,
) -> Facts:
    """Put together what is known of a model file that was asked about some pictures.

    Args:
        classifier: The model.
        evaluation: What came out.
        dataset: The pictures that it was chosen from.
        title: Of the report.
        commands: How to repeat it.
        with_pictures: Whether small copies of pictures are part of the report.
        corruptions: What corrupted pictures did to the figures, if that was measured.
        relation: How the pictures relate to those learned from; None: find out from file and pictures.
    """
    contract = classifier.contract
    answers = answers_of(evaluation)
    worst, cells = illustrate(classifier, answers, contract.decision_threshold) if with_pictures else ((), {})
    views = count_views(evaluation.tta)
    warnings: tuple[Said, ...] = () if views == 1 else (said("warning.tta", views=views),)
    return replace(
        facts_of_contract(contract),
        title=title,
        headline=evaluation.split,
        qualities={evaluation.split: evaluation.overall.to_dict(), **_promised(contract)},
        relation=_relation(contract, evaluation, dataset) if relation is None else relation,
        answers=answers,
        by_source={name: quality.to_dict() for name, quality in evaluation.by_source.items()},
        by_species={name: one.to_dict() for name, one in evaluation.by_species.items()},
        corruptions=corruptions,
        within_strata=evaluation.to_dict().get("within_strata"),
        reliability=reliability(evaluation.labels, evaluation.probabilities),
        unsure=evaluation.unsure / len(evaluation.records),
        failures=failures_of(evaluation),
        data=data_rows(dataset),
        commands=tuple(commands),
        rights=picture_rights(dataset.records),
        warnings=warnings,
        worst=worst,
        cells=cells,
    )


def facts_of_contract(contract: Contract) -> Facts:
    """Return what a model file says about itself; title, headline and qualities are still to be filled in."""
    training = contract.training
    return Facts(
        title="",
        headline="",
        qualities={},
        decision_threshold=contract.decision_threshold,
        low=contract.low,
        high=contract.high,
        point=contract.quality.get("operating_point"),
        temperature=contract.temperature,
        fingerprint=str(training.get("fingerprint", "")),
        settings=training.get("settings", {}),
        created=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        software=contract.software,
        licence=contract.licence,
        provenance=contract.provenance,
    )


def picture_rights(records: Iterable[Record]) -> tuple[Said, ...]:
    """Say whose the pictures are, as far as the manifest does."""
    licences = sorted({record.licence for record in records} - {""})
    if not licences:
        return (said("rights.pictures_unstated"),)
    return (said("rights.pictures", licences=", ".join(licences)),)


def failures_of(evaluation: Evaluation) -> list[dict[str, str]]:
    """Return the pictures that could not be read, and why."""
    return [{"path": each.source, "error": f"{each.code}: {each.message}"} for each in evaluation.failures]


def _promised(contract: Contract) -> dict[str, Mapping[str, Any]]:
    """Return the validation figures that the model file carries, to compare with."""
    known = contract.quality.get(VALIDATION)
    return {"file: validation": known} if isinstance(known, dict) and "metrics" in known else {}


def _relation(contract: Contract, evaluation: Evaluation, dataset: Dataset) -> str:
    """Say what is known of how the pictures relate to those that the model learned from."""
    split = evaluation.split
    learned = dataset.subset(TRAIN).records
    if split in {TRAIN, VALIDATION} and _same_run(contract, dataset):
        return LEARNED if split == TRAIN else CHOSEN
    if split == TEST and learned and _same_run(contract, dataset):
        return relation_of(learned, evaluation.records)
    known = _learned_sources(contract)
    sources = {record.source for record in evaluation.records}
    if known and "" not in known | sources and not known & sources:
        return SOURCE
    return UNKNOWN


def _learned_sources(contract: Contract) -> set[str]:
    """Return the sources of which at least one picture was learned from; empty if the file doesn't say."""
    told = contract.training.get("sources")
    if not isinstance(told, dict):
        return set()
    return {name for name, splits in told.items() if any(splits.get(TRAIN, ()))}


def _same_run(contract: Contract, dataset: Dataset) -> bool:
    """Tell whether these are the pictures and splits of the training."""
    counts = {
        split: {
            name: sum(record.label == number for record in dataset.subset(split).records)
            for number, name in enumerate(contract.classes)
        }
        for split in (TRAIN, VALIDATION, TEST)
    }
    # The fingerprint reads every file: only where it may well agree.
    if counts != contract.training.get("splits"):
        return False
    return fingerprint(dataset) == contract.training.get("fingerprint")
