"""Which pictures are worth a person's eye, and why. Pure: arrays in, scores and reasons out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from hornet.dataset.records import parse_time
from hornet.decision import ABSENT, PRESENT, UNSURE, is_novel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Code = Literal["unsure", "neighbours", "moment", "novel", "spread", "rest"]

#: Neighbours that are asked; with fewer pictures than one more than these nobody is.
NEIGHBOURS: Final = 8
#: Share of the neighbours with the other verdict from which on it is a reason.
_MOST: Final = 0.75
#: Bits of uncertainty that are a reason: the shifted probability is between 0.25 and 0.75.
_UNSURE_BITS: Final = 0.81
#: Pictures of one camera that are further apart don't tell about each other.
_MOMENT: Final = timedelta(seconds=60)
#: More pictures than these are compared with every second, third, ... of them: time grows with the product.
_REFERENCES: Final = 20_000
_ROWS: Final = 1024  # compared at once
_EDGE: Final = 1e-6  # of probabilities


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a picture is shown; the page has the words.

    Attributes:
        code: ``unsure``, ``neighbours`` (like it, with the other verdict), ``moment`` (just before and after it was
            the other verdict), ``novel`` (unlike what the model learned from), ``spread`` (unlike what was
            answered before), ``rest`` (nothing stands out).
        values: Numbers and verdicts for the sentence.
    """

    code: Code
    values: dict[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of N pictures.

    Attributes:
        score: (N,) float64, larger is sooner.
        uncertainty: (N,) float64, 0 to 1.
        reasons: For each picture those that hold, possibly none.
    """

    score: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    reasons: tuple[tuple[Reason, ...], ...]


def uncertainty(probability: NDArray[np.floating], threshold: float) -> NDArray[np.float64]:
    """Return how unsure each verdict is: the entropy of the probability, shifted so that the threshold is one half.

    The shift is one of logits, so that a threshold of 0.1 has its doubts around 0.1 and not around 0.5.

    Args:
        probability: (N,), 0 to 1.
        threshold: Where present and absent part, 0 to 1.

    Returns:
        (N,) float64 bits: 1 at the threshold, towards 0 far from it.
    """
    p = np.clip(np.asarray(probability, np.float64), _EDGE, 1 - _EDGE)
    t = min(max(threshold, _EDGE), 1 - _EDGE)
    shifted = 1 / (1 + (1 - p) / p * (t / (1 - t)))
    entropy: NDArray[np.float64] = -(shifted * np.log2(shifted) + (1 - shifted) * np.log2(1 - shifted))
    return entropy


def unit(embedding: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return embeddings (N, D) with length 1 each, so that products are cosines; zeros stay zeros."""
    rows = np.asarray(embedding, np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = rows / np.maximum(length, np.finfo(np.float32).tiny)
    return scaled


def disagreement(embedding: NDArray[np.floating], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return which share of the pictures most like each have the other verdict.

    Args:
        embedding: (N, D), compared by cosine.
        present: (N,) verdicts.

    Returns:
        (N,) float64, 0 to 1; zeros where there are too few pictures to tell.
    """
    rows = unit(embedding)
    count = len(rows)
    share = np.zeros(count)
    if count <= NEIGHBOURS:
        return share
    references = np.arange(0, count, -(-count // _REFERENCES))
    if len(references) <= NEIGHBOURS:
        return share
    for start in range(0, count, _ROWS):
        likeness = rows[start : start + _ROWS] @ rows[references].T
        own = np.arange(start, start + len(likeness))
        likeness[own[:, None] == references] = -np.inf
        nearest = np.argpartition(-likeness, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        share[own] = (present[references[nearest]] != present[own, None]).mean(axis=1)
    return share


def interrupted(
    captured: Sequence[str], cameras: Sequence[str], present: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which verdicts are the other one a moment before and a moment after, on the same camera.

    Args:
        captured: ISO 8601 with time of day; others are left out.
        cameras: Whatever tells cameras apart.
        present: (N,) verdicts.

    Returns:
        (N,) bool.
    """
    found = np.zeros(len(captured), bool)
    moments: dict[str, list[tuple[datetime, int]]] = {}
    for at, text in enumerate(captured):
        if len(text) > len("2019-09-16"):
            # Clocks of one camera: the zone, if any, is the same.
            moments.setdefault(cameras[at], []).append((parse_time(text).replace(tzinfo=None), at))
    for line in moments.values():
        line.sort()
        for (before, a), (here, b), (after, c) in zip(line, line[1:], line[2:], strict=False):
            near = here - before <= _MOMENT and after - here <= _MOMENT
            found[b] = near and present[a] == present[c] != present[b]
    return found


def weigh(
    *,
    probability: NDArray[np.floating],
    verdicts: Sequence[str],
    threshold: float,
    embedding: NDArray[np.floating],
    captured: Sequence[str],
    cameras: Sequence[str],
    novelty: Sequence[float | None],
) -> Worth:
    """Score N pictures.

    The score is the sum of: uncertainty in bits; the share of like pictures with the other verdict, from three
    quarters on; 1 for another verdict than a moment before and after; 1 for being unlike what was learned from.

    Args:
        probability: (N,) calibrated.
        verdicts: ``present``, ``absent`` or ``unsure``.
        threshold: Where present and absent part.
        embedding: (N, D).
        captured: When, ISO 8601 or empty.
        cameras: Whatever tells cameras apart.
        novelty: Of each picture; None: the model doesn't tell.
    """
    present = np.asarray(probability) >= threshold
    bits = uncertainty(probability, threshold)
    share = disagreement(embedding, present)
    share[share < _MOST] = 0
    moment = interrupted(captured, cameras, present)
    novel = np.array([is_novel(one) for one in novelty], bool)
    reasons = []
    for at, verdict in enumerate(verdicts):
        other = ABSENT if present[at] else PRESENT
        own: list[Reason] = []
        if novel[at]:
            own.append(Reason("novel"))
        elif verdict == UNSURE or bits[at] >= _UNSURE_BITS:
            own.append(Reason("unsure"))
        if share[at]:
            count = round(share[at] * NEIGHBOURS)
            own.append(Reason("neighbours", {"count": count, "of": NEIGHBOURS, "verdict": other}))
        if moment[at]:
            own.append(Reason("moment", {"verdict": other}))
        reasons.append(tuple(own))
    return Worth(bits + share + moment + novel, bits, tuple(reasons))
