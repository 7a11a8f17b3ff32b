"""From a probability to a verdict. Pure: no pictures, no models."""

from __future__ import annotations

from typing import Final, Literal

Verdict = Literal["absent", "present", "unsure"]

ABSENT: Final = "absent"
PRESENT: Final = "present"
UNSURE: Final = "unsure"

#: Index = class number of the network, of manifests and of the contract.
CLASSES: Final = (ABSENT, PRESENT)


def decide(probability: float, low: float, high: float) -> Verdict:
    """Turn a calibrated probability of presence into a verdict.

    Args:
        probability: Calibrated probability of presence, 0 to 1.
        low: Below it the verdict is ``absent``.
        high: From it on the verdict is ``present``; never below ``low``.

    Returns:
        ``present``, ``absent``, or ``unsure`` in between: send it to an expert.
    """
    if probability >= high:
        return PRESENT
    if probability < low:
        return ABSENT
    return UNSURE
