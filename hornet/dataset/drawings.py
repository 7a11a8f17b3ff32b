"""Drawn insects: pictures that belong to nobody, made from a seed.

Golden examples inside an artifact, the pictures under `data/examples` and the tiny training sets of the tests
all come from here, because photographs of others can't be handed on. A drawing proves that the plumbing works;
it says nothing about how well a model knows real hornets.

The present class shows at least one Asian hornet seen from above (dark body, orange fourth segment, yellow leg
tips). The absent class shows a wasp, a honey bee, leaves or nothing at all.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from hornet.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Colour = tuple[int, int, int]

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


class _Segment(NamedTuple):
    """One ring of an abdomen: where it ends along the axis (0 waist, 1 tail) and its colour."""

    end: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Insect:
    """Proportions (body length = 1) and colours of one kind."""

    abdomen: tuple[_Segment, ...]
    thorax: Colour
    head: Colour
    face: Colour
    leg: Colour
    leg_tip: Colour
    wing: tuple[int, int, int, int]
    girth: float


_INSECTS = {
    "hornet": _Insect(
        abdomen=(
            _Segment(0.16, (38, 24, 18)),
            _Segment(0.20, (214, 160, 48)),
            _Segment(0.40, (34, 22, 18)),
            _Segment(0.43, (196, 128, 40)),
            _Segment(0.60, (40, 24, 18)),
            _Segment(0.86, (228, 128, 22)),
            _Segment(1.0, (92, 48, 22)),
        ),
        thorax=(26, 18, 16),
        head=(40, 24, 18),
        face=(226, 134, 34),
        leg=(36, 22, 16),
        leg_tip=(246, 208, 40),
        wing=(92, 66, 44, 130),
        girth=0.155,
    ),
    "wasp": _Insect(
        abdomen=(
            _Segment(0.10, (30, 24, 18)),
            _Segment(0.24, (246, 214, 40)),
            _Segment(0.32, (28, 22, 18)),
            _Segment(0.46, (248, 218, 46)),
            _Segment(0.54, (28, 22, 18)),
            _Segment(0.70, (246, 214, 40)),
            _Segment(0.77, (28, 22, 18)),
            _Segment(1.0, (240, 206, 44)),
        ),
        thorax=(34, 28, 22),
        head=(44, 36, 22),
        face=(240, 206, 48),
        leg=(206, 158, 40),
        leg_tip=(170, 116, 34),
        wing=(206, 196, 170, 110),
        girth=0.14,
    ),
    "bee": _Insect(
        abdomen=(
            _Segment(0.20, (176, 118, 54)),
            _Segment(0.30, (74, 50, 34)),
            _Segment(0.46, (160, 108, 56)),
            _Segment(0.58, (66, 46, 34)),
            _Segment(0.72, (134, 94, 54)),
            _Segment(1.0, (58, 42, 34)),
        ),
        thorax=(150, 112, 66),
        head=(62, 48, 38),
        face=(84, 66, 50),
        leg=(60, 44, 34),
        leg_tip=(60, 44, 34),
        wing=(220, 216, 206, 96),
        girth=0.18,
    ),
}


class _Pen:
    """Draws shapes given in body lengths around a body that lies somewhere, turned somehow."""

    def __init__(self, canvas: Image.Image, centre: tuple[float, float], length: float, angle: float) -> None:
        self._draw = ImageDraw.Draw(canvas, "RGBA")
        self._centre = np.asarray(centre)
        self._length = length
        cos, sin = np.cos(angle), np.sin(angle)
        self._turn = np.array([[cos, sin], [-sin, cos]])

    def polygon(self, points: NDArray[np.float64], fill: tuple[int, ...]) -> None:
        """Fill the outline `points`, shape (N, 2), x towards the head."""
        self._draw.polygon([(float(x), float(y)) for x, y in self._place(points)], fill=fill)

    def line(self, points: NDArray[np.float64], width: float, fill: tuple[int, ...]) -> None:
        """Join `points`, shape (N, 2), by a line of `width` body lengths."""
        placed = [(float(x), float(y)) for x, y in self._place(points)]
        self._draw.line(placed, fill=fill, width=max(1, round(width * self._length)), joint="curve")

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        fill: tuple[int, ...],
        tilt: float = 0.0,
    ) -> None:
        """Fill an ellipse, its first radius turned by `tilt` radians from the body's axis."""
        turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
        x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
        outline = np.stack(
            [
                x * np.cos(tilt) - y * np.sin(tilt) + centre[0],
                x * np.sin(tilt) + y * np.cos(tilt) + centre[1],
            ],
            axis=1,
        )
        self.polygon(outline, fill)

    def _place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        placed: NDArray[np.float64] = self._centre + self._length * (points @ self._turn)
        return placed


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
    elif subject in _INSECTS:
        length = min(width, height) * (scale if scale is not None else float(rng.uniform(0.35, 0.75)))
        centre = (width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.36, 0.64)))
        _draw_insect(canvas, _INSECTS[subject], rng, centre=centre, length=length)
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


def _draw_insect(
    canvas: Image.Image,
    insect: _Insect,
    rng: np.random.Generator,
    *,
    centre: tuple[float, float],
    length: float,
) -> None:
    angle = float(rng.uniform(0, 2 * np.pi))
    shadow = Image.new("L", canvas.size, 0)
    offset = (centre[0] + 0.05 * length, centre[1] + 0.07 * length)
    ImageDraw.Draw(shadow).ellipse(
        (
            offset[0] - 0.4 * length,
            offset[1] - 0.4 * length,
            offset[0] + 0.4 * length,
            offset[1] + 0.4 * length,
        ),
        fill=90,
    )
    shadow = shadow.filter(ImageFilter.GaussianBlur(0.12 * length))
    canvas.paste((20, 18, 14), mask=shadow)

    pen = _Pen(canvas, centre, length, angle)
    _draw_legs(pen, insect, rng)
    _draw_abdomen(pen, insect)
    pen.ellipse((0.10, 0.0), (0.16, insect.girth * 0.95), insect.thorax)
    pen.ellipse((0.12, -0.04), (0.08, insect.girth * 0.4), _lighter(insect.thorax, 22))
    _draw_head(pen, insect)
    spread = float(rng.uniform(0.25, 0.65))
    for side in (-1, 1):
        pen.ellipse((-0.16, side * (0.10 + 0.30 * spread)), (0.36, 0.085), insect.wing, tilt=-side * spread)
        vein = np.array([[0.12, side * 0.07], [-0.42, side * (0.12 + 0.58 * spread)]])
        pen.line(vein, 0.008, (*_lighter(insect.wing[:3], -40), 150))


def _draw_abdomen(pen: _Pen, insect: _Insect) -> None:
    """Draw the rings from waist (x = -0.05) to tail (x = -0.55), each with a lighter middle."""
    start = 0.0
    for segment in insect.abdomen:
        along = np.linspace(start, segment.end, 8)
        # A drop: narrow waist, widest near the first third, pointed tail.
        half = insect.girth * np.sin(np.pi * np.clip(along, 0, 1) ** 0.62) ** 0.62 + 0.012
        for share, colour in ((1.0, segment.colour), (0.45, _lighter(segment.colour, 20))):
            x = -0.05 - 0.5 * along
            outline = np.concatenate([np.stack([x, half * share], 1), np.stack([x, -half * share], 1)[::-1]])
            pen.polygon(outline, colour)
        start = segment.end


def _draw_legs(pen: _Pen, insect: _Insect, rng: np.random.Generator) -> None:
    """Draw six legs of two parts: dark above, their tips in the colour of the species."""
    for root, reach in ((0.18, 0.24), (0.08, -0.04), (0.0, -0.34)):
        for side in (-1, 1):
            swing = float(rng.normal(0, 0.03))
            knee = np.array([root + 0.45 * reach + swing, side * (insect.girth + 0.13)])
            foot = np.array([root + reach + swing, side * (insect.girth + 0.25)])
            pen.line(np.stack([np.array([root, side * insect.girth * 0.5]), knee]), 0.036, insect.leg)
            pen.line(np.stack([knee, foot]), 0.034, insect.leg_tip)


def _draw_head(pen: _Pen, insect: _Insect) -> None:
    pen.ellipse((0.32, 0.0), (0.085, insect.girth * 0.82), insect.head)
    pen.ellipse((0.365, 0.0), (0.045, insect.girth * 0.5), insect.face)
    for side in (-1, 1):
        pen.ellipse((0.33, side * insect.girth * 0.66), (0.05, 0.032), (18, 14, 14))
        antenna = np.array([[0.39, side * 0.03], [0.47, side * 0.10], [0.50, side * 0.20]])
        pen.line(antenna, 0.016, insect.head)


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
        pen = _Pen(canvas, centre, radius, first + 2 * np.pi * number / count)
        pen.ellipse((0.36, 0.0), (0.3, 0.11), _lighter(petals, -int(rng.integers(0, 22))))
    _Pen(canvas, centre, radius, 0.0).ellipse((0.0, 0.0), (0.13, 0.13), (206, 166, 52))
    return canvas


def _sky(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    return _mottled(rng, width, height, base=(168, 190, 208), contrast=20).filter(ImageFilter.GaussianBlur(3))


def _scatter_leaves(canvas: Image.Image, rng: np.random.Generator, count: int) -> None:
    width, height = canvas.size
    for _ in range(count):
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        pen = _Pen(
            canvas, centre, min(width, height) * float(rng.uniform(0.3, 0.6)), float(rng.uniform(0, 6.3))
        )
        along = np.linspace(0, 1, 20)
        half = 0.2 * np.sin(np.pi * along) ** 0.8
        outline = np.concatenate([np.stack([along - 0.5, half], 1), np.stack([along - 0.5, -half], 1)[::-1]])
        green = (int(rng.integers(54, 120)), int(rng.integers(104, 164)), int(rng.integers(36, 76)))
        pen.polygon(outline, green)
        pen.line(np.array([[-0.5, 0.0], [0.5, 0.0]]), 0.014, _lighter(green, 34))


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


def _lighter(colour: Sequence[int], by: int) -> Colour:
    red, green, blue = (min(255, max(0, channel + by)) for channel in colour[:3])
    return red, green, blue
