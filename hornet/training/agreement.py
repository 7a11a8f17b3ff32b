"""Does an exported file answer like the network it was made from? Measured from picture bytes on.

The classifier that users have reads the files; the network in torch gets its pixels through `hornet.images` and its
normalisation from training's own code. So whatever differs between training and use shows here.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from hornet.classifier import Classifier, Failure, Item
from hornet.errors import DatasetError, ImageError
from hornet.evaluation.intervals import newcombe_auc
from hornet.images import PixelRule, pixels, read_file
from hornet.pooling import Pooling
from hornet.training.network import HornetNet, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hornet.dataset import Record

_BATCH: Final = 16
_TIMED_RUNS: Final = 12

#: Largest error of "pooled heatmap + bias difference = logit difference", in both precisions.
IDENTITY: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Largest differences of probability between file and network that still pass.

    Attributes:
        mean: Of the mean over the pictures.
        percentile_99: Of the 99th percentile.
        largest: Of the largest.
    """

    mean: float
    percentile_99: float
    largest: float


#: In 8 bits single pictures near the threshold move; what must not move is the whole. On real pictures 7-bit
#: weights and 8-bit activations changed the probabilities of a fine-tuned ResNet-18 by 0.007 in the mean and 0.05
#: at the 99th percentile, those of a head on frozen features by 0.015 and 0.09. A wrong range, a saturating kernel
#: or a missing fold changes them by several times that.
TOLERANCES: Final = {
    "float32": Tolerance(mean=1e-4, percentile_99=1e-4, largest=1e-4),
    "int8": Tolerance(mean=0.05, percentile_99=0.25, largest=1.0),
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far file and network differ.

    Attributes:
        pictures: Number of pictures that both answered.
        mean: Mean absolute difference of probability.
        percentile_99: 99th percentile of it.
        largest: Largest of it.
        identity: Largest error of the heatmap's sum against the logits, over all validation pictures.
        auc: The file's validation AUC.
    """

    pictures: int
    mean: float
    percentile_99: float
    largest: float
    identity: float
    auc: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)

    def problems(self, precision: str, reference: Mapping[str, Any] | None = None) -> list[str]:
        """Say what is out of tolerance; nothing if all is well.

        Args:
            precision: Key of `TOLERANCES`.
            reference: `Quality.to_dict()` of the float32 file on the same pictures; its interval is the floor.
        """
        tolerance, found = TOLERANCES[precision], []
        for name in ("mean", "percentile_99", "largest"):
            value, limit = getattr(self, name), getattr(tolerance, name)
            if not value <= limit:  # a NaN is a problem too
                words = name.replace("_", " ")
                found.append(
                    f"the {words} difference of probability is {value:.2g}, at most {limit:g} is accepted"
                )
        if not self.identity <= IDENTITY:
            found.append(
                f"the pooled heatmap misses the logits by {self.identity:.2g}, at most {IDENTITY:g} is accepted"
            )
        if reference is not None and self.auc < (floor := auc_floor(reference)):
            value = reference["metrics"]["roc_auc"]["value"]
            found.append(
                f"its validation AUC {self.auc:.4f} is below the interval of the float32 file "
                f"({value:.4f}, from {floor:.4f} on)"
            )
        return found


def auc_floor(quality: Mapping[str, Any]) -> float:
    """Return the lower end of the interval of an AUC.

    Resampling gives a perfect ranking an interval without width, and so a floor of 1: there, and wherever it is
    lower, Newcombe's interval counts.
    """
    area = quality["metrics"]["roc_auc"]
    positives = quality["positives"]
    analytic, _ = newcombe_auc(area["value"], positives, quality["n"] - positives)
    return float(analytic if area["low"] is None else min(area["low"], analytic))


class RunPictures:
    """Pictures of a run as the network takes them, read when they are asked for.

    Args:
        records: Which pictures.
        rule: How bytes become pixels.
    """

    def __init__(self, records: Sequence[Record], rule: PixelRule) -> None:
        self._records = records
        self._rule = rule

    def __len__(self) -> int:
        return len(self._records)

    def batch(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures `start` to `stop`, uint8 (N, H, W, 3).

        Raises:
            DatasetError: If one can't be read any more.
        """
        return np.stack([self._one(record) for record in self._records[start:stop]])

    def _one(self, record: Record) -> NDArray[np.uint8]:
        try:
            return pixels(read_file(record.path), self._rule, masks=record.masks)
        except ImageError as error:
            raise DatasetError(
                f"{record.path}: {error}. The export needs the run's pictures: put it back"
            ) from None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file or a network says of some pictures.

    Attributes:
        probability: (N,) float64.
        logits: (N, 2) float64, absent then present.
        identity: Largest error of the heatmap's sum; 0 where there is no heatmap.
        embedding: (N, 512) float32 average-pooled features.
    """

    probability: NDArray[np.float64]
    logits: NDArray[np.float64]
    identity: float
    embedding: NDArray[np.float32]


def network_answers(network: HornetNet, batch: NDArray[np.uint8], temperature: float) -> Answers:
    """Answer with torch on the CPU, as training would.

    Args:
        network: In evaluation mode.
        batch: uint8 (N, H, W, 3).
        temperature: Divides the logit difference.
    """
    parts, pooled = [], []
    with torch.inference_mode():
        for start in range(0, len(batch), _BATCH):
            features = network.feature_map(normalise(torch.from_numpy(batch[start : start + _BATCH])))
            parts.append(network.pool_and_classify(features).double().numpy())
            pooled.append(features.mean(dim=(2, 3)).numpy())
    logits = np.concatenate(parts)
    return Answers(probability(logits, temperature), logits, 0.0, np.concatenate(pooled))


def file_answers(classifier: Classifier, records: Sequence[Record], bias: float) -> Answers:
    """Answer with an exported file, from the pictures' bytes on.

    Args:
        classifier: The opened file.
        records: Which pictures.
        bias: The head's bias of presence minus that of absence.

    Raises:
        DatasetError: If a picture can't be read any more.
    """
    pooling = Pooling.parse(classifier.contract.pooling)
    found, logits, embeddings, identity = [], [], [], 0.0
    items = (Item(str(record.path), record.path, record.masks) for record in records)
    for answer in classifier.predict_many(items, batch_size=_BATCH, with_maps=True):
        if isinstance(answer, Failure):
            raise DatasetError(
                f"{answer.source}: {answer.message}. The export needs the run's pictures: put it back"
            )
        pooled = float(pooling(np.asarray(answer.heatmap)))
        identity = max(identity, abs(pooled + bias - (answer.logits[1] - answer.logits[0])))
        found.append(answer.probability)
        logits.append(answer.logits)
        embeddings.append(np.asarray(answer.embedding))
    return Answers(np.array(found), np.array(logits), identity, np.stack(embeddings))


def probability(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return sigmoid of the logit difference over the temperature, (N,), without overflow."""
    margin = (logits[:, 1] - logits[:, 0]) / temperature
    result: NDArray[np.float64] = np.exp(-np.logaddexp(0, -margin))
    return result


def spread(records: Sequence[Record], count: int) -> list[int]:
    """Return the positions of at most `count` records, all classes and sources in proportion."""
    order = sorted(range(len(records)), key=lambda i: (records[i].label or 0, records[i].source))
    chosen = np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))
    return sorted(order[i] for i in chosen)


def milliseconds(classifiers: Sequence[Classifier], batch: NDArray[np.uint8]) -> list[float]:
    """Return how long each takes for one picture by itself, the network alone: the fastest of some runs, ms.

    They take turns, so that whatever else the machine does slows all of them.
    """
    one = batch[:1]
    best = [float("inf")] * len(classifiers)
    for _ in range(_TIMED_RUNS):
        for number, classifier in enumerate(classifiers):
            begin = time.perf_counter()
            classifier.run(one)
            best[number] = min(best[number], time.perf_counter() - begin)
    return [1000 * seconds for seconds in best]
