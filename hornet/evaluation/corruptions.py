"""What goes wrong with pictures in the field, in five severities: noise, blur, weather, compression.

The corruptions and their strengths are those of ImageNet-C (Hendrycks and Dietterich 2019, section 3 and their code), but
for ``rain``, which is ours. Theirs are set for pictures of 224 px. Here every length is a share of the picture's short
side, and pictures come to the network's scale first (:func:`at_reference`), so that a severity means the same for a
picture of 400 px and for one of 12 megapixels.

Where ours differ: ``brightness`` darkens half of the pictures instead of making all brighter; ``downscale`` is their
``pixelate``, but enlarged smoothly, as hornet does with small pictures, rather than to blocks; ``noise`` is their Gaussian
noise alone; ``fog`` thins the light of the scene and adds its own, where theirs also darkens; discs of ``defocus`` have smooth edges by their area rather than by a Gaussian.
"""

from __future__ import annotations

import io
import math
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.errors import ConfigError
from hornet.evaluation.rain import rain_on_lens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    #: R, G, B from 0 to 1, shape (H, W, 3).
    Picture = NDArray[np.float32 | np.float64]

SEVERITIES: Final = (1, 2, 3, 4, 5)
#: Short side, px, for which the strengths below were set.
PAPER_SIDE: Final = 224
#: A picture's long side at the reference scale, in short sides of the network's input: bounds what panoramas cost.
_LONGEST: Final = 8

_NOISE: Final = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation, of the range of a channel
_DEFOCUS: Final = (3, 4, 6, 8, 10)  # radius, px
_MOTION: Final = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # radius and standard deviation, px
_BRIGHTNESS: Final = (0.1, 0.2, 0.3, 0.4, 0.5)  # change of HSV's value
_FOG: Final = (
    (1.5, 2.0),
    (2.0, 2.0),
    (2.5, 1.7),
    (2.5, 1.5),
    (3.0, 1.4),
)  # amount, decay of its fine structure
_JPEG: Final = (25, 18, 15, 10, 7)  # quality
_DOWNSCALE: Final = (0.6, 0.5, 0.4, 0.3, 0.25)  # share of each side that is left
_FOG_SIDE: Final = 256  # px, a power of 2
_AIRLIGHT: Final = 0.9  # the colour of fog by day, of the range of a channel


def at_reference(image: Image.Image, side: int) -> Image.Image:
    """Bring an upright picture to the scale at which it is corrupted.

    The filter is that of :func:`hornet.images.preprocess`, so that the network sees of a square picture what it would have
    seen directly.

    Args:
        image: Mode ``RGB``, any size.
        side: Short side of the network's input, px.

    Returns:
        Short side of ``side`` px, also if it was smaller; less for pictures that are more than 8 times as long as wide.
    """
    width, height = image.size
    scale = min(side / min(width, height), _LONGEST * side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR)


def corrupt(
    image: Image.Image, corruption: str, severity: int, *, content: bytes = b"", seed: int = 0
) -> Image.Image:
    """Corrupt a picture; a pure function of its arguments.

    What is drawn at random (grain, directions, drops) is the same for all severities of a picture.

    Args:
        image: Mode ``RGB``, any size; not changed.
        corruption: One of :data:`CORRUPTIONS`.
        severity: 1 to 5.
        content: What tells the picture from others, such as the digest of its bytes.
        seed: Decides, with ``content`` and ``corruption``, what is drawn.

    Returns:
        A picture of the same size.

    Raises:
        ConfigError: If there is no such corruption or severity.
    """
    check_corruptions([corruption], [severity])
    draw = np.random.default_rng(
        np.random.SeedSequence((seed, zlib.crc32(corruption.encode()), *np.frombuffer(content, np.uint8)))
    )
    picture = np.asarray(image, dtype=np.float32) / 255
    changed = CORRUPTIONS[corruption](picture, severity - 1, draw)
    return Image.fromarray(np.round(255 * np.clip(changed, 0, 1)).astype(np.uint8))


def check_corruptions(corruptions: Sequence[str], severities: Sequence[int]) -> None:
    """Refuse names and severities that don't exist.

    Raises:
        ConfigError: If there is one, or none at all is given.
    """
    for name in corruptions:
        if name not in CORRUPTIONS:
            raise ConfigError(f"There is no corruption {name!r}. Use {', '.join(CORRUPTIONS)}.")
    for severity in severities:
        if severity not in SEVERITIES:
            raise ConfigError(f"There is no severity {severity}; they are 1 to {SEVERITIES[-1]}.")
    if not corruptions or not severities:
        raise ConfigError("At least one corruption and one severity are needed.")


def _unit(picture: Picture) -> float:
    """Return how many pixels of this picture are one of the paper's."""
    return float(min(picture.shape[:2])) / PAPER_SIDE


def _noise(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Add what a small sensor adds in the dusk: Gaussian noise, independent in every pixel and channel."""
    grain = draw.standard_normal(picture.shape, dtype=np.float32)
    return picture + np.float32(_NOISE[level]) * grain


def _defocus(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Blur by a disc, the shape of an open aperture."""
    del draw
    radius = _DEFOCUS[level] * _unit(picture)
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # Nearly the share of each pixel that the disc covers.
    return _convolve(picture, np.clip(radius + 0.5 - np.hypot(x, y), 0, 1))


def _motion(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Smear in one direction, within 45 degrees of the horizon, fading like one half of a Gaussian."""
    angle = draw.uniform(-math.pi / 4, math.pi / 4)
    length, spread = (2 * _MOTION[level][0] * _unit(picture), _MOTION[level][1] * _unit(picture))
    reach = math.ceil(length) + 1
    along = np.linspace(0, length, 4 * reach)
    weight = np.exp(-0.5 * (along / max(spread, 1e-6)) ** 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    y, x = reach + along * math.sin(angle), reach + along * math.cos(angle)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    for down in (0, 1):  # each point is shared by its four pixels, so that no direction has stairs
        for right in (0, 1):
            share = np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left))
            np.add.at(kernel, (top + down, left + right), share * weight)
    return _convolve(picture, kernel)


def _convolve(picture: Picture, kernel: NDArray[np.float64]) -> Picture:
    """Blur with a square kernel of odd side, mirrored at the edges."""
    from scipy.signal import fftconvolve

    reach = len(kernel) // 2
    padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    weights = (kernel / kernel.sum()).astype(np.float32)[..., None]
    blurred: Picture = fftconvolve(padded, weights, mode="valid", axes=(0, 1))
    return blurred


def _brightness(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Expose too long or too short, as a coin decides: HSV's value moves, hue and saturation stay."""
    change = np.float32(_BRIGHTNESS[level] * (1 if draw.random() < 0.5 else -1))  # noqa: PLR2004 - a coin
    value = picture.max(axis=2, keepdims=True)
    moved = np.clip(value + change, 0, 1)
    # Black has no hue: it becomes grey.
    result: Picture = np.where(value > 0, picture * (moved / np.maximum(value, 1e-6)), moved)
    return result


def _fog(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Mix the picture with white, more here and less there (Koschmieder 1924): contrast is lost as in the paper."""
    from scipy.ndimage import map_coordinates

    amount, decay = _FOG[level]
    height, width = picture.shape[:2]
    # The clouds' size follows the picture's short side; they repeat without a seam.
    y, x = (np.arange(n) / max(_unit(picture), 1e-6) for n in (height, width))
    clouds = map_coordinates(
        _plasma(draw, decay), np.meshgrid(y, x, indexing="ij"), order=1, mode="grid-wrap"
    )
    # A uniform fog of density 1 would leave a contrast of 1 / (1 + amount), as theirs does everywhere.
    clear = (1 / (1 + amount * (0.25 + 1.5 * clouds)))[..., None]
    result: Picture = clear * picture + (1 - clear) * _AIRLIGHT
    return result


def _plasma(draw: np.random.Generator, decay: float) -> NDArray[np.float64]:
    """Return clouds from 0 to 1 by the diamond-square algorithm (Fournier et al. 1982), seamless, (256, 256).

    Args:
        draw: Where randomness comes from.
        decay: By how much the heights shrink from each scale to the next finer one.
    """
    cloud = np.zeros((_FOG_SIDE, _FOG_SIDE))
    step, height = _FOG_SIDE, 1.0
    while step > 1:
        half = step // 2
        corners = cloud[::step, ::step]
        right, below = np.roll(corners, -1, 1), np.roll(corners, -1, 0)
        shape = (3, *corners.shape)
        inside, across, along = draw.uniform(-height, height, shape)
        centres = (corners + right + below + np.roll(right, -1, 0)) / 4 + inside
        cloud[half::step, half::step] = centres
        cloud[::step, half::step] = (corners + right + centres + np.roll(centres, 1, 0)) / 4 + across
        cloud[half::step, ::step] = (corners + below + centres + np.roll(centres, 1, 1)) / 4 + along
        step, height = half, height / decay
    cloud -= cloud.min()
    cloud /= cloud.max()
    return cloud


def _rain(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return rain_on_lens(picture, level, draw)


def _jpeg(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Compress as cheap cameras do to save room."""
    del draw
    file = io.BytesIO()
    Image.fromarray(np.round(255 * picture).astype(np.uint8)).save(file, "JPEG", quality=_JPEG[level])
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(image, dtype=np.float32) / 255


def _downscale(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Throw pixels away, and enlarge what is left."""
    del draw
    height, width = picture.shape[:2]
    image = Image.fromarray(np.round(255 * picture).astype(np.uint8))
    left = max(1, round(_DOWNSCALE[level] * width)), max(1, round(_DOWNSCALE[level] * height))
    small = image.resize(left, Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) / 255


#: What can be done to a picture, by name: takes it and severity - 1, and returns it, not clipped yet.
CORRUPTIONS: Final[dict[str, Callable[[Picture, int, np.random.Generator], Picture]]] = {
    "noise": _noise,
    "defocus": _defocus,
    "motion": _motion,
    "brightness": _brightness,
    "fog": _fog,
    "rain": _rain,
    "jpeg": _jpeg,
    "downscale": _downscale,
}
