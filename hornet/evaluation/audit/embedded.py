"""Features of an untuned network, that somebody else computes: nothing here knows how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.evaluation.audit.findings import Note
from hornet.evaluation.audit.looks import view
from hornet.images import PixelRule, preprocess, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hornet.evaluation.audit.evidence import Evidence

#: Height and width of the pictures that the network sees, px: what its weights were made for.
SIZE: Final = (224, 224)
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Embedding:
    """A network that never learned from the pictures.

    Attributes:
        name: Which weights, and which of its features; a reader sees it.
        compute: From pictures, uint8 (N, H, W, 3), to features, float32 (N, D); the same of the same pictures.
    """

    name: str
    compute: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def left_out(why: str, why_fr: str) -> Note:
    """Return the note that no such features were looked at."""
    return Note(
        "left-out",
        {
            "step": "imagenet: the look at untuned ImageNet features",
            "step_fr": "imagenet : l'examen par un réseau ImageNet non ajusté",
            "why": why,
            "why_fr": why_fr,
        },
    )


#: What an audit notes that was given no features.
NO_WEIGHTS: Final = left_out(
    "no weights are to hand; give --weights FILE, or --weights imagenet to download them",
    "aucun poids disponible ; donnez --weights FICHIER, ou --weights imagenet pour les télécharger",
)


def embed(evidence: Evidence, embedding: Embedding, places: Sequence[int]) -> NDArray[np.float32]:
    """Compute the features of some readable pictures, masked as the network in training sees them.

    Args:
        evidence: All pictures.
        embedding: What computes.
        places: Positions of the pictures.

    Returns:
        float32 (N, D), in the order of ``places``.

    Raises:
        ImageError: If a picture has gone since it was looked at.
    """
    parts = []
    for first in range(0, len(places), _BATCH):
        batch = places[first : first + _BATCH]
        parts.append(embedding.compute(np.stack([_pixels(evidence, place) for place in batch])))
        evidence.live(f"computing ImageNet features: {first + len(batch)}/{len(places)}")
    return np.concatenate(parts)


def _pixels(evidence: Evidence, place: int) -> NDArray[np.uint8]:
    record, look = evidence.records[place], evidence.looks[place]
    seen = view(read_file(record.path), look.digest, look.size, evidence.store)
    return preprocess(Image.fromarray(seen), PixelRule(SIZE), masks=(*evidence.masks, *record.masks))
