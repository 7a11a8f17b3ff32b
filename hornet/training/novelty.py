"""At export: what is ordinary to a model file, learned from the bank of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.dataset import TRAIN
from hornet.novelty import FEWEST_TRAINING, FEWEST_VALIDATION, Novelty
from hornet.training.contract import NOVELTY_TOLERANCE

if TYPE_CHECKING:
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
