"""An artifact against labelled pictures, through the same code as every prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.classifier import Failure, Item, Prediction
from hornet.dataset.records import SPLITS, TEST, Dataset, Record
from hornet.decision import CLASSES, NOVELTY_LIMIT, UNSURE
from hornet.errors import ConfigError, EmptyClass
from hornet.evaluation.metrics import Estimate, Quality, summarize
from hornet.evaluation.slices import Slice, most_mistaken, slice_quality
from hornet.evaluation.views import count_views, predict_views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hornet.classifier import Classifier

#: Instead of a split: every picture.
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out of it.

    Attributes:
        split: Which pictures: ``test``, ``validation``, ``train`` or ``all``.
        overall: Figures of all pictures that could be read.
        by_source: Figures by source; empty if no picture names one.
        by_species: What was said of each species; empty if no picture names one.
        strata: Columns that make a stratum; empty if none were asked for.
        stratified: Pictures that have all of these columns; only they can be in a pair.
        unsure: How many verdicts were ``unsure``.
        low: Lower end of the unsure band.
        high: Upper end of the unsure band.
        failures: Pictures that could not be read.
        records: Pictures that could, in order.
        labels: Their labels, shape (N,).
        probabilities: Their probabilities of presence, shape (N,).
        tta: Test-time augmentation; ``none`` is what predicting does.
        novelties: How unlike anything seen each is, shape (N,); None if the model can't tell.
    """

    split: str
    overall: Quality
    by_source: Mapping[str, Quality]
    by_species: Mapping[str, Slice]
    strata: tuple[str, ...]
    stratified: int
    unsure: int
    low: float
    high: float
    failures: tuple[Failure, ...]
    records: tuple[Record, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    tta: str = "none"
    novelties: NDArray[np.float64] | None = None

    def novel(self) -> dict[str, dict[str, int]] | None:
        """Count by class the pictures, and those beyond the novelty limit; None if the model can't tell."""
        if self.novelties is None:
            return None
        beyond = self.novelties > NOVELTY_LIMIT
        return {
            name: {
                "beyond": int(beyond[self.labels == number].sum()),
                "pictures": int((self.labels == number).sum()),
            }
            for number, name in enumerate(CLASSES)
        }

    @property
    def within_strata(self) -> Estimate | None:
        """Return the AUC within strata, None if no strata were asked for."""
        return self.overall.metrics.get("stratified_auc")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON, without the single pictures but those that failed."""
        result: dict[str, Any] = {
            "split": self.split,
            "tta": {"name": self.tta, "views": count_views(self.tta)},
            "pictures": len(self.records) + len(self.failures),
            "overall": self.overall.to_dict(),
            "by_source": {source: quality.to_dict() for source, quality in self.by_source.items()},
            "by_species": {species: one.to_dict() for species, one in self.by_species.items()},
            "most_mistaken": most_mistaken(self.by_species),
            "unsure": {
                "count": self.unsure,
                "share": self.unsure / len(self.records),
                "low": self.low,
                "high": self.high,
            },
            "novelty": self.novel(),
            "failures": [
                {"path": failure.source, "error": f"{failure.code}: {failure.message}"}
                for failure in self.failures
            ],
        }
        if (auc := self.within_strata) is not None:
            result["within_strata"] = {
                "columns": list(self.strata),
                "auc": auc.to_dict(),
                "pairs": self.overall.pairs,
                "pictures": self.stratified,
            }
        return result


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    *,
    split: str | None = None,
    strata: Sequence[str] = (),
    batch_size: int = 32,
    workers: int | None = None,
    tta: str = "none",
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Predict labelled pictures and measure the answers at the contract's decision threshold.

    Args:
        classifier: The model.
        dataset: Labelled pictures; their masks are filled besides the contract's.
        split: ``test``, ``validation``, ``train`` or ``all``; None: test where any picture has it, else all.
        strata: Columns, ``day`` among them; only pairs that agree in all of them count for the stratified
            AUC. A picture that lacks one of them is in no pair.
        batch_size: Pictures a run of the network.
        workers: Threads that decode; None: as many as CPUs.
        tta: Test-time augmentation, see :mod:`hornet.evaluation.views`.
        resamples: Bootstrap draws.
        seed: Seed of the draws.
        progress: Called with the number of pictures done and of all.

    Returns:
        The figures, and the failures: no picture is dropped silently.

    Raises:
        ConfigError: If the split or the test-time augmentation has no such name.
        EmptyClass: If there is no picture in the split, or none could be read.
        ManifestInvalid: If a picture has no label, or there is no column of a stratum.
    """
    chosen, part = choose_split(dataset, split)
    labels = part.labels()
    keys = [_stratum(record, strata) for record in part.records]
    if count_views(tta) == 1:
        items = (Item(record.name, record.path, record.masks) for record in part.records)
        answering = classifier.predict_many(items, batch_size=batch_size, workers=workers)
    else:
        answering = predict_views(classifier, part.records, tta, batch_size=batch_size, workers=workers)
    answers: list[Prediction | Failure] = []
    for answer in answering:
        answers.append(answer)
        if progress is not None:
            progress(len(answers), len(part))
    failures = tuple(answer for answer in answers if isinstance(answer, Failure))
    kept = [i for i, answer in enumerate(answers) if isinstance(answer, Prediction)]
    predictions = [answer for answer in answers if isinstance(answer, Prediction)]
    if not kept:
        raise EmptyClass(
            f"None of the {len(failures)} pictures could be read; the first: {failures[0].source}: "
            f"{failures[0].message}"
        )
    probabilities = np.array([prediction.probability for prediction in predictions], dtype=np.float64)
    groups = part.groups()

    def measure(members: Sequence[int]) -> Quality:
        """Summarize the pictures at these positions among the kept ones."""
        # A picture outside all strata gets one for itself: it then is in no pair.
        own = [keys[kept[i]] or (kept[i],) for i in members]
        return summarize(
            labels[[kept[i] for i in members]],
            probabilities[list(members)],
            threshold=classifier.contract.decision_threshold,
            groups=[groups[kept[i]] for i in members],
            strata=own if strata else None,
            resamples=resamples,
            seed=seed,
        )

    records = tuple(part.records[i] for i in kept)
    return Evaluation(
        split=chosen,
        overall=measure(range(len(kept))),
        by_source={source: measure(members) for source, members in _parts(records, "source").items()},
        by_species={
            species: slice_quality(measure(members))
            for species, members in _parts(records, "species").items()
        },
        strata=tuple(strata),
        stratified=sum(keys[i] is not None for i in kept) if strata else 0,
        unsure=sum(prediction.label == UNSURE for prediction in predictions),
        low=classifier.contract.low,
        high=classifier.contract.high,
        failures=failures,
        records=records,
        labels=labels[kept],
        probabilities=probabilities,
        tta=tta,
        novelties=_novelties(predictions),
    )


def choose_split(dataset: Dataset, split: str | None) -> tuple[str, Dataset]:
    """Return what is evaluated: its name and its pictures; see evaluate.

    Raises:
        ConfigError: If the split has no such name.
        EmptyClass: If it has no picture.
    """
    if split is None:
        split = TEST if TEST in dataset.splits() else ALL
    if split not in (*SPLITS, ALL):
        raise ConfigError(f"There is no split {split!r}. Use {', '.join(SPLITS)} or {ALL}.")
    part = dataset if split == ALL else dataset.subset(split)
    if not len(part):
        found = ", ".join(sorted(set(filter(None, dataset.splits())))) or "none"
        raise EmptyClass(f"No picture has the split {split!r}; found {found}. Choose another, or {ALL}.")
    return split, part


def _novelties(predictions: Sequence[Prediction]) -> NDArray[np.float64] | None:
    scores = [prediction.novelty for prediction in predictions if prediction.novelty is not None]
    return np.array(scores, dtype=np.float64) if len(scores) == len(predictions) else None


def _stratum(record: Record, strata: Sequence[str]) -> tuple[str, ...] | None:
    values = tuple(record.column(name) for name in strata)
    return values if values and all(values) else None


def _parts(records: Sequence[Record], column: str) -> dict[str, list[int]]:
    """Return the positions of each value's pictures, by value; empty if no picture has one."""
    members: dict[str, list[int]] = {}
    for position, record in enumerate(records):
        members.setdefault(record.column(column), []).append(position)
    return {} if set(members) == {""} else {name: members[name] for name in sorted(members)}
