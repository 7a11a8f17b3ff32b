"""The golden examples of a contract answered again: does this machine give the answers that were promised?"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hornet.classifier import Classifier


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """A golden example and today's answer to it.

    Attributes:
        name: What is drawn.
        expected: The probability that the contract promises.
        got: The probability of today.
        tolerance: Largest difference of probability that is still the same answer.
        expected_novelty: The novelty that the contract promises; None if it promises none.
        got_novelty: The novelty of today.
        novelty_tolerance: Largest difference of novelty, as a share of what is expected.
    """

    name: str
    expected: float
    got: float
    tolerance: float
    expected_novelty: float | None = None
    got_novelty: float | None = None
    novelty_tolerance: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the answer is the same up to the contract's tolerance."""
        if not abs(self.expected - self.got) <= self.tolerance:
            return False
        if self.expected_novelty is None:
            return True
        apart = abs(self.expected_novelty - (self.got_novelty or 0.0))
        # Relative: far from everything seen, where many drawings are, distances are large.
        return apart <= self.novelty_tolerance * max(1.0, self.expected_novelty)


def replay_golden(classifier: Classifier) -> list[GoldenResult]:
    """Answer the contract's golden examples again, from bytes to probability and novelty."""
    contract = classifier.contract
    tolerance = 0.0 if contract.novelty is None else float(contract.novelty["tolerance"])
    results = []
    for golden in contract.golden:
        today = classifier.predict(base64.b64decode(golden.jpeg))
        results.append(
            GoldenResult(
                golden.name,
                golden.probability,
                today.probability,
                contract.golden_tolerance,
                golden.novelty,
                today.novelty,
                tolerance,
            )
        )
    return results
