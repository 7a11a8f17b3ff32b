"""How good a model still is on corrupted pictures, by corruption and severity."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.cpus import available_cpus
from hornet.errors import DatasetError, ImageError
from hornet.evaluation.corruptions import CORRUPTIONS, SEVERITIES, at_reference, check_corruptions, corrupt
from hornet.evaluation.intervals import percentiles
from hornet.evaluation.metrics import GROUPED, Estimate, Quality, summarize_draws
from hornet.images import decode, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from hornet.classifier import Classifier
    from hornet.dataset.records import Record
    from hornet.evaluation.evaluate import Evaluation

#: What is averaged over severities and corruptions.
AVERAGED: Final = ("roc_auc", "f1", "recall", "precision", "false_alarms")
#: Of these the mean is also told as a share of the figure on clean pictures.
KEPT: Final = ("roc_auc", "f1", "recall")

#: What was done to pictures: corruption and severity.
Condition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Corruptions:
    """Figures on corrupted pictures. All are of the same pictures and the same resamples.

    Attributes:
        side: Short side of the pictures when they were corrupted, px.
        seed: Decided what was drawn at random.
        clean: Figures without corruption.
        qualities: Figures by corruption and severity.
        means: By corruption: each averaged figure, mean over the severities.
        mean: Each averaged figure, mean over corruptions and severities.
        kept: The same as a share of the figure on clean pictures, for some of them.
        probabilities: Of presence, by corruption and severity, shape (N,).
    """

    side: int
    seed: int
    clean: Quality
    qualities: Mapping[Condition, Quality]
    means: Mapping[str, Mapping[str, Estimate]]
    mean: Mapping[str, Estimate]
    kept: Mapping[str, Estimate]
    probabilities: Mapping[Condition, NDArray[np.float64]]

    @property
    def severities(self) -> tuple[int, ...]:
        """Return the severities that were measured, ascending."""
        return tuple(sorted({severity for _, severity in self.qualities}))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON, without the single pictures."""
        return {
            "reference_px": self.side,
            "seed": self.seed,
            "severities": list(self.severities),
            "clean": self.clean.to_dict(),
            "by_corruption": {
                name: {
                    "severities": {
                        str(severity): self.qualities[name, severity].to_dict()
                        for severity in self.severities
                    },
                    "mean": {figure: estimate.to_dict() for figure, estimate in mean.items()},
                }
                for name, mean in self.means.items()
            },
            "mean": {figure: estimate.to_dict() for figure, estimate in self.mean.items()},
            "kept": {figure: estimate.to_dict() for figure, estimate in self.kept.items()},
        }


def measure_corruptions(
    classifier: Classifier,
    evaluation: Evaluation,
    *,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = SEVERITIES,
    batch_size: int = 32,
    workers: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Corruptions:
    """Corrupt the pictures of an evaluation in every way, and measure the answers as it did.

    Pictures are decoded, brought to the scale of the network's short side and corrupted; then they are masked and resized
    as for every prediction. What is drawn at random depends on the seed, the picture's bytes and the corruption alone.

    Args:
        classifier: The model of the evaluation.
        evaluation: What it says of the pictures as they are, from one view each.
        corruptions: Names, see :data:`hornet.evaluation.corruptions.CORRUPTIONS`.
        severities: 1 to 5.
        batch_size: Pictures a run of the network.
        workers: Threads that corrupt; None: as many as CPUs.
        resamples: Bootstrap draws.
        seed: Seed of the corruptions and of the draws.
        progress: Called with the number of pictures done and of all.

    Raises:
        ConfigError: If there is no such corruption or severity.
        DatasetError: If a picture that could be read can't be read any more.
    """
    check_corruptions(corruptions, severities)
    conditions = [(name, level) for name in dict.fromkeys(corruptions) for level in sorted(set(severities))]
    records = evaluation.records
    answers = np.empty((len(records), len(conditions)))
    for at, views in enumerate(_views(classifier, records, conditions, seed, workers or available_cpus())):
        answers[at] = np.concatenate(
            [classifier.run(views[i : i + batch_size]).probability for i in range(0, len(views), batch_size)]
        )
        if progress is not None:
            progress(at + 1, len(records))

    def measure(probabilities: NDArray[np.float64]) -> tuple[Quality, dict[str, NDArray[np.float64]]]:
        return summarize_draws(
            evaluation.labels,
            probabilities,
            threshold=classifier.contract.decision_threshold,
            groups=[record.group or record.name for record in records],
            resamples=resamples,
            seed=seed,
        )

    clean = measure(evaluation.probabilities)
    results = {condition: measure(answers[:, i]) for i, condition in enumerate(conditions)}
    names = tuple(dict.fromkeys(corruptions))
    return Corruptions(
        side=min(classifier.contract.size),
        seed=seed,
        clean=clean[0],
        qualities={condition: quality for condition, (quality, _) in results.items()},
        means={
            name: {
                figure: _mean([r for (n, _), r in results.items() if n == name], figure)
                for figure in AVERAGED
            }
            for name in names
        },
        mean={figure: _mean(list(results.values()), figure) for figure in AVERAGED},
        kept={figure: _mean(list(results.values()), figure, of=clean) for figure in KEPT},
        probabilities={condition: answers[:, i] for i, condition in enumerate(conditions)},
    )


def _views(
    classifier: Classifier,
    records: Sequence[Record],
    conditions: Sequence[Condition],
    seed: int,
    workers: int,
) -> Iterator[NDArray[np.uint8]]:
    """Yield each picture in all conditions, (C, H, W, 3), in order; some are made ahead while the network runs."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hornet-corrupt")
    ahead: deque[Future[NDArray[np.uint8]]] = deque()
    try:
        for record in records:
            ahead.append(pool.submit(_corrupted, classifier, record, conditions, seed))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _corrupted(
    classifier: Classifier, record: Record, conditions: Sequence[Condition], seed: int
) -> NDArray[np.uint8]:
    rule = classifier.contract.pixel_rule
    try:
        data = read_file(Path(record.path))
        image = at_reference(decode(data, rule=rule), min(rule.size))
    except ImageError as error:
        raise DatasetError(f"{record.name} could be read a moment ago: {error}. Try again.") from None
    content = hashlib.sha256(data).digest()
    return np.stack(
        [
            preprocess(corrupt(image, name, severity, content=content, seed=seed), rule, masks=record.masks)
            for name, severity in conditions
        ]
    )


def _mean(
    results: Sequence[tuple[Quality, Mapping[str, NDArray[np.float64]]]],
    figure: str,
    *,
    of: tuple[Quality, Mapping[str, NDArray[np.float64]]] | None = None,
) -> Estimate:
    """Return the mean of a figure over conditions, or what share of another one it is, resample by resample.

    Args:
        results: Figures and their resamples, for each condition.
        figure: Which.
        of: What it is a share of; None: of nothing.
    """
    estimates = [quality.metrics[figure] for quality, _ in (*results, *([of] if of else []))]
    missing = [estimate.reason for estimate in estimates if estimate.value is None]
    if missing:
        return Estimate(None, reason=f"not defined in {len(missing)} of {len(estimates)} cases: {missing[0]}")
    value = float(np.mean([quality.metrics[figure].value for quality, _ in results]))
    draws = np.mean([drawn[figure] for _, drawn in results], axis=0)
    if of is not None:
        whole = of[0].metrics[figure].value
        if not whole:
            return Estimate(None, reason="the figure on clean pictures is 0")
        value /= whole
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = draws / of[1][figure]
    bounds = percentiles(draws)
    if bounds is None:
        return Estimate(value, reason="no resample had what it needs")
    return Estimate(value, *bounds, GROUPED if results[0][0].interval == GROUPED else "picture-bootstrap")
