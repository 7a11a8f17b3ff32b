"""What a contract says of probabilities, fitted anew to another head on the same trunk: nothing known may lose by it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hornet.dataset import VALIDATION
from hornet.evaluation.calibration import fit_temperature, fit_threshold
from hornet.evaluation.comparison import lost_too_much, mcnemar, name_slices
from hornet.novelty import Novelty
from hornet.training.novelty import learn_novelty, learn_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hornet.artifact import Contract
    from hornet.training.bank import Bank
    from hornet.training.head import Head


def refit(
    before: Contract,
    heads: tuple[Head, Head],
    bank: Bank,
    new: tuple[NDArray[np.float64], NDArray[np.int64]],
    *,
    margin: float,
) -> Contract:
    """Return the contract with the temperature and the threshold of another head.

    Both are fitted to the bank's validation part and to new pictures. The threshold is the one with the highest F1
    of those with which the new head would be promoted over the old one by what the bank's validation part says:
    hornets of a new place may pull it, as long as what was known isn't judged worse.

    Args:
        before: The champion's.
        heads: Its head and the new one.
        bank: The champion's.
        new: Logit differences (N,) that the new head, or one that saw nothing of their groups, gives new pictures;
            labels (N,).
        margin: Largest loss of accuracy that is accepted on a slice.
    """
    rows = bank.of(VALIDATION)
    logits = np.concatenate([heads[1].margin(rows.embedding), new[0]])
    label = np.concatenate([rows.label.astype(np.int64), new[1]])
    temperature, threshold = before.temperature, before.decision_threshold
    if 0 < label.sum() < len(label):
        temperature = fit_temperature(np.stack([-logits / 2, logits / 2], axis=1), label)
        probability = probability_of(logits, replace(before, temperature=temperature))
        old = probability_of(heads[0].margin(rows.embedding), before) >= before.decision_threshold
        allowed = _loses_nothing(rows, old, probability[: len(rows)], margin) if len(rows) else None
        threshold = fit_threshold(probability, label, allowed=allowed)
    low = high = threshold
    if before.low < before.high:
        # An operating point that was asked for stays where it was, in relation to the threshold.
        low = min(threshold, before.low - before.decision_threshold + threshold)
        high = max(threshold, before.high - before.decision_threshold + threshold)
    return replace(
        before,
        temperature=temperature,
        decision_threshold=threshold,
        low=min(max(low, 0.0), 1.0),
        high=min(max(high, 0.0), 1.0),
    )


def with_ordinary(
    contract: Contract,
    head: Head,
    banks: tuple[Bank, Bank],
    new: tuple[NDArray[np.float32], Sequence[str], NDArray[np.float64]],
) -> Contract:
    """Return the contract with what is ordinary now: who shows a camera's pictures says that they are.

    Args:
        contract: Of the new head, calibrated; with the champion's novelty and reference.
        head: The new head.
        banks: The champion's, and that with the new pictures.
        new: Embeddings (N, 512), groups and left-out logit differences (N,) of the new training pictures.
    """
    rows = banks[1].of(VALIDATION)
    everything = np.concatenate([rows.embedding.astype(np.float32), new[0]])
    novelty = _grown_novelty(contract, banks, everything)
    scores = [None] * len(everything)
    if novelty is not None:
        scores = Novelty.from_document(novelty).score(everything).tolist()
    reference = None
    if contract.reference is not None:
        reference = learn_reference(
            probability_of(np.concatenate([head.margin(rows.embedding), new[2]]), contract),
            scores,
            [*(str(number) for number in rows.group.tolist()), *(f"new {group}" for group in new[1])],
        )
    return replace(contract, novelty=novelty, reference=reference)


def _grown_novelty(
    contract: Contract, banks: tuple[Bank, Bank], everything: NDArray[np.float32]
) -> dict[str, Any] | None:
    """Return the distance to what either bank holds, with a limit for the file; None if it had none or can't have one.

    Args:
        contract: With the champion's novelty.
        banks: The champion's, and that with the new pictures.
        everything: Embeddings (N, 512) that aren't to be novel now.
    """
    if contract.novelty is None:
        return None
    known = banks[0].of(VALIDATION).embedding.astype(np.float32)
    old, _ = learn_novelty(banks[0], known, contract.precision)
    new, _ = learn_novelty(banks[1], everything, contract.precision)
    if old is None or new is None:
        return None
    # The file's embeddings differ from the float network's in 8 bits; by how much its limit has grown, it says.
    return new | {"limit": new["limit"] * (contract.novelty["limit"] / old["limit"])}


def probability_of(margin: NDArray[np.float64], contract: Contract) -> NDArray[np.float64]:
    """Return probabilities (N,) of presence for logit differences (N,), as a contract makes them."""
    logit = margin / contract.temperature + contract.prior_shift
    # tanh doesn't overflow where exp would.
    result: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * logit))
    return result


def _loses_nothing(
    rows: Bank, old: NDArray[np.bool_], probability: NDArray[np.float64], margin: float
) -> Callable[[float], bool]:
    """Return a function that tells whether a threshold judges known pictures no worse than the champion did.

    Args:
        rows: Known pictures.
        old: Which of them the champion calls present, (N,).
        probability: The challenger's, (N,).
        margin: Largest loss of accuracy that is accepted on a slice.
    """
    label = rows.label == 1
    right = old == label
    slices = [
        (members, len(np.unique(rows.group[members])))
        for members in name_slices(rows.columns(), len(rows)).values()
    ]

    def allowed(threshold: float) -> bool:
        now = (probability >= threshold) == label
        for members, groups in slices:
            loss = float(right[members].mean() - now[members].mean())
            if lost_too_much(loss, len(members), groups, margin):
                return False
        return not mcnemar(right, now).worse

    return allowed
