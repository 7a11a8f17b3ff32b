"""A small batch out of many pictures: doubtful ones, and not the same one twenty times. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.review.worth import unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: What a picture without any doubt weighs: coverage takes some of those, too.
FLOOR: Final = 0.1


def choose(
    embedding: NDArray[np.floating],
    uncertainty: NDArray[np.floating],
    count: int,
    covered: Sequence[int] = (),
    *,
    floor: float = FLOOR,
) -> list[int]:
    """Choose pictures one by one: each time the one with the most doubt times distance to all chosen before.

    That is the greedy k-center of Gonzalez (1985), as Sener and Savarese (2018) use it for active learning, with
    distances weighted by doubt. No chance is in it, and what was chosen before only shifts the beginning: a batch that
    was half answered goes on with its other half.

    Args:
        embedding: (N, D), compared by cosine.
        uncertainty: (N,), 0 to 1.
        count: How many; fewer if there are no more.
        covered: Pictures that were answered before: not chosen again, and what is like them is less wanted.
        floor: Weight of a picture without doubt; 1 is coverage alone.

    Returns:
        Positions, in the order of choice. Equals go by position.
    """
    rows = unit(embedding)
    weight = floor + (1 - floor) * np.asarray(uncertainty, np.float64)
    free = np.ones(len(rows), bool)
    distance = np.full(len(rows), np.inf)

    def cover(at: int) -> None:
        free[at] = False
        np.minimum(distance, np.maximum(1 - rows @ rows[at], 0), out=distance)

    for at in covered:
        cover(at)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        gain = weight if np.isinf(distance).all() else weight * distance
        # Where only copies of chosen ones are left, their doubt alone decides.
        gain = gain if gain[free].max() > 0 else weight
        best = int(np.argmax(np.where(free, gain, -1.0)))
        chosen.append(best)
        cover(best)
    return chosen
