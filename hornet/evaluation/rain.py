"""Drops of rain on a lens: each shows the scene small, upside down and blurred."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Drops on a square picture, by severity; in other shapes as many per area.
_DROPS: Final = (5, 10, 17, 26, 38)
#: Radius of the smallest and the largest drop, as a share of the short side. Small ones are far more frequent.
_RADII: Final = (0.035, 0.16)
_BLUR: Final = 0.018  # of what a drop shows, standard deviation, as a share of the short side
_EDGE: Final = 0.45  # of the radius over which a drop fades: it is far too near to be in focus
_RIM: Final = 0.25  # how much darker the rim is
_GLARE: Final = 0.15  # how bright the light is that a drop mirrors


#: A strip longer than this many times its width gets no more drops.
_LONGEST: Final = 8


@dataclass(frozen=True, slots=True)
class _Drop:
    """A drop: middle and radius in px, its outline as three waves around a circle, and how tall it is."""

    x: float
    y: float
    radius: float
    waves: tuple[tuple[float, float], ...]
    tall: float


def rain_on_lens(
    picture: NDArray[np.float32 | np.float64], level: int, draw: np.random.Generator
) -> NDArray[np.float32 | np.float64]:
    """Put drops on the lens. The drops of a severity are among those of the next.

    A drop is a short lens: it turns the scene upside down and shows much of it. It is out of focus, darker at its rim,
    and mirrors the sky.

    Args:
        picture: (H, W, 3), R, G, B from 0 to 1; not changed.
        level: Severity - 1.
        draw: Where randomness comes from.

    Returns:
        The same shape.
    """
    from scipy.ndimage import gaussian_filter

    height, width = picture.shape[:2]
    short = min(height, width)
    per_drop = min(max(height, width) / short, _LONGEST)
    drops = [_drop(height, width, draw) for _ in range(math.ceil(_DROPS[-1] * per_drop))]
    blurred = gaussian_filter(picture, (_BLUR * short, _BLUR * short, 0), mode="mirror")
    result = picture.copy()
    for drop in drops[: math.ceil(_DROPS[level] * per_drop)]:
        _put(result, blurred, drop)
    return result


def _drop(height: int, width: int, draw: np.random.Generator) -> _Drop:
    x, y, size, tall, *rest = draw.random(10)
    smallest, largest = _RADII
    radius = (smallest + (largest - smallest) * size**2) * min(height, width)
    waves = tuple((0.07 * rest[i], 2 * math.pi * rest[i + 3]) for i in range(3))
    return _Drop(x * width, y * height, radius, waves, 1 + 0.25 * tall)


def _put(
    result: NDArray[np.float32 | np.float64], blurred: NDArray[np.float32 | np.float64], drop: _Drop
) -> None:
    """Paint a drop over the result; what it shows is taken from the blurred picture."""
    from scipy.ndimage import map_coordinates

    height, width = result.shape[:2]
    reach = math.ceil(1.5 * drop.radius) + 1
    top, left = max(0, int(drop.y) - reach), max(0, int(drop.x) - reach)
    bottom, right = min(height, int(drop.y) + reach + 1), min(width, int(drop.x) + reach + 1)
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    across, down = (x - drop.x) / drop.radius, (y - drop.y) / (drop.radius * drop.tall)
    angle = np.arctan2(down, across)
    outline = 1 + sum(size * np.cos((n + 2) * angle + turn) for n, (size, turn) in enumerate(drop.waves))
    far = np.hypot(across, down) / outline  # 0 in the middle, 1 at the edge
    cover = _smooth((1 - far) / _EDGE)[..., None]
    # The farther from the middle, the steeper the surface, and the farther away the scene that is seen.
    reduction = 2.5 + 3.5 * np.minimum(far, 1) ** 2
    seen = np.stack([drop.y - reduction * (y - drop.y) - 0.5, drop.x - reduction * (x - drop.x) - 0.5])
    shown = np.stack(
        [map_coordinates(blurred[..., c], seen, order=1, mode="mirror") for c in range(3)], axis=-1
    )
    shade = 1 - _RIM * _smooth((far - 0.5) / 0.5) + 0.15 * down
    glare = _GLARE * np.exp(-((across + 0.35) ** 2 + (down + 0.4) ** 2) / 0.04)
    shown = shown * shade[..., None] + glare[..., None]
    window = result[top:bottom, left:right]
    window += cover * (np.clip(shown, 0, 1) - window)


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    inside = np.clip(x, 0, 1)
    return inside * inside * (3 - 2 * inside)
