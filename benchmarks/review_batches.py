"""Is the batch that ``hornet review --batch`` chooses worth more than as many pictures drawn by chance?

One source plays the new camera. Its groups are dealt into halves, again and again: from one half a batch is chosen, its
labels are given away, a logistic regression on the packed model's embeddings learns from them, and the other half says
how good it is. Printed are, for each way of choosing, the AUC on the other half and how many of the model's mistakes
are in the batch, each as the difference to chance on the same halves.

    python benchmarks/review_batches.py MANIFEST --source hivecam
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hornet.classifier import Classifier, Item, Prediction
from hornet.dataset import read_manifest
from hornet.registry import resolve_model
from hornet.review.batch import FLOOR, choose
from hornet.review.worth import uncertainty, unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Choice = Callable[[NDArray[np.float32], NDArray[np.float64], int], list[int]]

DRAWS = 20  # of chance, for each halving

WAYS: dict[str, Choice] = {
    f"doubt x distance, floor {FLOOR} (what ships)": choose,
    "doubt x distance, floor 0.5": lambda points, doubt, n: choose(points, doubt, n, floor=0.5),
    "distance alone": lambda points, doubt, n: choose(points, doubt, n, floor=1.0),
    "doubt alone": lambda _, doubt, n: np.argsort(-doubt, kind="stable")[:n].tolist(),
}


def main() -> None:
    """Print a table a batch size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--source", required=True)
    parser.add_argument("--split", help="only pictures of this split")
    parser.add_argument("--model")
    parser.add_argument("--batch", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--halvings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dataset = read_manifest(options.manifest)
    records = [
        record
        for record in dataset.records
        if record.source == options.source and options.split in {None, record.split}
    ]
    classifier = Classifier.open(resolve_model(options.model))
    items = [Item(record.name, record.path, record.masks) for record in records]
    answers = list(classifier.predict_many(items, with_maps=True))
    good = [
        (one, record) for one, record in zip(answers, records, strict=True) if isinstance(one, Prediction)
    ]
    points = np.stack([one.embedding for one, _ in good if one.embedding is not None])
    probability = np.array([one.probability for one, _ in good])
    labels = np.array([record.label for _, record in good])
    groups = np.array([record.group or record.name for _, record in good])
    threshold = classifier.contract.decision_threshold
    doubt = uncertainty(probability, threshold)
    wrong = (probability >= threshold) != labels
    print(
        f"{options.source}: {len(labels)} pictures, {labels.sum()} with a hornet, {len(set(groups))} groups; the "
        f"model's AUC {roc_auc_score(labels, probability):.3f}, wrong {wrong.mean():.3f}; {options.halvings} halvings"
    )
    for size in options.batch:
        compare(Camera(points, doubt, labels, groups, wrong), size, options.halvings, options.seed)


@dataclass(frozen=True, slots=True)
class Camera:
    """What is known of N pictures of one source.

    Attributes:
        points: (N, 512) float32 embeddings.
        doubt: (N,) float64.
        labels: (N,) class numbers.
        groups: (N,) names.
        wrong: (N,) whether the model is.
    """

    points: NDArray[np.float32]
    doubt: NDArray[np.float64]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    wrong: NDArray[np.bool_]


def compare(camera: Camera, size: int, halvings: int, seed: int) -> None:
    """Print what each way of choosing ``size`` pictures is worth."""
    points, doubt, labels, groups = camera.points, camera.doubt, camera.labels, camera.groups
    draw = np.random.default_rng(seed)
    names = np.unique(groups)
    gains: dict[str, list[tuple[float, float]]] = defaultdict(list)
    chance: list[tuple[float, float]] = []
    while len(chance) < halvings:
        half = np.isin(groups, draw.permutation(names)[: len(names) // 2])
        pool, rest = np.flatnonzero(half), np.flatnonzero(~half)
        if len(pool) <= size or len(np.unique(labels[rest])) < 2:  # noqa: PLR2004 - classes
            continue
        draws = [draw.permutation(pool)[:size] for _ in range(DRAWS)]
        base = np.mean([worth(camera, picked, rest) for picked in draws], axis=0)
        chance.append((base[0], base[1]))
        for name, way in WAYS.items():
            picked = pool[way(points[pool], doubt[pool], size)]
            auc, mistakes = worth(camera, picked, rest)
            gains[name].append((auc - base[0], mistakes - base[1]))
    auc, mistakes = np.mean(chance, axis=0)
    print(f"\nbatches of {size}; by chance: AUC {auc:.3f}, mistakes {mistakes:.1f}")
    for name, pairs in gains.items():
        values = np.array(pairs)
        low, high = np.quantile(values, (0.025, 0.975), axis=0)
        middle = values.mean(axis=0)
        better = (values[:, 0] > 0).mean()
        print(
            f"  {name:42} AUC {middle[0]:+.3f} (95 % of halvings {low[0]:+.3f} to {high[0]:+.3f}; better in "
            f"{better:.0%}), mistakes {middle[1]:+.1f} ({low[1]:+.1f} to {high[1]:+.1f})"
        )
        sys.stdout.flush()


def worth(camera: Camera, picked: NDArray[np.int64], rest: NDArray[np.int64]) -> tuple[float, float]:
    """Return the AUC on the rest of what learns from a batch, and how many mistakes are in the batch."""
    labels = camera.labels
    mistakes = float(camera.wrong[picked].sum())
    if len(np.unique(labels[picked])) < 2:  # noqa: PLR2004 - nothing can be learned from one class
        return 0.5, mistakes
    scaled = unit(camera.points) * 10  # so that the penalty of 1 neither rules nor vanishes
    learner = LogisticRegression(max_iter=1000).fit(scaled[picked], labels[picked])
    return float(roc_auc_score(labels[rest], learner.decision_function(scaled[rest]))), mistakes


if __name__ == "__main__":
    main()
