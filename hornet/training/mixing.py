"""Pictures made of several, behind one function: mixup, cutmix, and mosaics that are present if any tile is.

What a picture is mixed with is a pure function of (seed, epoch, picture index), as augmentation is: neither
workers nor resuming change it. Tiles are resized by :mod:`hornet.images`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from torch.utils.data import Dataset as TorchDataset

from hornet.images import preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornet.training.config import TrainConfig
    from hornet.training.data import TrainingPictures

# Separates these draws from those for augmentation, dropout and order.
_STREAM: Final = 4

#: Parameter of mixup's symmetric beta distribution (Zhang et al. 2018, section 4.1: 0.1 to 0.4 on ImageNet).
_ALPHA: Final = 0.2
_GRIDS: Final = (2, 3)  # rows and columns of a mosaic
_UNEVEN: Final = 0.4  # a row's share of the height before they are scaled to fill it: 1 +- this


@dataclass(frozen=True, slots=True)
class _Chances:
    """How likely pictures are drawn as partners: any, and those that are absent, each cumulated, (n,)."""

    any: NDArray[np.float64]
    absent: NDArray[np.float64]


class MixedPictures(TorchDataset[tuple["NDArray[np.uint8]", "NDArray[np.float32]", int]]):
    """Training pictures of which some are mixed with others; all labels are probabilities.

    Args:
        base: The pictures as they are augmented alone.
        config: How likely each way of mixing is.
        draw: How likely each picture is drawn as a partner, (n,); None: all alike.
    """

    def __init__(self, base: TrainingPictures, config: TrainConfig, draw: NDArray[np.float64] | None) -> None:
        self.base, self.seed = base, config.seed
        self.chances = np.cumsum([config.mosaic, config.mixup, config.cutmix])
        present = np.array([bool(record.label) for record in base.records])
        weights = np.ones(len(present)) if draw is None else draw
        self.present = present
        self.partners = _Chances(np.cumsum(weights), np.cumsum(np.where(present, 0.0, weights)))

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, key: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32], int]:
        """Return uint8 (H, W, 3), the probabilities of absence and presence (2,), and the index."""
        epoch, index = key
        generator = np.random.default_rng(np.random.SeedSequence((self.seed, _STREAM, epoch, index)))
        way = int(np.searchsorted(self.chances, generator.random(), side="right"))
        if way == 0:
            return self._mosaic(index, generator)
        if way == len(self.chances):
            return self.base[key][0], self._label(index, index, 1.0), index
        partner = _draw(self.partners.any, generator)
        first, second = self.base[key][0], self.base[epoch, partner][0]
        picture, share = (mixup if way == 1 else cutmix)(first, second, generator)
        return picture, self._label(index, partner, share), index

    def _label(self, first: int, second: int, share: float) -> NDArray[np.float32]:
        present = share * float(self.present[first]) + (1 - share) * float(self.present[second])
        return np.array([1 - present, present], dtype=np.float32)

    def _mosaic(
        self, index: int, generator: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], int]:
        augmentation = self.base.augmentation
        boxes = grid(augmentation.rule.size, generator)
        # Beside an absent picture only absent ones: so a mosaic is as often present as a picture is.
        chances = self.partners.any if self.present[index] else self.partners.absent
        members = [index, *(_draw(chances, generator) for _ in boxes[1:])]
        frame = np.empty((*augmentation.rule.size, 3), dtype=np.uint8)
        for at, member in zip(generator.permutation(len(boxes)), members, strict=True):
            top, left, bottom, right = boxes[at]
            frame[top:bottom, left:right] = self._tile(member, (bottom - top, right - left))
        present = float(self.present[members].any())
        return augmentation.change(frame, generator), np.array([1 - present, present], np.float32), index

    def _tile(self, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return a whole picture at the size of a tile.

        From the network's size, at which it is cached and masked: decoding nine files a picture would take longer
        than learning from them.
        """
        rule = replace(self.base.augmentation.rule, size=size, masks=())
        return preprocess(Image.fromarray(self.base.whole(index)), rule)


def mix(
    pictures: TrainingPictures, config: TrainConfig, draw: NDArray[np.float64] | None
) -> TrainingPictures | MixedPictures:
    """Mix training pictures as the configuration says; where it says nothing, they stay as they are.

    Args:
        pictures: Augmented one by one.
        config: Of the run: ``mosaic``, ``mixup`` and ``cutmix`` are probabilities.
        draw: How likely each picture is drawn as a partner, (n,); None: all alike.

    Returns:
        Pictures uint8 (H, W, 3), labels and indices; mixed ones have labels float32 (2,).
    """
    return MixedPictures(pictures, config, draw) if config.mosaic + config.mixup + config.cutmix else pictures


def describe_mixing(config: TrainConfig) -> str:
    """Say how pictures are mixed, beginning with a comma; nothing if they aren't."""
    ways = {"mosaic": config.mosaic, "mixup": config.mixup, "cutmix": config.cutmix}
    return "".join(f", {name} {chance:g}" for name, chance in ways.items() if chance)


def mixup(
    first: NDArray[np.uint8], second: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], float]:
    """Blend two pictures (H, W, 3); also return the first one's share (Zhang et al. 2018)."""
    share = generator.beta(_ALPHA, _ALPHA)
    blend = share * first.astype(np.float32) + (1 - share) * second.astype(np.float32)
    return np.rint(blend).astype(np.uint8), float(share)


def cutmix(
    first: NDArray[np.uint8], second: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], float]:
    """Paste a rectangle of the second into the first, at the same place (Yun et al. 2019, section 3.1).

    Returns:
        The picture (H, W, 3), and the share of its area that is still the first one's.
    """
    height, width = first.shape[:2]
    side = np.sqrt(1 - generator.random())  # of the rectangle, as a share of the picture's
    x, y = generator.random(2)
    top, bottom = (round(float(np.clip(y + half, 0, 1)) * height) for half in (-side / 2, side / 2))
    left, right = (round(float(np.clip(x + half, 0, 1)) * width) for half in (-side / 2, side / 2))
    mixed = first.copy()
    mixed[top:bottom, left:right] = second[top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def grid(size: tuple[int, int], generator: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Divide a frame into 2 x 2 or 3 x 3 uneven tiles.

    Args:
        size: Height and width, px.
        generator: Draws the number and the borders.

    Returns:
        Top, left, bottom, right of each tile, px; together they cover the frame.
    """
    count = int(generator.choice(_GRIDS))
    rows, columns = (_borders(length, count, generator) for length in size)
    return [(rows[i], columns[j], rows[i + 1], columns[j + 1]) for i in range(count) for j in range(count)]


def _borders(length: int, count: int, generator: np.random.Generator) -> list[int]:
    shares = generator.uniform(1 - _UNEVEN, 1 + _UNEVEN, count)
    return [0, *(round(float(at)) for at in length * np.cumsum(shares) / shares.sum())]


def _draw(cumulated: NDArray[np.float64], generator: np.random.Generator) -> int:
    """Draw an index by its chance."""
    at = generator.random() * cumulated[-1]
    return int(np.searchsorted(cumulated, at, side="right"))
