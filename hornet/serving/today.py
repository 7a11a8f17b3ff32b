"""The last pictures that were judged, compared with those that the model was made with."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from hornet.drift import NOVELTY, PROBABILITY, Drift, Reference

if TYPE_CHECKING:
    from hornet.serving.champion import Champion, Model


class Today:
    """A window over the answers of the model in use. Used from the event loop alone.

    Args:
        champion: Knows which model is in use.
        pictures: How many of the last answers are compared.
    """

    def __init__(self, champion: Champion, pictures: int) -> None:
        self._champion = champion
        self._model: Model | None = None
        self._reference: Reference | None = None
        self._values: dict[str, deque[float]] = {
            name: deque(maxlen=pictures) for name in (PROBABILITY, NOVELTY)
        }

    def add(self, model: Model, probability: float, novelty: float | None) -> None:
        """Take in one answer; the first of another model begins the window anew."""
        if model is not self._champion.current:
            return  # it was on its way when another took over
        if model is not self._model:
            document = model.classifier.contract.reference
            self._model = model
            self._reference = None if document is None else Reference.from_document(document)
            for values in self._values.values():
                values.clear()
        self._values[PROBABILITY].append(probability)
        if novelty is not None:
            self._values[NOVELTY].append(novelty)

    def drift(self, quantity: str) -> Drift | None:
        """Return how far the window is from the reference; None where nothing can be compared."""
        if self._reference is None:
            return None
        found = self._reference.compare({quantity: self._values[quantity]})
        return found[0] if found else None

    def index(self, quantity: str) -> float:
        """Return the index of the window, NaN where there is none."""
        drift = self.drift(quantity)
        return math.nan if drift is None else drift.index

    def limit(self, quantity: str) -> float:
        """Return the limit for as many pictures as are in the window, NaN where there is none."""
        drift = self.drift(quantity)
        return math.nan if drift is None or drift.limit is None else drift.limit

    def novel(self) -> float:
        """Return the share of the window that is beyond the novelty limit, NaN where it isn't known."""
        scores = self._values[NOVELTY]
        return float(np.mean(np.array(scores) > 1)) if scores else math.nan
