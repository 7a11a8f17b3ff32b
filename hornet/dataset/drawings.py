"""Drawn insects: pictures that belong to nobody, made from a seed.

Golden examples inside an artifact, the pictures under `data/examples` and the tiny training sets of the tests
all come from here, because photographs of others can't be handed on. A drawing proves that the plumbing works;
it says nothing about how well a model knows real hornets.

The present class shows at least one Asian hornet seen from above (dark body, orange fourth segment, yellow leg
tips). The absent class shows a wasp, a honey bee, leaves or nothing at all.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from hornet.dataset.insects import INSECTS, Colour, Pen, draw_insect, lighter
from hornet.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PRESENT_SUBJECTS = ("hornet",)
ABSENT_SUBJECTS = ("wasp", "bee", "leaves", "blank")
SUBJECTS = PRESENT_SUBJECTS + ABSENT_SUBJECTS

# Everything is drawn this many times larger and reduced, which smooths the edges.
_SUPERSAMPLE = 2
_EXIF_ORIENTATION = 0x0112
_PORTRAIT_EVERY, _TURNED_EVERY = 5, 7
# What to do to upright pixels so that a reader who obeys the EXIF value sees them upright again.
_STORED_TURN = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def draw(
    label: str, *, seed: int, size: tuple[int, int] = (320, 240), scale: float | None = None
) -> Image.Image:
    """Draw one picture; the same arguments give the same picture.

    Args:
        label: "present", "absent" (the seed chooses what is seen) or one of `SUBJECTS`.
        seed: Decides background, place, direction, size, light and noise.
        size: Width and height in px.
        scale: Body length as a fraction of the shorter side; left out, the seed chooses 0.35 to 0.75.

    Returns:
        RGB picture.

    Raises:
        DatasetError: If `label` is not known.
    """
    rng = np.random.default_rng([seed, len(label), *label.encode()])
    subject = _subject(label, rng)
    width, height = size[0] * _SUPERSAMPLE, size[1] * _SUPERSAMPLE
    backgrounds: tuple[Callable[[np.random.Generator, int, int], Image.Image], ...] = (
        _foliage,
        _board,
        _flower,
        _sky,
    )
    background = _foliage if subject == "leaves" else backgrounds[int(rng.integers(len(backgrounds)))]
    canvas = background(rng, width, height)
    if subject == "leaves":
        _scatter_leaves(canvas, rng, count=9)
    elif subject in INSECTS:
        length = min(width, height) * (scale if scale is not None else float(rng.uniform(0.35, 0.75)))
        centre = (width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.36, 0.64)))
        draw_insect(canvas, INSECTS[subject], rng, centre=centre, length=length)
    return _photograph(canvas, rng, size)


def draw_hornet(*, seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Draw an Asian hornet: dark body, orange fourth segment, yellow leg tips."""
    return draw("hornet", seed=seed, size=size)


def encode_jpeg(image: Image.Image, *, quality: int = 85, orientation: int = 1) -> bytes:
    """Encode a picture as a camera would: pixels turned, and an EXIF tag that turns them back.

    Args:
        image: Upright picture, mode RGB or L.
        quality: JPEG quality, 1 to 95.
        orientation: EXIF orientation 1 to 8; at 1 no EXIF is written.

    Returns:
        The bytes of the JPEG.
    """
    turn = _STORED_TURN[orientation]
    exif = Image.Exif()
    if turn is not None:
        image = image.transpose(turn)
        exif[_EXIF_ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, exif=exif.tobytes() if turn is not None else b"")
    return buffer.getvalue()


def write_dataset(
    folder: Path,
    per_class: int,
    seed: int = 0,
    size: tuple[int, int] = (160, 120),
    classes: Sequence[str] = ("presence", "absence"),
) -> list[Path]:
    """Draw a folder of class folders with JPEGs, easy enough for a tiny network.

    Qualities differ; now and then a picture is in portrait format, or stored turned with an EXIF tag.

    Args:
        folder: Made if it isn't there.
        per_class: Pictures in each class.
        seed: The same seed writes the same pictures.
        size: Width and height in px of most of them.
        classes: Names of the folders of the present and of the absent class, in this order.

    Returns:
        The files written, sorted.
    """
    written = []
    for class_index, (name, label) in enumerate(zip(classes, ("present", "absent"), strict=True)):
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            picture_seed = (seed * 1_000_003 + number) * 2 + class_index
            # Every absent subject gets its share even in a set of a handful.
            subject = label if label == "present" else ABSENT_SUBJECTS[number % len(ABSENT_SUBJECTS)]
            picture_size = (size[1], size[0]) if number % _PORTRAIT_EVERY == _PORTRAIT_EVERY - 1 else size
            image = draw(subject, seed=picture_seed, size=picture_size)
            path = place / f"{name}_{number:04d}.jpg"
            turned = number % _TURNED_EVERY == _TURNED_EVERY - 1
            orientation = (6, 3, 8)[number // _TURNED_EVERY % 3] if turned else 1
            path.write_bytes(encode_jpeg(image, quality=(92, 84, 76)[number % 3], orientation=orientation))
            written.append(path)
    return sorted(written)


def _subject(label: str, rng: np.random.Generator) -> str:
    if label == "present":
        return "hornet"
    if label == "absent":
        return ABSENT_SUBJECTS[int(rng.integers(len(ABSENT_SUBJECTS)))]
    if label not in SUBJECTS:
        choices = ", ".join(("present", "absent", *SUBJECTS))
        raise DatasetError(f"nothing called {label!r} can be drawn: choose one of {choices}")
    return label


def _foliage(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    canvas = _mottled(rng, width, height, base=(70, 104, 48), contrast=34)
    _scatter_leaves(canvas, rng, count=int(rng.integers(3, 7)))
    return canvas.filter(ImageFilter.GaussianBlur(0.006 * width))


def _board(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Draw the wooden front of a hive: warm boards, grain along them."""
    canvas = _mottled(rng, width, height, base=(176, 144, 100), contrast=14)
    grain = rng.normal(0, 9, size=(height // 3 + 1, 1)).astype(np.float32)
    rows = np.repeat(grain, 3, axis=0)[:height]
    canvas = Image.fromarray(
        np.clip(np.asarray(canvas, np.float32) + rows[..., None], 0, 255).astype(np.uint8)
    )
    pen = ImageDraw.Draw(canvas)
    seam = int(height * rng.uniform(0.15, 0.85))
    pen.line([(0, seam), (width, seam)], fill=(104, 80, 54), width=max(1, height // 70))
    return canvas


def _flower(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    canvas = _mottled(rng, width, height, base=(86, 118, 62), contrast=26).filter(ImageFilter.GaussianBlur(4))
    petals = ((236, 228, 236), (214, 150, 196), (246, 236, 190))[int(rng.integers(3))]
    centre = (width * float(rng.uniform(0.4, 0.6)), height * float(rng.uniform(0.4, 0.6)))
    radius, first = min(width, height) * float(rng.uniform(0.7, 1.0)), float(rng.uniform(0, 1))
    count = int(rng.integers(7, 12))
    for number in range(count):
        pen = Pen(canvas, centre, radius, first + 2 * np.pi * number / count)
        pen.ellipse((0.36, 0.0), (0.3, 0.11), lighter(petals, -int(rng.integers(0, 22))))
    Pen(canvas, centre, radius, 0.0).ellipse((0.0, 0.0), (0.13, 0.13), (206, 166, 52))
    return canvas


def _sky(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    return _mottled(rng, width, height, base=(168, 190, 208), contrast=20).filter(ImageFilter.GaussianBlur(3))


def _scatter_leaves(canvas: Image.Image, rng: np.random.Generator, count: int) -> None:
    width, height = canvas.size
    for _ in range(count):
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        pen = Pen(
            canvas, centre, min(width, height) * float(rng.uniform(0.3, 0.6)), float(rng.uniform(0, 6.3))
        )
        along = np.linspace(0, 1, 20)
        half = 0.2 * np.sin(np.pi * along) ** 0.8
        outline = np.concatenate([np.stack([along - 0.5, half], 1), np.stack([along - 0.5, -half], 1)[::-1]])
        green = (int(rng.integers(54, 120)), int(rng.integers(104, 164)), int(rng.integers(36, 76)))
        pen.polygon(outline, green)
        pen.line(np.array([[-0.5, 0.0], [0.5, 0.0]]), 0.014, lighter(green, 34))


def _mottled(
    rng: np.random.Generator, width: int, height: int, *, base: Colour, contrast: float
) -> Image.Image:
    """Make a background of soft patches and a slope of light."""
    patches = rng.normal(0, contrast, size=(6, 8)).astype(np.float32)
    soft = np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))
    slope = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * float(rng.uniform(-18, 18))
    tint = np.asarray(base, np.float32) + rng.normal(0, 10, 3).astype(np.float32)
    pixels = tint + (soft + slope)[..., None] * np.array([1.0, 0.95, 0.8], np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _photograph(canvas: Image.Image, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Reduce to the final size, then add a camera's light and noise."""
    small = np.asarray(canvas.resize(size, Image.Resampling.BOX), np.float32)
    light = float(rng.uniform(0.85, 1.12))
    noise = rng.normal(0, float(rng.uniform(1, 6)), size=small.shape).astype(np.float32)
    return Image.fromarray(np.clip(small * light + noise, 0, 255).astype(np.uint8))
