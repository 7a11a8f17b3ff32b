"""From a probability, and how unlike anything seen the picture is, to a verdict. Pure: no pictures, no models."""

from __future__ import annotations

from typing import Final, Literal

Verdict = Literal["absent", "present", "unsure"]

ABSENT: Final = "absent"
PRESENT: Final = "present"
UNSURE: Final = "unsure"

#: Index = class number of the network, of manifests and of the contract.
CLASSES: Final = (ABSENT, PRESENT)

#: Novelty is a multiple of the contract's limit.
NOVELTY_LIMIT: Final = 1.0


def decide(probability: float, low: float, high: float, novelty: float | None = None) -> Verdict:
    """Turn a calibrated probability of presence into a verdict.

    Args:
        probability: Calibrated probability of presence, 0 to 1.
        low: Below it the verdict is ``absent``.
        high: From it on the verdict is ``present``; never below ``low``.
        novelty: How unlike anything seen the picture is, as a multiple of the limit; None: not known.

    Returns:
        ``present``, ``absent``, or ``unsure`` in between or beyond the limit: send it to an expert.
    """
    if is_novel(novelty):
        return UNSURE
    if probability >= high:
        return PRESENT
    if probability < low:
        return ABSENT
    return UNSURE


def is_novel(novelty: float | None) -> bool:
    """Tell whether a picture is beyond the contract's novelty limit; what isn't known isn't."""
    # So written, a NaN is beyond it.
    return novelty is not None and not novelty <= NOVELTY_LIMIT
