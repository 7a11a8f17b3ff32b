"""What the parts of an audit judge by, and what a part is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hornet.dataset import Dataset, Derivation
    from hornet.dataset.records import Record
    from hornet.dataset.store import PictureStore
    from hornet.evaluation.audit.embedded import Embedding
    from hornet.evaluation.audit.findings import Note, Outcome
    from hornet.evaluation.audit.looks import Look, Shot
    from hornet.images import Box


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of the pictures, sorted by name, so that the order of rows tells nothing.

    Attributes:
        dataset: The pictures with groups (given, or derived where there was none), times and cameras.
        given: The same as they were given, in the same order.
        looks: What was kept of each picture.
        derivation: How groups came about where there was none.
        masks: Rectangles that are filled in every picture.
        seed: Decides what is random.
        live: Told how far a long step is.
        store: Where decoded views are kept, or None.
        features: What computes untuned ImageNet features; or what is noted in their place, if anything is.
    """

    dataset: Dataset
    given: Dataset
    looks: Sequence[Look]
    derivation: Derivation
    masks: tuple[Box, ...] = ()
    seed: int = 0
    live: Callable[[str], None] = field(default=lambda _: None)
    store: PictureStore | None = None
    features: Embedding | Note | None = None

    @property
    def records(self) -> tuple[Record, ...]:
        """The pictures with groups, times and cameras."""
        return self.dataset.records

    def labels(self) -> NDArray[np.int64]:
        """Return the class numbers, (N,)."""
        return self.dataset.labels()

    def readable(self) -> list[int]:
        """Return the positions of the pictures that could be decoded."""
        return [index for index, look in enumerate(self.looks) if look.readable]

    def measures(self, name: str) -> list[Any]:
        """Return what the part of this name took of each readable picture, in the order of :meth:`readable`."""
        return [self.looks[index].measures[name] for index in self.readable()]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the audit.

    Attributes:
        name: What it measures is kept under.
        judge: Says what is to be said of the evidence.
        measure: Takes something small of each picture while it is decoded (called in threads), or None.
        quick: Whether training takes it too: it needs no measure.
    """

    name: str
    judge: Callable[[Evidence], Outcome]
    measure: Callable[[Shot], Any] | None = None
    quick: bool = False
