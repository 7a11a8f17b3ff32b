"""Test-time augmentation: several views of one picture, whose logits are averaged.

Only ``evaluate`` does this, to tell what it would bring; ``predict`` and the server look at a picture once.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.classifier import Failure, Prediction
from hornet.cpus import available_cpus
from hornet.decision import decide
from hornet.errors import ConfigError, ImageError
from hornet.images import WHOLE, decode, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hornet.classifier import Classifier
    from hornet.dataset.records import Record
    from hornet.images import Box

#: Side of a crop as a share of the picture's: 224 of 256 px (Krizhevsky et al. 2012, section 4.1).
_SIDE: Final = 224 / 256
_REST: Final = 1 - _SIDE

#: The parts of the picture that each way looks at; each one also mirrored, but for ``none``.
BOXES: Final[dict[str, tuple[Box, ...]]] = {
    "none": (WHOLE,),
    "flip": (WHOLE,),
    "tencrop": tuple(
        (x, y, min(1.0, x + _SIDE), min(1.0, y + _SIDE))
        for x, y in ((0.0, 0.0), (_REST, 0.0), (0.0, _REST), (_REST, _REST), (_REST / 2, _REST / 2))
    ),
}


def count_views(tta: str) -> int:
    """Return how often the network looks at a picture.

    Raises:
        ConfigError: If there is no such way.
    """
    if tta not in BOXES:
        raise ConfigError(f"tta {tta!r} isn't known; choose from {', '.join(BOXES)}")
    return len(BOXES[tta]) * (1 if tta == "none" else 2)


def predict_views(
    classifier: Classifier,
    records: Iterable[Record],
    tta: str,
    *,
    batch_size: int = 32,
    workers: int | None = None,
) -> Iterator[Prediction | Failure]:
    """Predict pictures from several views each: one answer each, in order.

    The mean of the views' logits goes through the contract's temperature and prior shift; novelty is that of the
    mean embedding.

    Args:
        classifier: The model.
        records: Pictures; their masks are filled besides the contract's.
        tta: ``flip``: the whole, and mirrored; ``tencrop``: corners and centre, and mirrored; ``none``.
        batch_size: Most views a run of the network, but at least one picture.
        workers: Threads that decode; None: as many as CPUs.

    Raises:
        ConfigError: If there is no such way.
    """
    at_once = max(1, batch_size // count_views(tta))
    queue = iter(records)
    with ThreadPoolExecutor(workers or available_cpus(), thread_name_prefix="hornet-decode") as pool:
        while chunk := list(islice(queue, at_once)):
            views = list(pool.map(lambda record: _try_views(classifier, record, tta), chunk))
            good = [array for array in views if not isinstance(array, Failure)]
            seen = iter(_seen(classifier, good) if good else ())
            for record, array in zip(chunk, views, strict=True):
                if isinstance(array, Failure):
                    yield array
                else:
                    yield _prediction(classifier, record.name, *next(seen))


def _try_views(classifier: Classifier, record: Record, tta: str) -> NDArray[np.uint8] | Failure:
    """Return all views of a picture, (V, H, W, 3), or why there are none."""
    rule, boxes = classifier.contract.pixel_rule, BOXES[tta]
    try:
        # All crops have one size, so that one decoding is fine enough for each of them.
        image = decode(read_file(Path(record.path)), rule=rule, box=boxes[0])
    except ImageError as error:
        return Failure(record.name, error.code, str(error))
    seen = np.stack([preprocess(image, rule, masks=record.masks, box=box) for box in boxes])
    return seen if tta == "none" else np.concatenate([seen, seen[:, :, ::-1]])


def _seen(
    classifier: Classifier, pictures: Sequence[NDArray[np.uint8]]
) -> Iterator[tuple[NDArray[np.float32], float | None]]:
    """Return each picture's logits, (V, 2), and the novelty of its mean embedding."""
    outputs = classifier.run(np.concatenate(pictures))
    embeddings = outputs.embedding.reshape(len(pictures), -1, outputs.embedding.shape[1]).mean(axis=1)
    return zip(outputs.logits.reshape(len(pictures), -1, 2), classifier.novelty(embeddings), strict=True)


def _prediction(
    classifier: Classifier, name: str, logits: NDArray[np.float32], novelty: float | None
) -> Prediction:
    contract = classifier.contract
    absent, present = (float(value) for value in logits.mean(axis=0, dtype=np.float64))
    margin = (present - absent) / contract.temperature + contract.prior_shift
    probability = 1 / (1 + math.exp(-margin)) if margin >= 0 else math.exp(margin) / (1 + math.exp(margin))
    return Prediction(
        source=name,
        label=decide(probability, contract.low, contract.high, novelty),
        probability=probability,
        logits=(absent, present),
        novelty=novelty,
    )
