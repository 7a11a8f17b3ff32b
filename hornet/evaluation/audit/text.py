"""Text burnt into pictures: clocks, frame numbers, names of cameras, found without reading any of it.

What a camera writes differs from what it sees in how it behaves from picture to picture. Strokes of text are thin,
stand at the same pixels, and have one brightness (or, where the text is half transparent, one contrast): a pixel is
either on a stroke or it isn't. Scenes move, change their light, and have every brightness in between. So for each
pixel of pictures of one size, two things are counted over the pictures: how often a thin stroke goes through it, and
how constant the strokes are. Both are sums, so that any number of pictures takes the memory of a few.

Text that changes is told by pixels that switch between the same two levels. Text that never changes is told only
where everything else does: before a background that is as still as the text, hornet doesn't guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hornet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hornet.images import Box

#: Pictures of one size and camera below which nothing is said: levels of fewer can't be told from chance.
LEAST: Final = 16

# All lengths are in px, all levels of 255. They were chosen on drawn and real pictures; docs/audit.md says how well
# they find and how seldom they are wrong.
_WIDEST: Final = 7  # of a stroke, and one more
_CONTRAST: Final = 32  # of a stroke against what is around it
_NOISE: Final = 4.0  # of a level in a JPEG
_ONE_LEVEL: Final = 8.0  # most spread of what counts as one brightness
_JUMP: Final = 40.0  # least step between on and off
_SELDOM, _OFTEN = 0.12, 0.9  # share of pictures with a stroke here, for a pixel that switches
_ENOUGH: Final = 8  # strokes, for their spread to be known
_CLEAR: Final = 4.0  # step between on and off in units of their spread
_STEADY: Final = 5.0  # contrast of a steady stroke in units of its spread
_LIVELY: Final = 9.0  # spread of the brightness around a steady stroke, so that it proves anything
_QUIET: Final = 0.02  # share of switching pixels up to which a scene is quiet
_MOVING: Final = 0.0005  # share of pixels with strokes in most pictures up to which nothing stands still
_HEIGHTS: Final = (5, 64)  # of a line of text
_PARTS: Final = 3  # letters, at least


@dataclass(frozen=True, slots=True)
class Text:
    """A line of burnt-in text.

    Attributes:
        box: Where it is, with a margin, as fractions of the upright picture.
        changes: Whether it differs from picture to picture, as a clock does.
    """

    box: Box
    changes: bool


class _Strokes:
    """Sums over pictures of the thin strokes of one polarity, bright or dark; all of shape (H, W).

    Args:
        shape: Height and width, px.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        # n, contrast, its square, brightness, its square: of pictures with a stroke here.
        self._on = np.zeros((5, *shape), np.float32)
        self._contrast = np.zeros((2, *shape), np.float32)  # contrast and its square, of all pictures
        self._count = 0
        self._bits: list[NDArray[np.uint8]] = []  # where strokes are, of each picture

    def add(self, contrast: NDArray[np.uint8], brightness: NDArray[np.float32]) -> None:
        on = contrast > _CONTRAST
        level = contrast.astype(np.float32)
        ones = np.ones_like(level)
        self._on += on * np.stack([ones, level, level**2, brightness, brightness**2])
        self._contrast += np.stack([level, level**2])
        self._bits.append(np.packbits(on))
        self._count += 1

    def share(self) -> NDArray[np.float32]:
        """Return how often a stroke goes through each pixel, 0 to 1."""
        share: NDArray[np.float32] = self._on[0] / np.float32(self._count)
        return share

    def always(self, area: _Area, marks: NDArray[np.bool_]) -> bool:
        """Tell whether about as many strokes go through an area's marks in every picture, as text's do."""
        places = np.zeros(self.share().shape, bool)
        places[area_of(area)] = marks[area_of(area)]
        packed = np.packbits(places)
        counts = np.array([np.bitwise_count(bits & packed).sum() for bits in self._bits])
        return bool(np.quantile(counts, 0.2) >= 0.4 * np.median(counts) > 0)

    def marks(
        self, spread: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which pixels behave like text.

        Args:
            spread: Standard deviation of the brightness over the pictures.

        Returns:
            Pixels that switch between two levels; pixels with a steady stroke; pixels that switch somehow, where
            hardly any others do. Empty where the scene doesn't allow to say.
        """
        from scipy import ndimage

        n, s, q, bright, bright2 = self._on
        share, off = self.share(), self._count - n
        seldom = max(_SELDOM, _ENOUGH / self._count)
        mean_on, spread_on = _moments(n, s, q)
        mean_off, spread_off = _moments(off, self._contrast[0] - s, self._contrast[1] - q)
        step = mean_on - mean_off
        clear = step / np.sqrt(spread_on**2 + spread_off**2 + _NOISE**2)
        one_level = _moments(n, bright, bright2)[1] <= _ONE_LEVEL
        # A stroke of the scene fades with the light, that of a letter is there or isn't.
        gone = mean_off <= _CONTRAST / 2
        between = (share >= seldom) & (share <= _OFTEN)
        switching = between & ((clear >= _CLEAR) | (one_level & gone & (step >= _JUMP)))
        loose = (share >= max(seldom, 2 * _SELDOM)) & (share <= _OFTEN) & (step >= _JUMP) & gone
        if loose.mean() > _QUIET:
            loose[:] = False

        around = ndimage.uniform_filter(spread, 41)
        mean, its_spread = _moments(np.float32(self._count), *self._contrast)
        steadiness = mean / (its_spread + _NOISE)
        # Strokes of the scene, whose light changes, are no steadier than this.
        usual = np.percentile(steadiness[share > 0.5], 90) if (share > 0.5).sum() > _WIDEST**2 else 0.0  # noqa: PLR2004 - most
        opaque = (spread <= _ONE_LEVEL) & (spread <= around / 3) & (share >= 2 * _SELDOM)
        blended = (share > _OFTEN) & (steadiness >= _STEADY) & (usual < 0.8 * _STEADY)
        return switching, (around >= _LIVELY) & (opaque | blended), loose


def find_text(frames: Iterable[NDArray[np.uint8]]) -> list[Text]:
    """Find lines of text at fixed places.

    Args:
        frames: Grey pictures uint8 (H, W), all of one size and, if that is known, of one camera; looked at once,
            one at a time.

    Returns:
        The lines, from top to bottom; none if there are fewer than 16 pictures.

    Raises:
        ConfigError: If sizes differ.
    """
    from scipy import ndimage

    strokes: list[_Strokes] = []
    sums = np.zeros((2, 1, 1), np.float32)
    count = 0
    for frame in frames:
        if not strokes:
            strokes = [_Strokes(frame.shape), _Strokes(frame.shape)]
            sums = np.zeros((2, *frame.shape), np.float32)
        if frame.shape != sums.shape[1:]:
            raise ConfigError("pictures of different sizes have no places in common: give those of one size")
        side = (_WIDEST, _WIDEST)
        brightness = frame.astype(np.float32)
        strokes[0].add(frame - ndimage.grey_opening(frame, size=side), brightness)
        strokes[1].add(ndimage.grey_closing(frame, size=side) - frame, brightness)
        sums += np.stack([brightness, brightness**2])
        count += 1
    if count < LEAST:
        return []
    spread = _moments(np.float32(count), *sums)[1]
    lines = [line for dark, each in enumerate(strokes) for line in _lines_of(each, spread, dark=bool(dark))]
    height, width = spread.shape
    return [
        Text(_fraction(_pad(area, (height, width)), (height, width)), changes)
        for area, changes in _merge(lines)
    ]


_Area = tuple[int, int, int, int]  # x0, y0, x1, y1, px, ends excluded
_Line = tuple[_Area, bool]


def _moments(
    count: NDArray[np.float32] | np.float32, total: NDArray[np.float32], squares: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation from sums; 0 where there was nothing."""
    safe = np.maximum(count, 1)
    mean: NDArray[np.float32] = (total / safe).astype(np.float32)
    spread: NDArray[np.float32] = np.sqrt(np.maximum(squares / safe - mean**2, 0))
    return mean, spread


def _lines_of(strokes: _Strokes, spread: NDArray[np.float32], *, dark: bool) -> list[_Line]:
    """Find the lines that strokes of one polarity make."""
    switching, steady, loose = strokes.marks(spread)
    share = strokes.share()
    marks = switching | steady
    still = (share > 0.5) & ~marks & ~loose  # noqa: PLR2004 - most
    moving = still.mean() <= _MOVING
    lines: list[_Line] = []
    for area in _line_areas(marks | loose):
        part = area_of(area)
        changing = (switching | loose)[part].sum() >= 0.2 * (marks | loose)[part].sum()
        # Before a background that stands still, steady dark places may be holes, cracks and screws.
        if not changing and dark and not moving:
            continue
        if _sharp_edged(marks | loose, area) and strokes.always(area, marks | loose):
            lines.append((_grow(area, (share > _OFTEN) | marks | loose), bool(changing)))
    return lines


def area_of(area: _Area) -> tuple[slice, slice]:
    """Return the slices of an area, rows first."""
    return slice(area[1], area[3]), slice(area[0], area[2])


def _line_areas(marks: NDArray[np.bool_]) -> list[_Area]:
    """Join marks that stand side by side into lines, and return those with the form of text."""
    from scipy import ndimage

    margin = 20  # else closing would eat what touches the picture's edge
    joined = ndimage.binary_closing(np.pad(marks, margin), np.ones((3, 14)))[margin:-margin, margin:-margin]
    joined = ndimage.binary_opening(joined, np.ones((4, 6)))
    areas: list[_Area] = []
    for rows, columns in ndimage.find_objects(ndimage.label(joined)[0]):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        part = marks[rows, columns]
        right_size = _HEIGHTS[0] <= height <= _HEIGHTS[1] and width >= 1.5 * height
        # A letter's strokes are short; edges of boards are long.
        long = ndimage.binary_opening(part, np.ones((1, 2 * height + 1))).any()
        if right_size and not long and part.mean() >= 0.1 and ndimage.label(part)[1] >= _PARTS:  # noqa: PLR2004 - ink of thin letters
            areas.append((columns.start, rows.start, columns.stop, rows.stop))
    return areas


def _sharp_edged(marks: NDArray[np.bool_], area: _Area) -> bool:
    """Tell whether marks end above and below as a line of text does: within few pixels, with nothing beyond."""
    x0, y0, x1, y1 = area
    inside = marks[area_of(area)].mean()
    reach = max(2, (y1 - y0) // 3)
    beyond = [marks[max(0, y0 - 1 - reach) : max(0, y0 - 1), x0:x1], marks[y1 + 1 : y1 + 1 + reach, x0:x1]]
    return all(each.size == 0 or each.mean() <= 0.25 * inside for each in beyond)


def _grow(area: _Area, ink: NDArray[np.bool_]) -> _Area:
    """Add letters that never change, as the year of a date, to both ends of a line that does change."""
    from scipy import ndimage

    x0, y0, x1, y1 = area
    height = y1 - y0
    top, bottom = max(0, y0 - height), min(len(ink), y1 + height)
    letters = [
        (columns.start, columns.stop)
        for rows, columns in ndimage.find_objects(ndimage.label(ink[top:bottom], np.ones((3, 3)))[0])
        if rows.start + top >= y0 - 2
        and rows.stop + top <= y1 + 2
        and columns.stop - columns.start <= 10 * height  # a date at most, whose outlines touch
        and (columns.stop - columns.start) * (rows.stop - rows.start) > _PARTS
    ]
    for start, stop in sorted(letters, reverse=True):
        if x0 - height <= stop and start < x0:
            x0 = start
    for start, stop in sorted(letters):
        if start <= x1 + height and stop > x1:
            x1 = stop
    return x0, y0, x1, y1


def _merge(lines: Sequence[_Line]) -> list[_Line]:
    """Join lines that overlap or stand on one base line close to each other; from top to bottom."""
    rest, merged = sorted(lines, key=lambda line: line[0][1]), []
    while rest:
        area, changes = rest.pop(0)
        near = [line for line in rest if _belong(area, line[0])]
        if near:
            rest = [line for line in rest if line not in near]
            for other, other_changes in near:
                low, high = np.minimum(area, other), np.maximum(area, other)
                area = (int(low[0]), int(low[1]), int(high[2]), int(high[3]))
                changes = changes or other_changes
            rest.insert(0, (area, changes))
        else:
            merged.append((area, changes))
    return merged


def _belong(one: _Area, other: _Area) -> bool:
    overlap = min(one[3], other[3]) - max(one[1], other[1])
    gap = max(one[0], other[0]) - min(one[2], other[2])
    tall = max(one[3] - one[1], other[3] - other[1])
    return overlap > 0 and gap <= 1.5 * tall


def _pad(area: _Area, shape: tuple[int, int]) -> _Area:
    """Add a third of the line's height all round, and what is left up to a near edge of the picture."""
    x0, y0, x1, y1 = area
    height, width = shape
    near, margin = y1 - y0, max(2, round((y1 - y0) / 3))
    return (
        0 if x0 <= near else x0 - margin,
        0 if y0 <= near else y0 - margin,
        width if x1 >= width - near else x1 + margin,
        height if y1 >= height - near else y1 + margin,
    )


def _fraction(area: _Area, shape: tuple[int, int]) -> Box:
    """Return an area as fractions, rounded outward to thousandths."""
    height, width = shape
    low = [
        np.floor(1000 * value / size) / 1000 for value, size in zip(area[:2], (width, height), strict=True)
    ]
    high = [
        np.ceil(1000 * value / size) / 1000 for value, size in zip(area[2:], (width, height), strict=True)
    ]
    return (
        float(max(0.0, low[0])),
        float(max(0.0, low[1])),
        float(min(1.0, high[0])),
        float(min(1.0, high[1])),
    )
