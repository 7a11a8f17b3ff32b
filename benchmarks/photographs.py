"""Pictures with the noise and detail of photographs, for benchmarks: drawings alone would decode too fast.

What a JPEG costs depends on how many bits it has, so these are made to have as many as a camera's: about 2.5
a pixel, which at 12 megapixels is 3.5 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from hornet.dataset.drawings import draw

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Name, width and height, px.
SIZES: Final = {"640x480": (640, 480), "1920x1080": (1920, 1080), "12 megapixels": (4000, 3000)}

_QUALITY: Final = 90  # of most cameras
_CONTRAST, _COLOUR = 30.0, 6.0  # standard deviations of brightness, and of red and blue beside it
_BLUR: Final = 0.7  # of lens and demosaicing, px
_READ, _SHOT = 2.0, 0.04  # variance of the sensor's noise: constant, and for each step of brightness


def write_photographs(folder: Path, size: tuple[int, int], count: int) -> list[Path]:
    """Write pictures that aren't there yet, and return all of them.

    Args:
        folder: Made if it isn't there.
        size: Width and height, px.
        count: How many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:02d}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        if not file.exists():
            photograph(size, number).save(file, quality=_QUALITY)
    return files


def photograph(size: tuple[int, int], seed: int) -> Image.Image:
    """Draw a picture, and give it what drawings lack.

    Amplitudes of natural pictures fall with the frequency (Field 1987); a lens takes the highest ones away,
    and the sensor adds noise that grows with the light.

    Args:
        size: Width and height, px.
        seed: Of everything.
    """
    rng = np.random.default_rng(seed)
    drawing = draw(("leaves", "hornet")[seed % 2], seed=seed, size=size)
    picture = 50 + np.float32(0.6) * np.asarray(drawing, np.float32)  # (H, W, 3)
    shape = picture.shape[:2]
    picture += _CONTRAST * _texture(shape, rng)[..., None]
    picture[..., 0] += _COLOUR * _texture(shape, rng)
    picture[..., 2] += _COLOUR * _texture(shape, rng)
    np.clip(picture, 0, 255, out=picture)
    grain = rng.standard_normal((shape[0] + 1, shape[1] + 1, 3), np.float32)
    # Neighbours share some of it: cameras interpolate two of three colours of each pixel.
    grain = 0.25 * (grain[1:, 1:] + grain[:-1, 1:] + grain[1:, :-1] + grain[:-1, :-1])
    picture += np.sqrt(_READ + _SHOT * picture) * grain
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def _texture(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return noise (H, W) with amplitudes of one over the frequency behind a lens, of variance 1."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    squared = down**2 + across**2
    amplitude = np.exp(-2 * (np.pi * _BLUR) ** 2 * squared) / np.sqrt(np.maximum(squared, 1e-12))
    amplitude[0, 0] = 0
    waves = amplitude * np.exp(2j * np.pi * rng.random(amplitude.shape))
    texture = np.fft.irfft2(waves, s=shape)
    return np.asarray(texture / texture.std(), np.float32)
