"""Random changes to training pictures: one function in front of the library that makes them.

A change is a pure function of (seed, epoch, picture index): not of worker, process or order. Crops
are boxes that :mod:`hornet.images` resizes, so that no second resizing filter exists; the library
only sees pictures that already have the network's size.
"""

from __future__ import annotations

import math
import os
import random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hornet.images import WHOLE, decode, pixels, preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from hornet.images import Box, PixelRule

PRESETS: Final = ("none", "flip", "flip-crop", "standard", "strong")

#: Share of the picture's area that a random crop keeps at least, by preset. High: a crop must not
#: lose a hornet that the label speaks of.
_LEAST_AREA: Final = {"flip-crop": 0.5, "standard": 0.5, "strong": 0.35}
_MOST_STRETCH: Final = 4 / 3  # change of the aspect ratio
_CROP_SHARE: Final = 0.8  # the other pictures stay whole

# Separates these draws from those for order and dropout.
_STREAM: Final = 1


class Augmentation:
    """A preset, ready to be applied; small to pickle, as the library is loaded on first use."""

    def __init__(self, preset: str, seed: int, rule: PixelRule) -> None:
        self.preset = preset
        self.seed = seed
        self.rule = rule
        self._pipeline: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pipeline": None}

    def __call__(
        self, data: bytes, *, epoch: int, index: int, masks: Sequence[Box] = ()
    ) -> NDArray[np.uint8]:
        """Turn bytes into a randomly changed input.

        Args:
            data: The encoded picture.
            epoch: Counted from 0 over the whole run.
            index: The picture's place in the training set.
            masks: Rectangles of this picture alone.

        Returns:
            uint8 (H, W, 3), R, G, B.

        Raises:
            ImageError: If the picture can't be read.
        """
        return self.apply(
            lambda: pixels(data, self.rule, masks=masks),
            lambda: decode(data, rule=self.rule, box=self.finest),
            epoch=epoch,
            index=index,
            masks=masks,
        )

    def apply(
        self,
        whole: Callable[[], NDArray[np.uint8]],
        decoded: Callable[[], Image.Image],
        *,
        epoch: int,
        index: int,
        masks: Sequence[Box] = (),
    ) -> NDArray[np.uint8]:
        """Do the same to a picture of which something may be cached.

        Args:
            whole: Gives the whole picture at the network's size, as :func:`hornet.images.pixels` does.
            decoded: Gives the upright picture as decoded for ``finest``, unmasked.
            epoch: Counted from 0 over the whole run.
            index: The picture's place in the training set.
            masks: Rectangles of this picture alone.
        """
        generator = self._generator(epoch, index)
        box = self.crop(generator)
        picture = whole() if box == WHOLE else preprocess(decoded(), self.rule, masks=masks, box=box)
        return self.change(picture, generator)

    @property
    def finest(self) -> Box:
        """A part as narrow and as low as any crop: all crops are cut from one decoding, fine enough for this.

        So the scale at which a JPEG is decoded doesn't depend on the draw, and what is decoded can be kept.
        """
        least = _LEAST_AREA.get(self.preset)
        if least is None:
            return WHOLE
        side = math.sqrt(least / _MOST_STRETCH)
        return (0.0, 0.0, side, side)

    def _generator(self, epoch: int, index: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self.seed, _STREAM, epoch, index)))

    def crop(self, generator: np.random.Generator) -> Box:
        """Draw the part of the picture to take, as in Szegedy et al. 2015 but in fractions."""
        least = _LEAST_AREA.get(self.preset)
        if least is None or generator.random() >= _CROP_SHARE:
            return WHOLE
        area = generator.uniform(least, 1)
        stretch = math.exp(generator.uniform(-math.log(_MOST_STRETCH), math.log(_MOST_STRETCH)) / 2)
        width = min(1.0, math.sqrt(area) * stretch)
        height = min(1.0, math.sqrt(area) / stretch)
        left, top = generator.uniform(0, 1 - width), generator.uniform(0, 1 - height)
        return (left, top, min(1.0, left + width), min(1.0, top + height))

    def change(self, picture: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
        """Flip, turn, recolour, blur, ... a picture of the network's size; the input isn't changed."""
        if self.preset == "none":
            return picture
        if self._pipeline is None:
            self._pipeline = _pipeline(self.preset, self.rule.fill)
        # One pair of generators for all changes: the library's own seeding would give each change the
        # same draws, so that a blurred picture would always be a flipped one.
        self._pipeline.set_random_state(generator, random.Random(int(generator.integers(2**63))))  # noqa: S311
        changed: NDArray[np.uint8] = self._pipeline(image=picture)["image"]
        return np.ascontiguousarray(changed)


def flips(seed: int, epoch: int, count: int) -> NDArray[np.bool_]:
    """Draw which of ``count`` cached pictures an epoch sees mirrored; (count,) bool."""
    return np.random.default_rng(np.random.SeedSequence((seed, _STREAM, epoch))).random(count) < 0.5  # noqa: PLR2004


def _pipeline(preset: str, fill: tuple[int, int, int]) -> Any:
    # Else the library asks the network for its newest version when it is imported.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as A  # noqa: N812 - the name that its users know

    changes: list[Any] = [A.HorizontalFlip(p=0.5)]
    if preset in {"standard", "strong"}:
        strong = preset == "strong"
        much = 1.6 if strong else 1.0
        changes += [
            A.Rotate(limit=25 if strong else 12, fill=fill, p=0.6 if strong else 0.4),
            A.ColorJitter(
                brightness=0.2 * much, contrast=0.2 * much, saturation=0.2 * much, hue=0.03 * much, p=0.8
            ),
            A.OneOf(
                [
                    A.GaussianBlur(sigma_limit=(0.3, 1.2 * much)),
                    A.MotionBlur(blur_limit=(3, 7 if strong else 5)),
                ],
                p=0.3 if strong else 0.15,
            ),
            A.GaussNoise(std_range=(0.01, 0.04 * much), p=0.3 if strong else 0.15),
            A.ImageCompression(quality_range=(35 if strong else 50, 95), p=0.4 if strong else 0.25),
            A.CoarseDropout(
                num_holes_range=(1, 4 if strong else 2),
                hole_height_range=(0.05, 0.2),
                hole_width_range=(0.05, 0.2),
                fill=fill,
                p=0.4 if strong else 0.2,
            ),
        ]
    return A.Compose(changes)
