"""Charts as SVG that lies in the page: its colours follow the theme, its texts the language, no library draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of a drawing, in its own units: about px on a phone.
WIDTH: Final = 330
HEIGHT: Final = 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 40


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a chart.

    Attributes:
        label: What it shows, with its unit.
        low: Value at its beginning.
        high: Value at its end.
        ticks: Values and what is written at them.
        log: Whether equal ratios are equal lengths.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 to 1; values off the axis lie at its ends."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(slots=True)
class Chart:
    """Axes, and what is drawn between them.

    Attributes:
        x: To the right.
        y: Upwards.
        label: What people hear who can't see it.
        marks: What was drawn.
        legend: Kind of mark and its words.
    """

    x: Axis
    y: Axis
    label: str
    marks: list[str] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)

    def line(
        self, points: Sequence[tuple[float, float]], kind: str, words: str = "", *, steps: bool = False
    ) -> None:
        """Draw a line.

        Args:
            points: Its corners.
            kind: Class of the page's style: ``a``, ``b``, ``c`` or ``guide``.
            words: For the legend; empty: not in it.
            steps: Go across first, then up.
        """
        if not points:
            return
        path = []
        for number, (x, y) in enumerate(points):
            at = f"{self._x(x):.1f},{self._y(y):.1f}"
            if steps and number:
                path.append(f"H{self._x(x):.1f}V{self._y(y):.1f}")
            else:
                path.append(("L" if number else "M") + at)
        self.marks.append(f'<path class="line {kind}" d="{"".join(path)}"/>')
        self._explain(f"line {kind}", words)

    def dot(
        self, at: tuple[float, float], kind: str, words: str = "", *, radius: float = 4.5, tip: str = ""
    ) -> None:
        """Draw a dot; ``tip`` shows under the mouse."""
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self.marks.append(
            f'<circle class="dot {kind}" cx="{self._x(at[0]):.1f}" cy="{self._y(at[1]):.1f}" r="{radius:.1f}">{told}</circle>'
        )
        self._explain(f"dot {kind}", words)

    def upright(self, x: float, low: float, high: float, kind: str, words: str = "") -> None:
        """Draw an upright line between two values, such as an interval."""
        self.marks.append(
            f'<path class="line {kind}" d="M{self._x(x):.1f},{self._y(low):.1f}V{self._y(high):.1f}"/>'
        )
        self._explain(f"line {kind}", words)

    def span(self, low: float, high: float, kind: str, words: str = "") -> None:
        """Shade what lies between two values of x."""
        left, right = self._x(low), self._x(high)
        self.marks.append(
            f'<rect class="span {kind}" x="{left:.1f}" y="{_TOP}" width="{max(1.0, right - left):.1f}" '
            f'height="{HEIGHT - _TOP - _BOTTOM}"/>'
        )
        self._explain(f"span {kind}", words)

    def render(self, title: str) -> str:
        """Return a figure with its title and legend."""
        entries = "".join(
            f'<li><svg class="key" viewBox="0 0 24 12" aria-hidden="true">{_KEYS[kind.split()[0]].format(kind=kind)}</svg> '
            f"{escape(words)}</li>"
            for kind, words in self.legend
        )
        legend = f'<ul class="legend">{entries}</ul>' if entries else ""
        return (
            f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.label)}">'
            f"{self._frame()}{''.join(self.marks)}</svg>{legend}</figure>"
        )

    def _explain(self, kind: str, words: str) -> None:
        if words and (kind, words) not in self.legend:
            self.legend.append((kind, words))

    def _frame(self) -> str:
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        parts = []
        for value, text in self.x.ticks:
            across = f"{self._x(value):.1f}"
            parts.append(f'<path class="grid" d="M{across},{_TOP}V{bottom}"/>')
            parts.append(f'<text x="{across}" y="{bottom + 15}" text-anchor="middle">{escape(text)}</text>')
        for value, text in self.y.ticks:
            at = self._y(value)
            parts.append(f'<path class="grid" d="M{_LEFT},{at:.1f}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>')
        middle = (_TOP + bottom) / 2
        parts.append(f'<path class="axis" d="M{_LEFT},{_TOP}V{bottom}H{right}"/>')
        parts.append(
            f'<text x="{(_LEFT + right) / 2}" y="{HEIGHT - 7}" text-anchor="middle">{escape(self.x.label)}</text>'
        )
        parts.append(
            f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">'
            f"{escape(self.y.label)}</text>"
        )
        return "".join(parts)

    def _x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * self.x.place(value)

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * self.y.place(value)


def thin(points: Sequence[tuple[float, float]], most: int = 240) -> list[tuple[float, float]]:
    """Return at most about so many of the points, both ends among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


_KEYS: Final = {
    "line": '<path class="{kind}" d="M1,6H23"/>',
    "dot": '<circle class="{kind}" cx="12" cy="6" r="4.5"/>',
    "span": '<rect class="{kind}" x="2" y="1" width="20" height="10"/>',
}
