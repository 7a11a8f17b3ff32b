"""How unlike everything that a model was trained with a picture is: a distance between embeddings. Pure.

The distance is Mahalanobis' to the nearer class mean, with one covariance for both (Lee et al. 2018, "A simple
unified framework for detecting out-of-distribution samples and adversarial attacks"), between embeddings of length 1:
how long they are says how much is in a picture, and hides what (Mueller and Hein 2025, "Mahalanobis++"). Of the
covariance only the directions of largest variance are kept, one by one; all others share one variance (Tipping and
Bishop 1999, probabilistic principal components), so that it can be estimated from fewer pictures than an embedding
has numbers, and takes little room. It is divided by its limit: up to 1 a picture is like those seen, beyond it isn't.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Name of the distance in a contract.
METHOD: Final = "mahalanobis"
#: Long entries of its document.
ARRAYS: Final = ("means", "spread", "basis")
#: Directions with a variance of their own, at most.
DIRECTIONS: Final = 64
#: Share of ordinary pictures that the limit gives away.
ORDINARY_BEYOND: Final = 0.02
#: Fewer pictures say too little of what is ordinary: of training for the distance, of validation for its limit.
FEWEST_TRAINING: Final = 100
FEWEST_VALIDATION: Final = 40

# A direction in which training's pictures don't differ at all would make any other picture infinitely far: no
# variance is below this share of the mean square of an embedding's numbers.
_SMALLEST_SHARE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Novelty:
    """A fitted distance.

    Attributes:
        means: (C, D) mean of each class' embeddings of length 1.
        basis: (D, K) directions of largest variance within the classes, orthonormal up to float16.
        spread: (K,) standard deviation along each.
        rest: Standard deviation along every other direction.
        limit: Distance at which the score is 1.
        tolerance: Largest difference of score that is still the same answer on another processor.
    """

    means: NDArray[np.float64]
    basis: NDArray[np.float64]
    spread: NDArray[np.float64]
    rest: float
    limit: float
    tolerance: float

    @classmethod
    def fit(
        cls,
        training: NDArray[np.float32],
        labels: NDArray[np.int64],
        validation: NDArray[np.float32],
        *,
        tolerance: float,
    ) -> Novelty:
        """Fit the distance to pictures that were learned from, and its limit to others of the same kind.

        Args:
            training: (N, D) embeddings, N from `FEWEST_TRAINING` on.
            labels: (N,) classes of these.
            validation: (M, D) embeddings of pictures that weren't learned from, M from `FEWEST_VALIDATION` on.
            tolerance: See the attributes.

        Returns:
            The distance, as it reads back from a contract.

        Raises:
            ValueError: If there are too few pictures to say what is ordinary.
        """
        if len(training) < FEWEST_TRAINING or len(validation) < FEWEST_VALIDATION:
            raise ValueError(f"{len(training)} pictures and {len(validation)} for the limit are too few")
        data = _directions(training)
        classes = np.unique(labels)
        means = np.stack([data[labels == name].mean(axis=0) for name in classes])
        centred = data - means[np.searchsorted(classes, labels)]
        variances, directions = np.linalg.eigh(centred.T @ centred / (len(data) - len(classes)))
        variances, directions = variances[::-1], directions[:, ::-1]
        # A fourth of the pictures at most: a direction found in few pictures is mostly theirs.
        kept = min(DIRECTIONS, len(data) // 4, data.shape[1] - 1)
        floor = max(_SMALLEST_SHARE * float(np.square(data).mean()), 1e-20)
        raw = cls(
            means,
            directions[:, :kept],
            np.sqrt(np.maximum(variances[:kept], floor)),
            math.sqrt(max(float(variances[kept:].mean()), floor)),
            1.0,
            tolerance,
        )
        # Rounded first, so that the limit belongs to what is stored.
        unscaled = cls.from_document(raw.to_document())
        # Nothing within one standard deviation is novel, even where validation is all the same.
        limit = max(1.0, _quantile(unscaled.score(validation)))
        return cls.from_document({**unscaled.to_document(), "limit": limit})

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the distance of each picture as a multiple of the limit, (N,), from 0 on.

        Args:
            embeddings: (N, D), average-pooled features.
        """
        points = _directions(embeddings)
        nearest = np.full(len(points), np.inf)
        for mean in self.means:
            away = points - mean
            along = away @ self.basis
            # float16 leaves the basis only nearly orthonormal: what remains may come out below zero.
            beside = np.maximum((away * away).sum(axis=1) - (along * along).sum(axis=1), 0)
            nearest = np.minimum(nearest, ((along / self.spread) ** 2).sum(axis=1) + beside / self.rest**2)
        return np.asarray(np.sqrt(nearest) / self.limit, dtype=np.float32)

    def to_document(self) -> dict[str, Any]:
        """Return it as a contract's JSON: arrays are base64 of little-endian numbers, the basis in float16."""
        return {
            "method": METHOD,
            "limit": self.limit,
            "rest": self.rest,
            "tolerance": self.tolerance,
            "size": [len(self.means), *self.basis.shape],
            "means": _pack(self.means, "<f4"),
            "spread": _pack(self.spread, "<f4"),
            "basis": _pack(self.basis, "<f2"),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Novelty:
        """Read what `to_document` wrote.

        Raises:
            ValueError: If it is something else.
        """
        try:
            if document["method"] != METHOD:
                raise ValueError(f"the distance {document['method']!r} isn't known; install a newer hornet")
            classes, width, kept = (int(number) for number in document["size"])
            novelty = cls(
                _unpack(document["means"], "<f4", (classes, width)),
                _unpack(document["basis"], "<f2", (width, kept)),
                _unpack(document["spread"], "<f4", (kept,)),
                float(document["rest"]),
                float(document["limit"]),
                float(document["tolerance"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks {error}") from None
        numbers = (novelty.rest, novelty.limit, *novelty.spread)
        if classes < 1 or not all(0 < number < math.inf for number in numbers):
            raise ValueError("its numbers are out of range")
        return novelty


def _directions(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return embeddings of length 1, (N, D); those without any feature stay zero.

    In float64: what lies beside the basis is a small difference of large numbers.
    """
    points = embeddings.astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    result: NDArray[np.float64] = points / np.where(lengths > 0, lengths, 1.0)
    return result


def _quantile(scores: NDArray[np.float32]) -> float:
    """Return what the next ordinary picture exceeds with a chance of at most `ORDINARY_BEYOND`.

    That is the ceil((1 - share)(n + 1))-th smallest score (split conformal prediction; Vovk et al. 2005). With too
    few for that it is the largest, which the next exceeds with a chance of 1 / (n + 1).
    """
    place = math.ceil((1 - ORDINARY_BEYOND) * (len(scores) + 1))
    return float(np.sort(scores)[min(place, len(scores)) - 1])


def _pack(array: NDArray[np.float64], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _unpack(text: str, kind: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Read an array; raises ValueError if its length isn't that of its shape."""
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype=kind).reshape(shape)
    return np.ascontiguousarray(array, dtype=np.float64)
