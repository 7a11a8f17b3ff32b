"""At export: what is ordinary to a model file, learned from the bank of its run and its validation pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.dataset import TRAIN
from hornet.drift import NOVELTY, PROBABILITY, Reference
from hornet.novelty import FEWEST_TRAINING, FEWEST_VALIDATION, Novelty
from hornet.training.contract import NOVELTY_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.training.bank import Bank


def learn_novelty(
    bank: Bank, validation: NDArray[np.float32], precision: str
) -> tuple[dict[str, Any] | None, str]:
    """Fit the distance from what was learned, and its limit to what one file makes of validation pictures.

    The distance is the float network's. An 8-bit file's embeddings differ from the network's a little, which its own
    limit takes in.

    Args:
        bank: Of the run: the network's embeddings of the training pictures.
        validation: (M, 512), the file's embeddings of the validation pictures.
        precision: The file's.

    Returns:
        What the contract says of novelty, None if there are too few pictures; and what the user should read.
    """
    learned = bank.of(TRAIN)
    if len(learned) < FEWEST_TRAINING or len(validation) < FEWEST_VALIDATION:
        return None, (
            f"too few pictures to tell what is unlike them: {len(learned)} of training ({FEWEST_TRAINING} are needed), "
            f"{len(validation)} of validation ({FEWEST_VALIDATION})"
        )
    novelty = Novelty.fit(
        learned.embedding.astype(np.float32),
        learned.label.astype(np.int64),
        validation,
        tolerance=NOVELTY_TOLERANCE[precision],
    )
    return (
        novelty.to_document(),
        f"{precision}: what is unlike {len(learned)} training pictures will be unsure",
    )


def learn_reference(
    probability: NDArray[np.float64], novelty: Sequence[float] | Sequence[None], groups: Sequence[str]
) -> dict[str, Any] | None:
    """Return what the contract says of a file's answers to validation pictures; None if they are too few.

    Args:
        probability: (N,), as the file gives them.
        novelty: (N,), None for each if the file can't tell.
        groups: (N,), of the pictures.
    """
    answers = {PROBABILITY: probability}
    known = [score for score in novelty if score is not None]
    if len(known) == len(probability):
        answers[NOVELTY] = np.array(known, dtype=np.float64)
    reference = Reference.fit(answers, groups)
    return None if reference is None else reference.to_document()
