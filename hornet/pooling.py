"""How the logits of all places become the logit of a picture; named in the artifact's contract.

With ``d`` the presence-minus-absence logit of a place, without bias:

* ``mean``: the mean of all places, the classic average-pool-then-linear head. What fills the picture counts.
* ``max``: the highest place. One hornet of a few pixels is enough, and so is one leaf that looks like it.
* ``lse:R``: ``log(mean(exp(R d))) / R``, between the two: near the mean for small R, near the maximum for large
  R (Pinheiro and Collobert 2015).
* ``top:K``: the mean of the K highest places.

The last three are multiple-instance learning: a picture is a bag of places, and is present if any place is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a name may look like, for messages.
FORMS: Final = "mean, max, lse:R (R > 0) or top:K (K >= 1)"


@dataclass(frozen=True, slots=True)
class Pooling:
    """A parsed rule.

    Attributes:
        kind: ``mean``, ``max``, ``lse`` or ``top``.
        sharpness: R of ``lse``; 0 otherwise.
        places: K of ``top``; 0 otherwise.
    """

    kind: str
    sharpness: float = 0.0
    places: int = 0

    @classmethod
    def parse(cls, name: str) -> Pooling:
        """Read a rule by its name.

        Raises:
            ConfigError: If it is none.
        """
        kind, _, value = name.partition(":")
        try:
            if kind in {"mean", "max"} and name == kind:
                return cls(kind)
            if kind == "lse" and 0 < float(value) < np.inf:
                return cls(kind, sharpness=float(value))
            if kind == "top" and int(value) >= 1:
                return cls(kind, places=int(value))
        except ValueError:
            pass
        raise ConfigError(f"pooling {name!r} isn't known; choose {FORMS}")

    def __call__(self, heatmap: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pool maps.

        Args:
            heatmap: (..., h, w).

        Returns:
            (...) float64. ``top`` takes all places where there are fewer than K.
        """
        places = np.asarray(heatmap, dtype=np.float64).reshape(*np.shape(heatmap)[:-2], -1)
        if self.kind == "mean":
            pooled = places.mean(axis=-1)
        elif self.kind == "max":
            pooled = places.max(axis=-1)
        elif self.kind == "lse":
            highest = places.max(axis=-1, keepdims=True)  # so that no exponential overflows
            powers = np.exp(self.sharpness * (places - highest)).mean(axis=-1)
            pooled = highest[..., 0] + np.log(powers) / self.sharpness
        else:
            count = min(self.places, places.shape[-1])
            pooled = np.sort(places, axis=-1)[..., -count:].mean(axis=-1)
        return np.asarray(pooled, dtype=np.float64)
