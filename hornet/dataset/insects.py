"""What drawn insects look like, and the pen that draws them: shapes in body lengths around a turned body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Colour = tuple[int, int, int]


class Segment(NamedTuple):
    """One ring of an abdomen: where it ends along the axis (0 waist, 1 tail) and its colour."""

    end: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Insect:
    """Proportions (body length = 1) and colours of one kind."""

    abdomen: tuple[Segment, ...]
    thorax: Colour
    head: Colour
    face: Colour
    leg: Colour
    leg_tip: Colour
    wing: tuple[int, int, int, int]
    girth: float


INSECTS: Final = {
    "hornet": Insect(
        abdomen=(
            Segment(0.16, (38, 24, 18)),
            Segment(0.20, (214, 160, 48)),
            Segment(0.40, (34, 22, 18)),
            Segment(0.43, (196, 128, 40)),
            Segment(0.60, (40, 24, 18)),
            Segment(0.86, (228, 128, 22)),
            Segment(1.0, (92, 48, 22)),
        ),
        thorax=(26, 18, 16),
        head=(40, 24, 18),
        face=(226, 134, 34),
        leg=(36, 22, 16),
        leg_tip=(246, 208, 40),
        wing=(92, 66, 44, 130),
        girth=0.155,
    ),
    "wasp": Insect(
        abdomen=(
            Segment(0.10, (30, 24, 18)),
            Segment(0.24, (246, 214, 40)),
            Segment(0.32, (28, 22, 18)),
            Segment(0.46, (248, 218, 46)),
            Segment(0.54, (28, 22, 18)),
            Segment(0.70, (246, 214, 40)),
            Segment(0.77, (28, 22, 18)),
            Segment(1.0, (240, 206, 44)),
        ),
        thorax=(34, 28, 22),
        head=(44, 36, 22),
        face=(240, 206, 48),
        leg=(206, 158, 40),
        leg_tip=(170, 116, 34),
        wing=(206, 196, 170, 110),
        girth=0.14,
    ),
    "bee": Insect(
        abdomen=(
            Segment(0.20, (176, 118, 54)),
            Segment(0.30, (74, 50, 34)),
            Segment(0.46, (160, 108, 56)),
            Segment(0.58, (66, 46, 34)),
            Segment(0.72, (134, 94, 54)),
            Segment(1.0, (58, 42, 34)),
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


class Pen:
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


def draw_insect(
    canvas: Image.Image,
    insect: Insect,
    rng: np.random.Generator,
    *,
    centre: tuple[float, float],
    length: float,
) -> None:
    """Draw an insect with its shadow into `canvas`.

    Args:
        canvas: RGB picture, changed.
        insect: Which.
        rng: Decides direction, legs and wings.
        centre: Place of its waist, px.
        length: Body length, px.
    """
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

    pen = Pen(canvas, centre, length, angle)
    _draw_legs(pen, insect, rng)
    _draw_abdomen(pen, insect)
    pen.ellipse((0.10, 0.0), (0.16, insect.girth * 0.95), insect.thorax)
    pen.ellipse((0.12, -0.04), (0.08, insect.girth * 0.4), lighter(insect.thorax, 22))
    _draw_head(pen, insect)
    spread = float(rng.uniform(0.25, 0.65))
    for side in (-1, 1):
        pen.ellipse((-0.16, side * (0.10 + 0.30 * spread)), (0.36, 0.085), insect.wing, tilt=-side * spread)
        vein = np.array([[0.12, side * 0.07], [-0.42, side * (0.12 + 0.58 * spread)]])
        pen.line(vein, 0.008, (*lighter(insect.wing[:3], -40), 150))


def _draw_abdomen(pen: Pen, insect: Insect) -> None:
    """Draw the rings from waist (x = -0.05) to tail (x = -0.55), each with a lighter middle."""
    start = 0.0
    for segment in insect.abdomen:
        along = np.linspace(start, segment.end, 8)
        # A drop: narrow waist, widest near the first third, pointed tail.
        half = insect.girth * np.sin(np.pi * np.clip(along, 0, 1) ** 0.62) ** 0.62 + 0.012
        for share, colour in ((1.0, segment.colour), (0.45, lighter(segment.colour, 20))):
            x = -0.05 - 0.5 * along
            outline = np.concatenate([np.stack([x, half * share], 1), np.stack([x, -half * share], 1)[::-1]])
            pen.polygon(outline, colour)
        start = segment.end


def _draw_legs(pen: Pen, insect: Insect, rng: np.random.Generator) -> None:
    """Draw six legs of two parts: dark above, their tips in the colour of the species."""
    for root, reach in ((0.18, 0.24), (0.08, -0.04), (0.0, -0.34)):
        for side in (-1, 1):
            swing = float(rng.normal(0, 0.03))
            knee = np.array([root + 0.45 * reach + swing, side * (insect.girth + 0.13)])
            foot = np.array([root + reach + swing, side * (insect.girth + 0.25)])
            pen.line(np.stack([np.array([root, side * insect.girth * 0.5]), knee]), 0.036, insect.leg)
            pen.line(np.stack([knee, foot]), 0.034, insect.leg_tip)


def _draw_head(pen: Pen, insect: Insect) -> None:
    pen.ellipse((0.32, 0.0), (0.085, insect.girth * 0.82), insect.head)
    pen.ellipse((0.365, 0.0), (0.045, insect.girth * 0.5), insect.face)
    for side in (-1, 1):
        pen.ellipse((0.33, side * insect.girth * 0.66), (0.05, 0.032), (18, 14, 14))
        antenna = np.array([[0.39, side * 0.03], [0.47, side * 0.10], [0.50, side * 0.20]])
        pen.line(antenna, 0.016, insect.head)


def lighter(colour: Sequence[int], by: int) -> Colour:
    """Return the colour with every channel raised by `by`, within 0 to 255."""
    red, green, blue = (min(255, max(0, channel + by)) for channel in colour[:3])
    return red, green, blue
