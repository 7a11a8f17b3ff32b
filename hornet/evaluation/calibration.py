"""What is fitted on validation pictures after training: the temperature and the decision threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.errors import EmptyClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

#: Bounds of the temperature. A few validation pictures that happen to be told apart without error would
#: otherwise drive it to 0, and every probability to 0 or 1.
MIN_TEMPERATURE: Final = 0.25
MAX_TEMPERATURE: Final = 20.0


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Find the temperature that makes the probabilities most likely (Guo et al. 2017, section 4.2).

    The negative log-likelihood of sigmoid((logits[1] - logits[0]) / T) is convex in 1 / T, so bisection on
    its slope finds the one minimum: always the same one, to machine precision.

    Args:
        logits: Shape (N, 2), order absent, present.
        labels: Shape (N,), 0 or 1.

    Returns:
        T from 0.25 to 20.

    Raises:
        EmptyClass: If there aren't pictures of both classes.
        ValueError: If shapes or values are off.
    """
    pairs = np.asarray(logits, dtype=np.float64)
    truth = _check_labels(labels)
    if pairs.shape != (len(truth), 2) or not np.isfinite(pairs).all():
        raise ValueError(f"logits must be finite and of shape ({len(truth)}, 2), not {pairs.shape}")
    margin = pairs[:, 1] - pairs[:, 0]

    def slope(sharpness: float) -> float:
        """Return the derivative of the mean negative log-likelihood by 1 / T."""
        # tanh doesn't overflow where exp would.
        probability = 0.5 * (1 + np.tanh(0.5 * sharpness * margin))
        return float(np.mean((probability - truth) * margin))

    low, high = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    if slope(low) >= 0:
        return MAX_TEMPERATURE
    if slope(high) <= 0:
        return MIN_TEMPERATURE
    for _ in range(64):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return 1 / high


def fit_threshold(
    probabilities: ArrayLike, labels: ArrayLike, *, allowed: Callable[[float], bool] | None = None
) -> float:
    """Find the threshold with the highest F1.

    All thresholds between two neighbouring probabilities do the same: the middle is taken, and of several
    equally good gaps the widest, then the highest.

    Args:
        probabilities: Shape (N,), 0 to 1.
        labels: Shape (N,), 0 or 1.
        allowed: Tells which thresholds may be taken; where it allows none of them, all are.

    Returns:
        A threshold from 0 to 1; ``probability >= threshold`` means present.

    Raises:
        EmptyClass: If there aren't pictures of both classes.
        ValueError: If shapes or values are off.
    """
    truth = _check_labels(labels)
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.shape != truth.shape or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("probabilities must be from 0 to 1, one a label")
    values, place = np.unique(scores, return_inverse=True)
    # From the highest value down: what is called present if the threshold lies just below it.
    called = np.bincount(place)[::-1].cumsum()
    hits = np.bincount(place, weights=truth)[::-1].cumsum()
    f1 = 2 * hits / (called + truth.sum())
    upper = values[::-1]
    lower = np.append(upper[1:], 0.0)
    middles = 0.5 * (upper + lower)
    # Two neighbouring floats have no middle, and nothing is below 0: then the upper end itself.
    middles = np.where(middles > lower, middles, upper)
    open_to = np.arange(len(middles))
    if allowed is not None:
        taken = np.array([allowed(float(middle)) for middle in middles])
        open_to = open_to[taken] if taken.any() else open_to
    best = open_to[np.isclose(f1[open_to], f1[open_to].max(), rtol=0, atol=1e-12)]
    return float(middles[best[int(np.argmax((upper - lower)[best]))]])


def _check_labels(labels: ArrayLike) -> NDArray[np.float64]:
    truth = np.asarray(labels, dtype=np.float64)
    if truth.ndim != 1 or not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be a row of 0 and 1")
    if not 0 < truth.sum() < len(truth):
        raise EmptyClass(
            f"{int(truth.sum())} of {len(truth)} validation pictures show a hornet: calibration needs pictures with "
            "and without. Move groups between the splits."
        )
    return truth
